import { type ErrorCode, describeStatus } from '@nb/contracts'
import { closesAttempt } from './attempts.ts'
import { type Ending, type JobRecord, type Rest, isBackupRecord } from './job-record.ts'

/** What becomes of a job whose try has ended. */
export type AfterAttempt =
  /** It is done. */
  | { readonly kind: 'end' }
  /** It goes on later. */
  | { readonly kind: 'rest'; readonly rest: Rest; readonly text: string }

/** How a try ended. */
export interface AttemptEnd {
  readonly ending: Ending
  /** The code of its error, where there was one. */
  readonly code?: ErrorCode
}

/** Statuses that no further try can better: cancelled, window closed, and the end of the manager itself. */
const lastStatuses: readonly number[] = [150, 196, 803]
/** What is wrong with the request is wrong again. */
const lastCodes: readonly (ErrorCode | undefined)[] = ['not-supported', 'argument-invalid', 'value-missing']

/** Ended by a person, or for a reason that lies before the try: these are no failures of the job. */
const notCounted: readonly (number | undefined)[] = [157, 163]

/** How many tries of a job have failed. */
export function failedTries({ tries }: Pick<JobRecord, 'tries'>): number {
  return tries.filter(({ status }) => !notCounted.includes(status)).length
}

/**
 * What becomes of a job whose try ended in this way: another try while its rule allows one before the window closes; with
 * a checkpoint it is kept for a person to resume; else it is done. Pure.
 */
export function afterAttempt(
  record: JobRecord,
  { ending, code }: AttemptEnd,
  now: number,
  incompleteMs: number,
): AfterAttempt {
  const { status, statusText, warnings } = ending
  if (status === 0 || status === 1 || status === 196 || record.cancel !== undefined) return { kind: 'end' }
  const past = { at: now, status, statusText, warnings }
  const ended = `try ${record.attempt.number} ended with status ${describeStatus(status)}`
  if (code === 'job-suspended' || status === 157) {
    const went = closesAttempt(record, 'suspended')
      ? `${ended}; the job`
      : 'the job was taken off the queue and'
    return { kind: 'rest', rest: { ...past, to: 'suspended' }, text: `${went} is held until it is resumed` }
  }
  if (isResumeFailure(record, status)) {
    const text = `${ended}: it can't go on from checkpoint ${record.resumedFrom ?? '-'} and starts afresh`
    return { kind: 'rest', rest: { ...past, to: 'queued' }, text }
  }
  if (status !== 150 && mayRetry(record, status, code)) {
    const { delayMs, tries } = record.retry ?? { delayMs: 0, tries: 1 }
    const until = now + delayMs
    if (until < (record.windowClosesAt ?? Infinity)) {
      const next = `failed try ${failedTries(record) + 1} of ${tries}, the next begins at ${isoTime(until)}`
      return { kind: 'rest', rest: { ...past, to: 'waiting-for-retry', until }, text: `${ended}; ${next}` }
    }
  }
  if (record.checkpoint !== undefined && status !== 150 && isBackupRecord(record)) {
    const until = now + incompleteMs
    const text = `${ended}; it can be resumed from checkpoint ${record.checkpoint.number} until ${isoTime(until)}`
    return { kind: 'rest', rest: { ...past, to: 'incomplete', until }, text }
  }
  return { kind: 'end' }
}

function mayRetry(record: JobRecord, status: number, code: ErrorCode | undefined): boolean {
  if (record.retry === undefined || lastStatuses.includes(status) || lastCodes.includes(code)) return false
  return failedTries(record) + 1 < record.retry.tries
}

/** A try that went on from a checkpoint, took none of its own, and found that it can't go on. */
export function isResumeFailure({ resumedFrom, checkpoint }: JobRecord, status: number): boolean {
  return status === 163 && resumedFrom !== undefined && checkpoint?.number === resumedFrom
}

/** A time for a person. */
export function isoTime(time: number): string {
  return new Date(time).toISOString()
}
