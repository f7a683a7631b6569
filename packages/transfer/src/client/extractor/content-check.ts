import { ContentDigest } from '../../content-digest.ts'
import type { TransferWarning } from '../warning.ts'
import type { PlanIndex } from './plan-index.ts'

/** Whether the content of a file is what was read at the backup. */
export interface ContentCheck {
  update(chunk: Buffer, dataOffset: number): void
  /** Once all has come. */
  isAsExpected(): boolean
}

/**
 * Begins the check of an entry's file, where its digest is known.
 *
 * @param onZeros - called now and then where a long hole is gone through
 */
export function beginContentCheck(
  plan: Pick<PlanIndex, 'digestOf' | 'digestAlgorithm'>,
  entry: number,
  sizeBytes: number,
  onZeros: () => void,
): ContentCheck | undefined {
  const expected = plan.digestOf(entry)
  if (expected === undefined || plan.digestAlgorithm === undefined) return undefined
  const found = new ContentDigest(plan.digestAlgorithm, sizeBytes, onZeros)
  return {
    update: (chunk, dataOffset) => found.update(chunk, dataOffset),
    isAsExpected: () => found.finish().equals(expected),
  }
}

/** Tells of content that is not. The file stays: there is no better one. */
export function contentDiffers(path: Buffer): TransferWarning {
  const text = 'its content is not what the backup has read: the digest in the file list is another'
  return { severity: 'warning', path: Buffer.from(path), code: 'DIGEST_MISMATCH', text }
}
