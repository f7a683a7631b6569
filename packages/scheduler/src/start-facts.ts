import type { JobOrigin, PlannedRun } from '@nb/contracts'

/** Why jobs start, and until when they may. */
export interface StartFacts {
  readonly origin: JobOrigin
  readonly why: string
  readonly windowClosesAt?: number
}

/** What was said last of a due time: most clients of a policy are due at the same. */
let latest: { readonly dueAt: number; readonly why: string } | undefined

/** Why a run that is due starts. */
export function factsOf({ dueAt, closesAt }: PlannedRun): StartFacts {
  if (latest?.dueAt !== dueAt) {
    const why = dueAt <= 0 ? 'no backup yet' : `due since ${new Date(dueAt).toISOString()}`
    latest = { dueAt, why }
  }
  return { origin: 'scheduled', why: latest.why, windowClosesAt: closesAt }
}
