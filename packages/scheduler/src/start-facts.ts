import type { JobOrigin, PlannedRun } from '@nb/contracts'

/** Why jobs start, and until when they may. */
export interface StartFacts {
  readonly origin: JobOrigin
  readonly why: string
  readonly windowClosesAt?: number
}

/** Why a run that is due starts. */
export function factsOf({ dueAt, closesAt }: PlannedRun): StartFacts {
  const why = dueAt <= 0 ? 'no backup yet' : `due since ${new Date(dueAt).toISOString()}`
  return { origin: 'scheduled', why, windowClosesAt: closesAt }
}
