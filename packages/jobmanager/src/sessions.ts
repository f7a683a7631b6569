import { type JobSessions, type SessionReport, NbError } from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import { describeReport, finalProgress, severityOf } from './flow-lines.ts'
import { type JobRecord, isBackupRecord } from './job-record.ts'
import type { KeptJob } from './job-store.ts'
import { isRemoving } from './job-view.ts'
import { noteVolumes } from './images-on-volumes.ts'
import type { MediaRequests } from './media-requests.ts'
import { type RunningJob, sayInLog } from './running-job.ts'

/** What the answers to media servers need. */
export interface SessionParts extends ManagerParts {
  readonly requests: MediaRequests
  /** The backups whose flow runs here. */
  readonly running: ReadonlyMap<string, RunningJob>
  /** Reports of backups that the recovery has not taken up yet, by job. */
  readonly earlyReports: Map<string, SessionReport>
  /** While the recovery after a start does not know yet which sessions are whose: resolves when it does. */
  readonly recovered: () => Promise<unknown> | undefined
}

/**
 * The progress of a restore is written this often: what it has brought stays when its process is killed. A backup's is written with
 * its checkpoints, since nothing else of it stays.
 */
const noteProgressMs = 2000

/** What media servers tell of their sessions. A session that is nobody's hears `session-unknown` and ends itself. */
export function createJobSessions(parts: SessionParts): JobSessions {
  const { store, requests, running } = parts
  /** Sessions of registered jobs that have told their end. */
  const over = new Map<string, Set<string>>()
  const hasEnded = (jobId: string, sessionId: string): boolean => over.get(jobId)?.has(sessionId) === true
  const noteEnd = (jobId: string, sessionId: string): void => {
    for (const known of over.keys()) if (store.current(known) === undefined) over.delete(known)
    over.set(jobId, (over.get(jobId) ?? new Set()).add(sessionId))
  }
  /** When the progress of a job was written last, or first shown. */
  const notedAt = new WeakMap<KeptJob, number>()
  const noteProgress = (jobId: string): void => {
    const job = store.kept(jobId)
    if (job === undefined) return
    const now = parts.clock.now()
    const last = notedAt.get(job)
    if (last === undefined || now - last >= noteProgressMs) notedAt.set(job, now)
    if (last === undefined || now - last < noteProgressMs) return
    // Every change is written with what has been shown. A job that ends meanwhile writes it itself.
    store
      .apply(jobId, { kind: 'noted', facts: {} })
      .catch((error: unknown) => parts.log.error('the progress of job %s was not written: %o', jobId, error))
  }

  return {
    requestMedia: async (input) => {
      const recovered = parts.recovered()
      if (recovered !== undefined) await recovered
      const { jobId, sessionId } = input
      const record = unfinished(parts, jobId, sessionId)
      const job = running.get(jobId)
      if (isBackupRecord(record) ? job?.owns(sessionId) !== true : hasEnded(jobId, sessionId)) {
        throw unknownSession(sessionId)
      }
      await requests.take(input, job)
    },
    progress: async ({ jobId, sessionId, progress }) => {
      // A removal tells its progress too; its archive shows that of the backup.
      const ended = store.current(jobId)
      if (ended !== undefined && isRemoving(ended)) return
      const record = unfinished(parts, jobId, sessionId)
      if (isBackupRecord(record) && running.get(jobId)?.owns(sessionId) === false)
        throw unknownSession(sessionId)
      const operation = record.type === 'restore' ? 'reading' : 'writing'
      store.show(jobId, progress.bytes > 0 || progress.files > 0 ? { progress, operation } : { progress })
      if (record.phase === 'registered') noteProgress(jobId)
    },
    checkpoint: async ({ jobId, sessionId, checkpoint }) => {
      await parts.recovered()
      const record = unfinished(parts, jobId, sessionId)
      if (running.get(jobId)?.owns(sessionId) !== true) throw unknownSession(sessionId)
      if (checkpoint.number <= (record.checkpoint?.number ?? 0)) return
      // What a checkpoint keeps is on its volumes for whoever looks for a free one.
      await noteVolumes(parts, record, checkpoint.copies)
      // The session tells of it in the job's log once this has answered.
      await store.apply(jobId, { kind: 'checkpointed', checkpoint })
    },
    sessionEnded: async ({ report }) => {
      const { jobId, sessionId } = report
      const record = store.current(jobId) ?? (await store.read(jobId))
      if (record === undefined) throw unknownSession(sessionId)
      if (report.kind === 'removal') {
        // Whoever asked for it waits for its report at the media server.
        if (!isRemoving(record)) throw unknownSession(sessionId)
        return
      }
      if (isBackupRecord(record)) {
        const job = running.get(jobId)
        if (job === undefined ? record.session?.sessionId !== sessionId : !job.owns(sessionId)) {
          throw unknownSession(sessionId)
        }
        if (job === undefined) parts.earlyReports.set(jobId, report)
        else job.hear(report)
        return
      }
      if (record.phase === 'final') return
      if (!hasEnded(jobId, sessionId)) {
        noteEnd(jobId, sessionId)
        const { status, waitedForEmptyBuffer, waitedForFullBuffer } = report
        await sayInLog(store, parts.clock, parts.log, jobId, () => describeReport(report), {
          severity: severityOf(status),
          data: { status, waitedForFullBuffer, waitedForEmptyBuffer },
        })
        store.show(jobId, { progress: finalProgress(report), operation: 'ending' })
      }
      await requests.sessionOver(jobId, sessionId)
    },
  }
}

const withSession: readonly JobRecord['phase'][] = ['imaged', 'running', 'registered']

function unfinished({ store }: SessionParts, jobId: string, sessionId: string): JobRecord {
  const record = store.current(jobId)
  if (record === undefined || !withSession.includes(record.phase)) throw unknownSession(sessionId)
  return record
}

function unknownSession(sessionId: string): NbError {
  return new NbError('session-unknown', `session ${sessionId} belongs to no job that runs`, {
    details: { sessionId },
  })
}
