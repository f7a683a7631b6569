import { type SessionInfo, NbError } from '@nb/contracts'
import type { SessionParts } from './sessions.ts'
import { discardOrphans } from './housekeeping.ts'
import type { JobRecord } from './job-record.ts'
import { keepSessionLeases, sessionOfHolding } from './media-requests.ts'
import { attempt } from './patience.ts'
import { type SessionState, keepsGrants, keepsSession, recoveryAction } from './recovery-plan.ts'
import { RunningJob } from './running-job.ts'
import { endSession, liveSessions } from './session-calls.ts'
import { allows } from './transitions.ts'
import { killed, reportOf } from './session-watch.ts'

/** What the recovery sets going again; each call returns at once. */
export interface RecoveredFlows {
  /** From step 3. */
  request(record: JobRecord): void
  /** From step 8, with the job as the recovery knows it. */
  resume(job: RunningJob): void
  /** Ends it early with this reason. */
  undo(job: RunningJob, reason: NbError): void
  /** Settles the try that is over. */
  settleTry(record: JobRecord): void
  /** Watches the time until which it rests. */
  rest(record: JobRecord): void
  /** Carries on what was asked of a parent, and ends it when its parts have ended. */
  lookAfterParts(record: JobRecord): void
  /** From step 15, or the last steps of a registered job. */
  conclude(record: JobRecord): void
  /** A registered job whose owner may come back. */
  awaitOwner(record: JobRecord): void
}

/** A live session and where. */
interface FoundSession extends SessionInfo {
  readonly mediaServer: string
}

/**
 * After a start: asks every media server which sessions live, keeps those whose jobs go on, ends the rest; gives every
 * unfinished job its way to a true end; gives back what nobody holds any more.
 *
 * @returns the images that were given up; no flow removes them, not even where their job goes on
 */
export async function recover(parts: SessionParts, flows: RecoveredFlows): Promise<readonly string[]> {
  const { store, broker, log } = parts
  const { found, silent } = await findSessions(parts)
  await endStrangers(parts, found)
  let orphans: readonly string[] = []
  await attempt(log, 'recovery of images', async () => {
    orphans = await discardOrphans(parts, 'nothing-runs')
  })
  await attempt(log, 'recovery of grants', () => releaseStrangers(parts))
  const records = store.unfinished()
  if (records.length > 0) log('%d jobs are taken up again', records.length)
  const byJob = new Map<string, FoundSession[]>()
  for (const session of found) {
    const known = byJob.get(session.jobId)
    if (known === undefined) byJob.set(session.jobId, [session])
    else known.push(session)
  }
  for (const each of records) {
    const record = await withParentsCancel(parts, each)
    if (record !== undefined) await takeUp(parts, flows, record, byJob.get(record.id) ?? [], silent)
  }
  await attempt(log, 'reconciliation', () => broker.reconcile({ repair: true }))
  return orphans
}

async function findSessions(
  parts: SessionParts,
): Promise<{ readonly found: readonly FoundSession[]; readonly silent: ReadonlySet<string> }> {
  const silent = new Set<string>()
  const answers = await Promise.all(
    [...parts.mediaServers.keys()].map(async (mediaServer) => {
      const sessions = await liveSessions(parts, mediaServer)
      if (sessions === undefined) silent.add(mediaServer)
      return (sessions ?? []).map((session) => ({ ...session, mediaServer }))
    }),
  )
  return { found: answers.flat(), silent }
}

async function endStrangers(parts: SessionParts, found: readonly FoundSession[]): Promise<void> {
  const { store, ownerGraceMs } = parts
  const strangers = found.filter(
    (session) => !keepsSession(store.current(session.jobId), session, ownerGraceMs > 0),
  )
  await Promise.all(
    strangers.map(({ mediaServer, sessionId, jobId }) => {
      const { cancel, suspend } = store.current(jobId) ?? {}
      const status = cancel !== undefined ? 150 : suspend !== undefined ? 157 : 63
      const reason =
        cancel?.reason ??
        suspend?.reason ??
        'the job manager was restarted and no job goes on with this session'
      return endSession(parts, mediaServer, { sessionId, status, reason })
    }),
  )
}

/** Releases the grants of jobs that are over, unknown or at rest. */
async function releaseStrangers({ broker, store }: SessionParts): Promise<void> {
  const strangers: string[] = []
  for await (const { leaseId, allocation } of broker.grants({})) {
    if (!keepsGrants(store.current(allocation.jobId))) strangers.push(leaseId)
  }
  for (const leaseId of strangers) await broker.release({ leaseId })
}

/** The record, with the cancel of its parent where a crash came between the two. */
async function withParentsCancel({ store }: SessionParts, { id }: JobRecord): Promise<JobRecord | undefined> {
  const record = store.current(id)
  const cancel = record?.parentId === undefined ? undefined : store.current(record.parentId)?.cancel
  if (record === undefined || cancel === undefined || record.cancel !== undefined) return record
  return allows(record, 'cancel-requested')
    ? store.apply(id, { kind: 'cancel-requested', ...cancel })
    : record
}

async function takeUp(
  parts: SessionParts,
  flows: RecoveredFlows,
  record: JobRecord,
  found: readonly FoundSession[],
  silent: ReadonlySet<string>,
): Promise<void> {
  const { store, leases, clock } = parts
  const session = found.find(
    ({ jobId, sessionId }) => jobId === record.id && sessionId === (record.session?.sessionId ?? sessionId),
  )
  const state: SessionState =
    session !== undefined ? 'alive' : silent.has(record.mediaServer ?? '') ? 'unknown' : 'gone'
  const job = new RunningJob(parts, record)
  switch (recoveryAction(record, state)) {
    case 'request':
      if (record.phase === 'granted') await store.apply(record.id, { kind: 'requeued' })
      job.say('the job manager was restarted: resources are requested again')
      flows.request(record)
      return
    case 'adopt': {
      if (session !== undefined && record.phase === 'imaged') {
        await job.change({ kind: 'started', sessionId: session.sessionId, mediaServer: session.mediaServer })
      }
      const { held } = record
      if (held !== undefined)
        leases.keep({ leaseId: held.leaseId, expiresAt: clock.now() }, (reason) => job.endWith(reason))
      keepSessionLeases(parts, record, () => record.mediaServer)
      job.say(`the job manager was restarted: session ${job.sessionId ?? '-'} goes on`)
      flows.resume(job)
      await answerAgain(parts, record, job.sessionId, job)
      return
    }
    case 'ask-report': {
      const { sessionId = '', mediaServer = '' } = record.session ?? {}
      const report = await reportOf(parts, mediaServer, sessionId)
      if (report === undefined) {
        flows.undo(job, killed(sessionId))
        return
      }
      job.hear(report)
      flows.resume(job)
      return
    }
    case 'end-killed':
      flows.undo(job, killed(undefined))
      return
    case 'end-cancelled':
      flows.undo(job, new NbError('job-cancelled', record.cancel?.reason ?? 'cancelled'))
      return
    case 'end-suspended':
      flows.undo(job, new NbError('job-suspended', record.suspend?.reason ?? 'suspended'))
      return
    case 'settle-try':
      flows.settleTry(record)
      return
    case 'rest':
      flows.rest(record)
      return
    case 'look-after-parts':
      flows.lookAfterParts(record)
      return
    case 'conclude':
      flows.conclude(record)
      return
    case 'await-owner': {
      const alive = new Map(
        found.filter(({ jobId }) => jobId === record.id).map((each) => [each.sessionId, each.mediaServer]),
      )
      keepSessionLeases(parts, record, (sessionId) => alive.get(sessionId))
      const gone = record.sessionHoldings.map(({ key }) => sessionOfHolding(key))
      for (const sessionId of new Set(gone)) {
        if (!alive.has(sessionId)) await parts.requests.sessionOver(record.id, sessionId)
      }
      for (const sessionId of alive.keys()) await answerAgain(parts, record, sessionId, undefined)
      flows.awaitOwner(record)
    }
  }
}

/** Answers the media requests that were acknowledged before the restart. */
async function answerAgain(
  { requests }: SessionParts,
  record: JobRecord,
  sessionId: string | undefined,
  job: RunningJob | undefined,
): Promise<void> {
  for (const { value: input } of record.mediaRequests) {
    if (input.sessionId === sessionId) await requests.take(input, job)
  }
}
