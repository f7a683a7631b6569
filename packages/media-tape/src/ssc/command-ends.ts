import type { Ended, Told } from '../scsi/scsi-unit.ts'
import { senseKey } from '../scsi/sense.ts'

/** What the end of a READ of one block of variable length means (SSC-5, READ(6)). */
export type ReadEnd =
  | { readonly kind: 'block'; readonly blockBytes: number }
  | { readonly kind: 'filemark' }
  | { readonly kind: 'end-of-data' }
  | { readonly kind: 'failed'; readonly told: Told }

/** Reads the end of a READ(6) that asked for `asked` bytes, without FIXED and SILI. */
export function readEnd(ended: Ended, asked: number): ReadEnd {
  if (ended.good) return { kind: 'block', blockBytes: asked }
  const { sense, meaning } = ended
  if (sense.deferred === true) return { kind: 'failed', told: ended }
  if (sense.filemark === true) return { kind: 'filemark' }
  if (meaning === 'end-of-data' || sense.key === senseKey.blankCheck) return { kind: 'end-of-data' }
  const harmless = sense.key === senseKey.noSense || sense.key === senseKey.recoveredError
  if (!harmless) return { kind: 'failed', told: ended }
  if (sense.incorrectLength !== true) return { kind: 'block', blockBytes: asked }
  // Without a valid INFORMATION field nobody knows how long the block is.
  if (sense.information === undefined) return { kind: 'failed', told: ended }
  const blockBytes = asked - sense.information
  return blockBytes > 0 ? { kind: 'block', blockBytes } : { kind: 'failed', told: ended }
}

/** What the end of a WRITE or WRITE FILEMARKS means. */
export type WriteEnd =
  | { readonly kind: 'written'; readonly warned: boolean }
  /** Nothing of it was written: the medium is full. */
  | { readonly kind: 'end-of-medium'; readonly told: Told }
  | { readonly kind: 'failed'; readonly told: Told }

/** Reads the end of WRITE(6) without FIXED, or of WRITE FILEMARKS(6), which was to write `asked` bytes or marks. */
export function writeEnd(ended: Ended, asked: number): WriteEnd {
  if (ended.good) return { kind: 'written', warned: false }
  const { sense } = ended
  if (sense.deferred === true) return { kind: 'failed', told: ended }
  if (sense.key === senseKey.volumeOverflow) return { kind: 'end-of-medium', told: ended }
  if (sense.key !== senseKey.noSense && sense.key !== senseKey.recoveredError)
    return { kind: 'failed', told: ended }
  // Early warning: the residual says whether it was written all the same (SSC-5, WRITE(6)).
  const residual = sense.information ?? 0
  if (residual <= 0 || asked === 0) return { kind: 'written', warned: sense.endOfMedium === true }
  return sense.endOfMedium === true && residual >= asked
    ? { kind: 'end-of-medium', told: ended }
    : { kind: 'failed', told: ended }
}

/** What the end of a SPACE means. */
export type SpaceEnd =
  | { readonly kind: 'passed' }
  /** Ended before the count was reached; `passed` is absent where the drive doesn't tell. */
  | { readonly kind: 'filemark' | 'end-of-data' | 'beginning'; readonly passed?: number }
  | { readonly kind: 'failed'; readonly told: Told }

/** Reads the end of a SPACE over `count` blocks or filemarks (SSC-5, SPACE(6)). */
export function spaceEnd(ended: Ended, count: number): SpaceEnd {
  if (ended.good) return { kind: 'passed' }
  const { sense, meaning } = ended
  const residual = sense.information
  const told =
    residual === undefined || Math.abs(residual) > Math.abs(count)
      ? {}
      : { passed: Math.abs(count) - Math.abs(residual) }
  if (sense.deferred === true) return { kind: 'failed', told: ended }
  if (sense.filemark === true) return { kind: 'filemark', ...told }
  if (meaning === 'end-of-data' || sense.key === senseKey.blankCheck) return { kind: 'end-of-data', ...told }
  if (
    meaning === 'beginning-of-medium' ||
    (sense.endOfMedium === true && sense.key === senseKey.noSense && count < 0)
  )
    return { kind: 'beginning', ...told }
  if (meaning === 'recovered' || meaning === 'fine') return { kind: 'passed' }
  return { kind: 'failed', told: ended }
}
