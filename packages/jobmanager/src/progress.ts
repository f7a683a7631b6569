import type { JobProgress } from '@nb/contracts'

/** The newer progress, keeping estimates and counters that only the older one has. */
export function mergeProgress(older: JobProgress | undefined, newer: JobProgress): JobProgress {
  return { ...older, ...newer }
}
