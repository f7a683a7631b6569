import { type NbError, type SessionInfo, type SessionReport, statusCodes, toErrorRecord } from '@nb/contracts'
import type { BlockRing } from './block-ring.ts'

/** What the work of a session came to. */
export type SessionOutcome = Pick<
  SessionReport,
  'status' | 'warnings' | 'written' | 'restored' | 'removed'
> & {
  /** Where it tells more than the status does. */
  readonly statusText?: string
}

/** The report of a session that did its work: 0, or 1 when something was left out or changed meanwhile; a removal's is its own. */
export function successReport(info: SessionInfo, outcome: SessionOutcome, ring: BlockRing): SessionReport {
  const isWarned = outcome.warnings > 0 || outcome.status === 1
  const status = info.kind === 'removal' ? outcome.status : isWarned ? 1 : 0
  return { ...outcome, ...frame(info, ring), status, statusText: outcome.statusText ?? meaningOf(status) }
}

/** The report of a session that failed. */
export function failureReport(info: SessionInfo, failure: NbError, ring: BlockRing): SessionReport {
  return {
    ...frame(info, ring),
    status: failure.status,
    statusText: failure.message,
    error: toErrorRecord(failure),
    warnings: 0,
  }
}

function frame(
  { sessionId, jobId, kind }: SessionInfo,
  { waitedForFull, waitedForEmpty }: BlockRing,
): Pick<SessionReport, 'sessionId' | 'jobId' | 'kind' | 'waitedForFullBuffer' | 'waitedForEmptyBuffer'> {
  return {
    sessionId,
    jobId,
    kind,
    waitedForFullBuffer: waitedForFull,
    waitedForEmptyBuffer: waitedForEmpty,
  }
}

function meaningOf(status: number): string {
  return statusCodes[status]?.meaning ?? `status ${status}`
}
