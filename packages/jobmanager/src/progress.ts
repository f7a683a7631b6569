import type { JobProgress } from '@nb/contracts'

/** The newer progress, keeping estimates and counters that only the older one has. */
export function mergeProgress(older: JobProgress | undefined, newer: Partial<JobProgress>): JobProgress {
  if (older === undefined) return { ...newer, files: newer.files ?? 0, bytes: newer.bytes ?? 0 }
  const { estimatedFiles, estimatedBytes, currentPath, waitedForFullBuffer, waitedForEmptyBuffer } = newer
  // Field by field: an object of another shape is copied into this one much more slowly.
  const merged: Draft = { ...older, files: newer.files ?? older.files, bytes: newer.bytes ?? older.bytes }
  if (estimatedFiles !== undefined) merged.estimatedFiles = estimatedFiles
  if (estimatedBytes !== undefined) merged.estimatedBytes = estimatedBytes
  if (currentPath !== undefined) merged.currentPath = currentPath
  if (waitedForFullBuffer !== undefined) merged.waitedForFullBuffer = waitedForFullBuffer
  if (waitedForEmptyBuffer !== undefined) merged.waitedForEmptyBuffer = waitedForEmptyBuffer
  return merged
}

type Draft = { -readonly [Field in keyof JobProgress]: JobProgress[Field] }
