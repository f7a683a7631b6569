import { TAR_BLOCK_BYTES } from '@nb/formats'

/** Fragments may be this much shorter than the greatest size in order to end where a member does. */
const MOST_SLACK_BYTES = 64 * 1024 * 1024

/** Where fragments end. */
export interface SplitRule {
  /** No fragment is longer; the greatest size rounded down to whole tar blocks. */
  readonly hardBytes: number
  /** From this length on a fragment ends at the next member's start. */
  readonly softBytes: number
}

/**
 * The rule for a storage unit's greatest fragment: the last eighth of it, at most 64 MiB, is left to find a member's
 * start, so that `tar` reads nearly every fragment alone; a file that goes on beyond is cut.
 */
export function splitRule(maxFragmentBytes: number): SplitRule {
  const hardBytes = Math.floor(maxFragmentBytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES
  if (!Number.isSafeInteger(hardBytes) || hardBytes < 16 * TAR_BLOCK_BYTES)
    throw new TypeError(`maxFragmentBytes must be at least ${16 * TAR_BLOCK_BYTES}, not ${maxFragmentBytes}`)
  return { hardBytes, softBytes: hardBytes - Math.min(Math.floor(hardBytes / 8), MOST_SLACK_BYTES) }
}

/** How a fragment stands. */
export interface FragmentFill {
  /** Bytes of the stream as they are on the medium. */
  readonly storedBytes: number
  readonly atBoundary: boolean
  /** File-list bytes kept in memory for its trailer. */
  readonly fileListBytes: number
}

/**
 * Whether the fragment is to be closed before more is written into it. A long kept file list closes one early, at
 * a member's start, so that many small files cannot fill the memory.
 */
export function isFull(fill: FragmentFill, rule: SplitRule, mostFileListBytes: number): boolean {
  if (fill.storedBytes >= rule.hardBytes) return true
  if (!fill.atBoundary || fill.storedBytes === 0) return false
  return fill.storedBytes >= rule.softBytes || fill.fileListBytes >= mostFileListBytes
}
