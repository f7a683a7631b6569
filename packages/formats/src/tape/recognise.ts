import { TAR_BLOCK_BYTES } from '../archive/member.ts'
import { hasValidChecksum } from '../archive/ustar.ts'
import { FormatError } from '../format-error.ts'
import { decodeTapeLabel } from './label.ts'
import type { TapeVolume } from './tape.ts'
import { decodeTapeVolume } from './volume.ts'

/** What one READ at the beginning of a tape gave. */
export type TapeRead =
  | { readonly kind: 'block'; readonly bytes: Uint8Array }
  | { readonly kind: 'filemark' }
  | { readonly kind: 'end-of-data' }
  | { readonly kind: 'unreadable' }

/** Who else writes tapes. */
export type ForeignTape = 'ansi' | 'ltfs' | 'bacula' | 'amanda' | 'mtf' | 'cpio' | 'dump' | 'tar' | 'unknown'

/** What a tape is. All but `blank` hold something, or may. */
export type TapeContent =
  | { readonly kind: 'nb'; readonly volume: TapeVolume }
  /** Labelled by us; the self-description is missing, damaged, or another's. */
  | { readonly kind: 'nb-damaged'; readonly volumeId?: string }
  | { readonly kind: 'nb-newer' }
  | { readonly kind: 'foreign'; readonly writer: ForeignTape; readonly volumeId?: string }
  | { readonly kind: 'blank' }
  /** A read failed, so nobody knows: never written over unasked. */
  | { readonly kind: 'unreadable' }

/**
 * What a tape is, from its first two blocks.
 *
 * @param first - what the first READ at the beginning of the tape gave
 * @param second - what the next gave. @default it was not made
 */
export function recogniseTape(first: TapeRead, second?: TapeRead): TapeContent {
  if (first.kind === 'end-of-data') return { kind: 'blank' }
  if (first.kind === 'unreadable') return { kind: 'unreadable' }
  if (first.kind === 'filemark') return { kind: 'foreign', writer: 'unknown' }
  const volumeId = ownLabel(first.bytes)
  if (typeof volumeId !== 'string') return volumeId
  if (second?.kind === 'unreadable') return { kind: 'unreadable' }
  if (second?.kind !== 'block') return { kind: 'nb-damaged', volumeId }
  try {
    const volume = decodeTapeVolume(second.bytes)
    return volume.volume === volumeId ? { kind: 'nb', volume } : { kind: 'nb-damaged', volumeId }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    if (error.code === 'FORMAT_VERSION_UNSUPPORTED') return { kind: 'nb-newer' }
    return { kind: 'nb-damaged', volumeId }
  }
}

/** The volume id in a label of ours, or what else the block says. */
function ownLabel(block: Uint8Array): string | TapeContent {
  try {
    return decodeTapeLabel(block)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    if (error.code === 'FORMAT_VERSION_UNSUPPORTED') return { kind: 'nb-newer' }
    if (error.code === 'FORMAT_UNKNOWN')
      return foreignOf(Buffer.from(block.buffer, block.byteOffset, block.length))
    return { kind: 'nb-damaged' }
  }
}

const BEGINNINGS: readonly (readonly [ForeignTape, number, Buffer])[] = [
  // The same four letters in EBCDIC: an IBM standard label.
  ['ansi', 0, Buffer.from([0xe5, 0xd6, 0xd3, 0xf1])],
  // Block header of Bacula and Bareos: sum, size and number before its mark; the label record has a text of its own.
  ['bacula', 12, Buffer.from('BB01')],
  ['bacula', 12, Buffer.from('BB02')],
  ['amanda', 0, Buffer.from('AMANDA: ')],
  // Microsoft Tape Format: the descriptor block of the tape header.
  ['mtf', 0, Buffer.from('TAPE')],
  ['cpio', 0, Buffer.from('070701')],
  ['cpio', 0, Buffer.from('070702')],
  ['cpio', 0, Buffer.from('070707')],
  ['cpio', 0, Buffer.from([0xc7, 0x71])],
  ['cpio', 0, Buffer.from([0x71, 0xc7])],
  // dump(8): the magic numbers 60011 and 60012, in either order of bytes.
  ...[60011, 60012].flatMap((magic) => {
    const little = Buffer.alloc(4)
    little.writeUInt32LE(magic)
    return [['dump', 24, little] as const, ['dump', 24, Buffer.from(little).reverse()] as const]
  }),
]

function foreignOf(block: Buffer): TapeContent {
  if (block.toString('latin1', 0, 4) === 'VOL1') {
    const writer = block.toString('latin1', 24, 28) === 'LTFS' ? 'ltfs' : 'ansi'
    return { kind: 'foreign', writer, volumeId: block.toString('latin1', 4, 10).trimEnd() }
  }
  for (const [writer, at, mark] of BEGINNINGS)
    if (block.subarray(at, at + mark.length).equals(mark)) return { kind: 'foreign', writer }
  if (/(Bacula|Bareos) \d/.test(block.toString('latin1', 0, 512)))
    return { kind: 'foreign', writer: 'bacula' }
  const isTar = block.length >= TAR_BLOCK_BYTES && hasValidChecksum(block.subarray(0, TAR_BLOCK_BYTES))
  return { kind: 'foreign', writer: isTar ? 'tar' : 'unknown' }
}
