import {
  type BackupJobRequest,
  type JobAction,
  type JobLogLine,
  type JobManager,
  type WorkJobRequest,
  NbError,
} from '@nb/contracts'
import { checkPriority } from './check-backup.ts'
import { refusalOf } from './job-actions.ts'
import type { JobRecord } from './job-record.ts'
import { isRemoving } from './job-view.ts'
import type { NewJob } from './new-records.ts'
import { type RegistryParts, unknownJob } from './registered-jobs.ts'
import { sayInLog } from './running-job.ts'
import { endSessionsOf } from './session-calls.ts'

/** What the operations set going; each call returns at once. */
export interface JobControl {
  /** Puts a job at rest back on the queue and begins its next try. Resolves when that is noted. */
  queueAgain(jobId: string, byHand: boolean): Promise<void>
  /** Ends a job at rest with this reason. */
  endAtRest(jobId: string, reason: NbError): void
  /** Ends a parent whose parts have all ended. */
  lookAfterParts(jobId: string): void
  /** Puts a new job on the list and begins it. */
  submit(input: NewJob): Promise<{ readonly jobId: string }>
  /** Keeps a task that goes on by itself, so that a stop waits for it. */
  track(task: Promise<void>): void
}

/** What people do with jobs. */
export type JobOperations = Pick<JobManager, 'cancel' | 'suspend' | 'resume' | 'restart' | 'setPriority'>

/** Makes the operations. What is possible is decided by {@link refusalOf}, which also tells lists. */
export function createJobOperations(parts: RegistryParts, control: JobControl): JobOperations {
  const { store, clock, log, broker, requests, running } = parts
  let restarts = 0

  /** The job where the action is possible now. Rejects with `job-unknown`, `state-conflict`. */
  const checked = async (jobId: string, action: JobAction): Promise<JobRecord> => {
    const record = store.current(jobId) ?? (await store.read(jobId))
    if (record === undefined) throw unknownJob(jobId)
    const refusal = refusalOf(record, action, store.unfinishedChildren(jobId))
    if (refusal === undefined) return record
    throw new NbError('state-conflict', `${describe(action)}: job ${jobId} ${refusal}`, {
      details: { jobId, action, phase: record.phase },
    })
  }
  const say = (jobId: string, text: string): Promise<void> => sayInLog(store, clock, log, jobId, text)
  /** Does to the parts of a parent what is possible, and says of the others why it is not. */
  const onParts = async (
    jobId: string,
    action: JobAction,
    act: (partId: string) => Promise<void>,
  ): Promise<void> => {
    for (const { id } of store.unfinishedChildren(jobId)) {
      const child = store.current(id)
      const refusal = child === undefined ? 'is done' : refusalOf(child, action)
      if (refusal === undefined) await act(id)
      else await say(jobId, `${describe(action)}: job ${id} ${refusal}`)
    }
  }

  const cancel: JobOperations['cancel'] = async ({ jobId, reason }) => {
    const record = store.current(jobId)
    if (record === undefined) {
      if ((await store.read(jobId)) === undefined) throw unknownJob(jobId)
      return
    }
    const text = record.cancel?.reason ?? reason ?? 'cancelled by an administrator'
    const cancelled = new NbError('job-cancelled', text)
    if (record.phase === 'ended' || record.phase === 'final') {
      // What is saved stays saved; only the removal of an archive's files ends.
      if (isRemoving(record)) running.get(jobId)?.endWith(cancelled)
      return
    }
    await store.apply(jobId, { kind: 'cancel-requested', at: clock.now(), reason: text })
    if (record.children !== undefined) {
      await onParts(jobId, 'cancel', (partId) => cancel({ jobId: partId, reason: text }))
      control.lookAfterParts(jobId)
      return
    }
    running.get(jobId)?.endWith(cancelled)
    requests.refuse(jobId, cancelled)
    const phase = store.current(jobId)?.phase
    if (phase === 'registered') {
      control.track(endSessionsOf(parts, record, { status: 150, reason: text }))
    }
    if (phase !== undefined && isAtRest(phase)) control.endAtRest(jobId, cancelled)
  }

  const suspend: JobOperations['suspend'] = async ({ jobId, reason }) => {
    const record = await checked(jobId, 'suspend')
    if (record.phase === 'parent') {
      await onParts(jobId, 'suspend', (partId) =>
        suspend({ jobId: partId, ...(reason === undefined ? {} : { reason }) }),
      )
      return
    }
    const text = reason ?? 'suspended by an administrator'
    if (record.phase === 'waiting-for-retry') {
      await store.apply(jobId, { kind: 'held-back', at: clock.now(), reason: text })
      await say(jobId, `the job is held until it is resumed: ${text}`)
      return
    }
    await store.apply(jobId, { kind: 'suspend-requested', at: clock.now(), reason: text })
    running.get(jobId)?.endWith(new NbError('job-suspended', text))
  }

  const resume: JobOperations['resume'] = async ({ jobId }) => {
    const record = await checked(jobId, 'resume')
    if (record.phase === 'parent') await onParts(jobId, 'resume', (partId) => resume({ jobId: partId }))
    else await control.queueAgain(jobId, true)
  }

  const restart: JobOperations['restart'] = async ({ jobId }) => {
    parts.checkOpen()
    const record = await checked(jobId, 'restart')
    const children = await Promise.all((record.children ?? []).map((child) => store.read(child.jobId)))
    restarts += 1
    const line: JobLogLine = {
      time: clock.now(),
      component: 'jobmanager',
      severity: 'info',
      text: `the same again as job ${jobId}`,
    }
    const common = { requestId: `restart-${jobId}-${clock.now()}-${restarts}`, lines: [line] }
    const { jobId: made } = await control.submit(sameAgain(record, children, common))
    return { jobId: made }
  }

  const setPriority: JobOperations['setPriority'] = async ({ jobId, priority }) => {
    checkPriority(priority)
    const { phase, priority: before } = await checked(jobId, 'set-priority')
    await store.apply(jobId, { kind: 'prioritised', priority })
    await say(jobId, `the priority is ${priority}, it was ${before}`)
    if (phase === 'parent')
      await onParts(jobId, 'set-priority', (partId) => setPriority({ jobId: partId, priority }))
    else if (!isAtRest(phase)) await broker.setPriority({ jobId, priority })
  }
  return { cancel, suspend, resume, restart, setPriority }
}

/** Whether a job in this phase holds nothing and waits for a time or a person. */
export function isAtRest(phase: JobRecord['phase']): boolean {
  return phase === 'waiting-for-retry' || phase === 'suspended' || phase === 'incomplete'
}

function describe(action: JobAction): string {
  return action === 'set-priority' ? 'the priority can’t be changed' : `${action} is not possible`
}

/** The request of a job that is done, for a new one: started by hand, so in no window. */
function sameAgain(
  record: JobRecord,
  children: readonly (JobRecord | undefined)[],
  named: Pick<BackupJobRequest, 'requestId' | 'lines'>,
): NewJob {
  const { id, type, client, policy, priority, retry, work } = record
  const common = { ...named, origin: 'immediate', client, ...(retry === undefined ? {} : { retry }) } as const
  if (work !== undefined) {
    const request = {
      ...common,
      type: type as WorkJobRequest['type'],
      priority,
      parameters: work.parameters,
      ...(policy === undefined ? {} : { policy }),
      ...(work.need === undefined ? {} : { need: work.need }),
    }
    return { kind: 'work', request }
  }
  const { backup, selections, streamSet, retentionMs, copyRetentionMs, stream } = record
  if (backup === undefined) throw forgotten(`what job ${id} was asked for is`)
  const streams = children.map((child) => {
    if (child?.selections === undefined) throw forgotten(`not all parts of job ${id} are`)
    const { stream: name = '', selections: paths, retry: own } = child
    return { name, selections: paths, ...(own === undefined ? {} : { retry: own }) }
  })
  const request = {
    ...common,
    type: type as BackupJobRequest['type'],
    policy: { ...backup.policy, priority },
    schedule: backup.schedule,
    limits: backup.limits,
    ...(selections === undefined ? {} : { selections }),
    ...(streams.length === 0 ? {} : { streams }),
    ...(streamSet === undefined ? {} : { streamSet }),
    ...(retentionMs === undefined ? {} : { retentionMs }),
    ...(copyRetentionMs === undefined ? {} : { copyRetentionMs }),
  }
  return { kind: 'backup', request, ...(stream === undefined ? {} : { stream }) }
}

function forgotten(what: string): NbError {
  return new NbError('state-conflict', `restart is not possible: ${what} not known any more`)
}
