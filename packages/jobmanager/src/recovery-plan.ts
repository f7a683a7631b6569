import type { SessionInfo } from '@nb/contracts'
import type { JobRecord } from './job-record.ts'

/** What is known of a job's session after a restart: it lives, it does not, or its media server can't be asked. */
export type SessionState = 'alive' | 'gone' | 'unknown'

/** What the recovery does with a job that is not final. */
export type RecoveryAction =
  /** Asks for resources again, from step 3. */
  | 'request'
  /** Waits for its session's report, from step 8 on. */
  | 'adopt'
  /** Asks the media server for the report of its ended session; without one the job was killed. */
  | 'ask-report'
  /** Ends it with 63. */
  | 'end-killed'
  /** Ends it with 150. */
  | 'end-cancelled'
  /** Takes up at step 15: image, resources. */
  | 'conclude'
  /** Leaves it to the owner of its flow, for a while. */
  | 'await-owner'

/** What becomes of a job after a restart. */
export function recoveryAction(record: JobRecord, session: SessionState): RecoveryAction {
  switch (record.phase) {
    case 'ended':
    case 'final':
      return 'conclude'
    case 'registered':
      return 'await-owner'
    default:
      break
  }
  if (record.cancel !== undefined) return 'end-cancelled'
  switch (record.phase) {
    case 'queued':
    case 'granted':
      return 'request'
    case 'imaged':
      return session === 'alive' ? 'adopt' : 'end-killed'
    case 'running':
      return session === 'gone' ? 'ask-report' : 'adopt'
  }
}

/** Whether a session found alive has a job that goes on with it; all others are ended. */
export function keepsSession(
  record: JobRecord | undefined,
  session: SessionInfo,
  ownersComeBack: boolean,
): boolean {
  if (record === undefined || record.cancel !== undefined) return false
  switch (record.phase) {
    case 'registered':
      return ownersComeBack
    case 'imaged':
      return true
    case 'running':
      return record.session?.sessionId === session.sessionId
    default:
      return false
  }
}
