import { type NbError as Reason, NbError } from '@nb/contracts'
import { resumeBackup, runBackup, settleBackup, settleTry, undoBackup } from './backup-flow.ts'
import { type Deadline, createDeadlines, deadlineOf } from './deadlines.ts'
import { endingOfError } from './flow-lines.ts'
import type { Ending, JobRecord } from './job-record.ts'
import { isAtRest } from './job-operations.ts'
import { allEnded, parentEnding } from './parent-jobs.ts'
import type { RecoveredFlows } from './recovery.ts'
import { isOwnFlow } from './recovery-plan.ts'
import { endAbandoned, settleRegistered } from './registered-jobs.ts'
import { RunningJob } from './running-job.ts'
import type { SessionParts } from './sessions.ts'
import { type WorkParts, runWork } from './work-flow.ts'

/** What the flows work with. */
export interface FlowParts extends SessionParts, WorkParts {
  readonly running: Map<string, RunningJob>
  readonly active: ReadonlySet<string>
  /** Whether nothing may begin any more. */
  readonly isStopping: () => boolean
}

/** Sets the flows of jobs going, by themselves and for those who ask, and keeps account of them. */
export interface Flows extends RecoveredFlows {
  /** Begins the flow of a queued job. */
  begin(jobId: string): void
  queueAgain(jobId: string, byHand: boolean): Promise<void>
  endAtRest(jobId: string, reason: Reason): void
  lookAfterParts(jobId: string | JobRecord): void
  track(task: Promise<void>): void
  /** Is told of every change of a job: its deadline may be another. */
  changed(jobId: string): void
  /** The owner of a registered job has come back. */
  claim(jobId: string): void
  /** Resolves when the jobs whose owners can't come back are ended. */
  recovered(): Promise<void>
  /** Makes all flows end early; nothing begins after that. */
  stop(reason: Reason): void
  /** Resolves when no flow is under way. */
  settled(): Promise<void>
  /** How many flows are under way. */
  readonly tasks: number
}

/** Makes them. */
export function createFlows(parts: FlowParts): Flows {
  const { store, clock, log, running } = parts
  /** How many are under way, and those who wait until none is. */
  let tasks = 0
  const idle: (() => void)[] = []
  const abandoned = new Map<string, () => void>()
  const abandonedEnds: Promise<void>[] = []
  const ending = new Set<string>()
  const deadlines = createDeadlines(clock, (jobId, deadline) => onDeadline(jobId, deadline))

  /** `over` is called when it has ended, however. */
  const track = (task: Promise<unknown>, over?: () => void): Promise<void> => {
    const settle = (): void => {
      over?.()
      tasks -= 1
      if (tasks === 0) for (const tell of idle.splice(0)) tell()
    }
    tasks += 1
    return task.then(settle, (error: unknown) => {
      log.error('a flow could not be brought to its end: %o', error)
      settle()
    })
  }
  const run = (job: RunningJob, flow: (parts: FlowParts, job: RunningJob) => Promise<void>): void => {
    running.set(job.id, job)
    const early = parts.earlyReports.get(job.id)
    if (early !== undefined) job.hear(early)
    void track(flow(parts, job), () => {
      if (running.get(job.id) !== job) return
      running.delete(job.id)
      // A try whose checkpoint was of no use is followed by another at once.
      if (store.current(job.id)?.phase === 'queued') begin(job.id)
    })
  }
  const launch = (
    record: JobRecord | undefined,
    flow: (parts: FlowParts, job: RunningJob) => Promise<void>,
  ): void => {
    // A job that was recorded while the manager ended stays as it is.
    if (record === undefined || parts.isStopping()) return
    const job = new RunningJob(parts, record)
    const reason = reasonToEnd(record, clock.now())
    if (reason !== undefined) job.endWith(reason)
    run(job, flow)
  }
  const begin = (jobId: string): void => {
    const record = store.current(jobId)
    launch(record, record?.work === undefined ? runBackup : runWork)
  }
  const queueAgain = async (jobId: string, byHand: boolean): Promise<void> => {
    const change = {
      kind: 'queued-again',
      at: clock.now(),
      firstLine: store.nextLine(jobId),
      byHand,
    } as const
    await store.apply(jobId, change)
    begin(jobId)
  }
  const end = (jobId: string, how: Ending): void => {
    const phase = store.current(jobId)?.phase
    if (phase === undefined || !isAtRest(phase) || ending.has(jobId) || parts.isStopping()) return
    ending.add(jobId)
    launch(store.current(jobId), (_, job) =>
      settleBackup(parts, job, how).finally(() => ending.delete(jobId)),
    )
  }
  const lookAfterParts: Flows['lookAfterParts'] = (parent) => {
    const record = store.current(typeof parent === 'string' ? parent : parent.id)
    if (record?.phase !== 'parent' || !allEnded(record)) return
    void track(endParent(parts, record))
  }
  const onDeadline = (jobId: string, { what }: Deadline): void => {
    const record = store.current(jobId)
    if (record === undefined || deadlineOf(record)?.what !== what) return
    switch (what) {
      case 'window-closes':
        if (record.phase === 'queued') running.get(jobId)?.endWith(windowClosed(record))
        else end(jobId, endingOfError(windowClosed(record)))
        return
      case 'retry':
        void track(queueAgain(jobId, false))
        return
      case 'incomplete-ends': {
        const { status = 0, statusText = '', warnings = 0 } = record.rest ?? {}
        end(jobId, { status, statusText, warnings })
      }
    }
  }
  const changed = (jobId: string): void => {
    const record = store.current(jobId)
    const isWatched = record !== undefined && !parts.isStopping()
    deadlines.set(jobId, isWatched ? deadlineOf(record) : undefined)
  }
  return {
    begin,
    queueAgain,
    endAtRest: (jobId, reason) => end(jobId, endingOfError(reason)),
    lookAfterParts,
    track: (task) => void track(task),
    changed,
    request: ({ id }) => {
      changed(id)
      begin(id)
    },
    resume: (job) => run(job, resumeBackup),
    undo: (job, reason) => run(job, () => undoBackup(parts, job, reason)),
    settleTry: ({ id }) => launch(store.current(id), settleTry),
    rest: ({ id }) => changed(id),
    conclude: (record) => {
      const { id, ending: how } = record
      if (record.children !== undefined) void track(store.apply(id, { kind: 'settled' }))
      else if (!isOwnFlow(record)) void track(settleRegistered(parts, id))
      else if (how !== undefined) launch(store.current(id), (_, job) => settleBackup(parts, job, how))
    },
    awaitOwner: (record) => {
      const giveUp = (): void => {
        abandoned.delete(record.id)
        const current = store.current(record.id)
        if (current?.phase === 'registered') abandonedEnds.push(track(endAbandoned(parts, current)))
      }
      if (parts.ownerGraceMs === 0) giveUp()
      else abandoned.set(record.id, clock.setTimer(parts.ownerGraceMs, giveUp))
    },
    claim: (jobId) => {
      abandoned.get(jobId)?.()
      abandoned.delete(jobId)
    },
    recovered: async () => void (await Promise.all(abandonedEnds.splice(0))),
    stop: (reason) => {
      deadlines.clear()
      for (const cancel of abandoned.values()) cancel()
      abandoned.clear()
      for (const job of running.values()) job.endWith(reason)
    },
    settled: async () => {
      while (tasks > 0) await new Promise<void>((resolve) => idle.push(resolve))
    },
    get tasks() {
      return tasks
    },
  }
}

/** What was asked of a job, or came over it, while no flow of it ran. */
function reasonToEnd(record: JobRecord, now: number): Reason | undefined {
  const { cancel, suspend, phase, windowClosesAt = Infinity } = record
  if (phase === 'ended' || phase === 'resting') return undefined
  if (cancel !== undefined) return new NbError('job-cancelled', cancel.reason)
  if (suspend !== undefined) return new NbError('job-suspended', suspend.reason)
  return phase === 'queued' && windowClosesAt <= now ? windowClosed(record) : undefined
}

function windowClosed({ windowClosesAt = 0, tries }: JobRecord): Reason {
  const last = tries.at(-1)
  const before = last === undefined ? '' : `; its last try ended with ${last.status ?? '-'}`
  const at = new Date(windowClosesAt).toISOString()
  return new NbError('window-closed', `the start window closed at ${at} before the job was active${before}`)
}

/** Ends a parent all of whose parts are final, with the worst of their statuses. */
async function endParent({ store, clock }: FlowParts, record: JobRecord): Promise<void> {
  const ended = store.apply(record.id, { kind: 'ended', at: clock.now(), ending: parentEnding(record) })
  const settled = store.apply(record.id, { kind: 'settled' })
  await Promise.all([ended, settled])
}
