import type { SessionInfo } from '@nb/contracts'
import { type JobRecord, isBackupRecord } from './job-record.ts'
import { isRemoving } from './job-view.ts'

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
  /** Ends its try with 63. */
  | 'end-killed'
  /** Ends it with 150. */
  | 'end-cancelled'
  /** Ends its try with 157, and holds it. */
  | 'end-suspended'
  /** Settles the try that is over, then lets it rest or go on. */
  | 'settle-try'
  /** Leaves it at rest; its time is watched. */
  | 'rest'
  /** Sees to its parts; ends it when all have ended. */
  | 'look-after-parts'
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
    case 'parent':
      return 'look-after-parts'
    case 'resting':
      return 'settle-try'
    default:
      break
  }
  if (record.cancel !== undefined) return 'end-cancelled'
  if (record.suspend !== undefined) return 'end-suspended'
  switch (record.phase) {
    case 'queued':
    case 'granted':
      return 'request'
    case 'imaged':
      return session === 'alive' ? 'adopt' : 'end-killed'
    case 'running':
      return session === 'gone' ? 'ask-report' : 'adopt'
    case 'working':
      return 'end-killed'
    case 'waiting-for-retry':
    case 'suspended':
    case 'incomplete':
      return 'rest'
  }
}

/** Whether a session found alive has a job that goes on with it; all others are ended. */
export function keepsSession(
  record: JobRecord | undefined,
  session: SessionInfo,
  ownersComeBack: boolean,
): boolean {
  if (record === undefined) return false
  if (session.kind === 'removal') return isRemoving(record)
  if (record.cancel !== undefined || record.suspend !== undefined) return false
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

/** Whether a job that is not final holds the resources granted to it, or may ask for them again. */
export function keepsGrants(record: JobRecord | undefined): boolean {
  if (record === undefined) return false
  return !['waiting-for-retry', 'suspended', 'incomplete', 'parent'].includes(record.phase)
}

/** Whether the flow of a job is the manager's own. */
export function isOwnFlow(record: JobRecord): boolean {
  return isBackupRecord(record) || record.work !== undefined
}
