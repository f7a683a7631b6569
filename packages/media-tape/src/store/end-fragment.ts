import { type CompressedFrame, type FragmentTrailer, NbError, type TapePosition } from '@nb/contracts'
import {
  BLOCK_CHECKSUM_BYTES,
  BlockChecksums,
  FRAME_ENTRY_BYTES,
  FormatError,
  TAPE_BLOCK_BYTES,
  checkBlock,
  encodeTapeTrailer,
  fillAfter,
  tapeBlockChecksum,
} from '@nb/formats'
import type { BlockReader } from '../fragment/block-reader.ts'
import type { FileBlocks } from '../multiplex/file-blocks.ts'
import { endsAtBadPlace } from './bad-place.ts'
import { type Accepted, type PayloadCut, cutPayload } from './payload-cut.ts'

/** Pieces of what is left of plain payload are not longer than this. */
const LEFT_BYTES = 4 * 1024 ** 2

/** A fragment whose payload has been written, but for what did not make a block, or did not fit. */
export interface UnendedFragment {
  readonly file: FileBlocks
  readonly reader: BlockReader
  readonly header: Buffer
  readonly accepted: Accepted
  /** Entries of `.nb/FRAMES`, of compressed payload. */
  readonly frameEntries?: Buffer
  /** Checksums of the blocks that were written. */
  readonly sums: Buffer
  /** What follows them, in memory. */
  readonly memory: readonly Buffer[]
  /** Whether the medium ended already. */
  readonly isAtEnd: boolean
}

/** A fragment that is whole, durably. */
export interface EndedFragment {
  readonly cut: PayloadCut
  /** What of the payload is not in it. */
  readonly left: readonly (Uint8Array | CompressedFrame)[]
  /** Checksum of its footer's block. */
  readonly lastBlock: string
  /** Whether the medium came to its hard end. */
  readonly wasAtEnd: boolean
  /** Where the drive stands: behind the filemark. */
  readonly position: TapePosition
}

/**
 * Ends a fragment: rest of the payload, trailer, footer, filemark. Where the medium ends before, or can't be written, it goes back so many blocks that all of it
 * fits, as often as is needed. What is cut off is read from the tape, and checked, before it is overwritten.
 *
 * Rejects with `media-end` where not even the trailer fits, and as the drive does.
 */
export async function endFragment(
  fragment: UnendedFragment,
  trailer: FragmentTrailer,
): Promise<EndedFragment> {
  const { accepted, file } = fragment
  const tail = new Tail(fragment)
  let wasAtEnd = fragment.isAtEnd
  let cut = cutPayload(accepted, Number.MAX_SAFE_INTEGER)
  if (wasAtEnd) cut = shorter(fragment, cut, trailer)
  for (;;) {
    if (cut === undefined) throw noRoom(file)
    try {
      const { lastBlock, position } = await writeEnd(fragment, tail, cut, trailer)
      const left = cut.isWhole ? [] : leftOf(accepted, cut, await tail.from(cut.storedBytes))
      return { cut, left, lastBlock, wasAtEnd, position }
    } catch (error) {
      const isEnd = error instanceof NbError && error.code === 'media-end'
      if (!isEnd && !(await endsAtBadPlace(file, error))) throw error
      wasAtEnd = true
      cut = shorter(fragment, cut, trailer)
    }
  }
}

/** The cut with which all fits before where the medium took no more; the end of the tape as well. */
function shorter(
  fragment: UnendedFragment,
  cut: PayloadCut | undefined,
  trailer: FragmentTrailer,
): PayloadCut | undefined {
  if (cut === undefined) return undefined
  const [headerBlocks, endBlocks] = [1, 1]
  let blocks = 0
  const sums = Buffer.alloc(cut.blocks * BLOCK_CHECKSUM_BYTES)
  for (const _block of trailerOf(fragment, cut, trailer, sums)) blocks += 1
  const room = fragment.file.count - headerBlocks - blocks - endBlocks
  return cutPayload(fragment.accepted, Math.min(room, cut.blocks - 1))
}

async function writeEnd(
  fragment: UnendedFragment,
  tail: Tail,
  cut: PayloadCut,
  trailer: FragmentTrailer,
): Promise<{ readonly lastBlock: string; readonly position: TapePosition }> {
  const { file, accepted } = fragment
  const kept = Math.min(tail.block, Math.floor(cut.storedBytes / TAPE_BLOCK_BYTES))
  const rest = (await tail.from(kept * TAPE_BLOCK_BYTES)).subarray(
    0,
    cut.storedBytes - kept * TAPE_BLOCK_BYTES,
  )
  if (file.count !== 1 + kept) await file.backTo(1 + kept)
  const fill = fillAfter(cut.storedBytes, accepted.frames?.format)
  const blocks = fill.length === 0 ? rest : Buffer.concat([rest, fill])
  for (let at = 0; at < blocks.length; at += TAPE_BLOCK_BYTES)
    await file.append(blocks.subarray(at, at + TAPE_BLOCK_BYTES))
  const sums = new BlockChecksums(TAPE_BLOCK_BYTES)
  sums.update(blocks)
  const all = Buffer.concat([fragment.sums.subarray(0, kept * BLOCK_CHECKSUM_BYTES), sums.finish()])
  let footer: Buffer = Buffer.alloc(0)
  for (const block of trailerOf(fragment, cut, trailer, all)) {
    await file.append(block)
    footer = block
  }
  return { position: await file.end(), lastBlock: tapeBlockChecksum(footer) }
}

function trailerOf(
  { header, accepted, frameEntries }: UnendedFragment,
  cut: PayloadCut,
  { image, fileList, last }: FragmentTrailer,
  blocks: Buffer,
): Iterable<Buffer> {
  return encodeTapeTrailer({
    ...{ header, block: 1 + cut.blocks, blocks },
    ...{ payloadBytes: cut.streamBytes, storedBytes: cut.storedBytes },
    ...{ endsAtMemberBoundary: cut.endsAtMember, lastFragment: last && cut.isWhole },
    ...{ image, files: fileList },
    ...(accepted.frames === undefined || frameEntries === undefined
      ? {}
      : { frames: frameEntries.subarray(0, cut.frames * FRAME_ENTRY_BYTES) }),
  })
}

/** The end of the payload, as far as it is in memory: more of it the further back the drive has to go. */
class Tail {
  readonly #fragment: UnendedFragment
  /** Blocks before it that stand on the tape. */
  #block: number
  #bytes: Buffer

  constructor(fragment: UnendedFragment) {
    const { file, accepted, memory } = fragment
    this.#fragment = fragment
    this.#block = file.count - 1
    // More may be written than was accepted: then some of the last blocks count for nothing.
    const bytes = accepted.storedBytes - this.#block * TAPE_BLOCK_BYTES
    const [only = Buffer.alloc(0)] = memory
    this.#bytes = (memory.length > 1 ? Buffer.concat(memory) : only).subarray(0, Math.max(0, bytes))
  }

  get block(): number {
    return this.#block
  }

  /** All that was accepted from a byte of the payload on, read back as far as need be. */
  async from(storedOffset: number): Promise<Buffer> {
    const block = Math.floor(storedOffset / TAPE_BLOCK_BYTES)
    if (block < this.#block) await this.#readBack(block)
    return this.#bytes.subarray(storedOffset - this.#block * TAPE_BLOCK_BYTES)
  }

  async #readBack(first: number): Promise<void> {
    const { file, reader, sums, accepted } = this.#fragment
    const { volume, file: number, object } = file.start
    const beyond = Math.min(this.#block, Math.ceil(accepted.storedBytes / TAPE_BLOCK_BYTES))
    const blocks = Buffer.allocUnsafe(Math.max(0, beyond - first) * TAPE_BLOCK_BYTES)
    try {
      for (let block = first; block < beyond; block++) {
        const at = (block - first) * TAPE_BLOCK_BYTES
        const target = blocks.subarray(at, at + TAPE_BLOCK_BYTES)
        checkBlock(await reader.read(object + 1 + block, target), sums, block)
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      const what = `File ${number} of volume ${volume} is not what was written at the end of the medium`
      throw new NbError('media-write-failed', `${what}: ${error.message}`, {
        cause: error,
        details: { volumeId: volume, file: number },
      })
    }
    const all = Buffer.concat([blocks, this.#bytes])
    this.#bytes = all.subarray(0, accepted.storedBytes - first * TAPE_BLOCK_BYTES)
    this.#block = first
  }
}

function leftOf(
  { frames }: Accepted,
  cut: PayloadCut,
  bytes: Buffer,
): readonly (Uint8Array | CompressedFrame)[] {
  if (frames !== undefined) {
    return Array.from({ length: frames.index.count - cut.frames }, (_, at) => {
      const { storedOffset, storedBytes, streamBytes, startsAtMember } = frames.index.frame(cut.frames + at)
      const from = storedOffset - cut.storedBytes
      return { stored: bytes.subarray(from, from + storedBytes), streamBytes, startsAtMember }
    })
  }
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += LEFT_BYTES) pieces.push(bytes.subarray(at, at + LEFT_BYTES))
  return pieces
}

function noRoom(file: FileBlocks): NbError {
  const { volume, file: number } = file.start
  const what = `Volume ${volume} ends before its file ${number} has room for its trailer`
  return new NbError('media-end', `${what}: the fragment has to be written again on another one.`, {
    details: { volumeId: volume, file: number },
  })
}
