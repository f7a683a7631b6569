import {
  type CompressedFrame,
  type FragmentRecord,
  type FragmentTrailer,
  type FragmentWriter,
  NbError,
  type NewFragment,
  asNbError,
} from '@nb/contracts'
import {
  BlockChecksums,
  FRAME_ENTRY_BYTES,
  FrameIndex,
  FrameIndexWriter,
  TAPE_BLOCK_BYTES,
  encodeTapeFragmentHeader,
} from '@nb/formats'
import type { BlockReader } from '../fragment/block-reader.ts'
import type { FileBlocks, TapeFileStart } from '../multiplex/file-blocks.ts'
import type { OpenVolume } from '../volume-writer/open-volume.ts'
import { badPlace, endsAtBadPlace } from './bad-place.ts'
import { type UnendedFragment, endFragment } from './end-fragment.ts'

/** What a fragment is written with. */
export interface FragmentWriterParts {
  readonly volume: OpenVolume
  readonly file: FileBlocks
  readonly reader: BlockReader
  readonly fragment: NewFragment
  /** The block with its header, which is written. */
  readonly header: Buffer
}

/** The first block of a fragment in a tape file of its own. Throws `TypeError` for what can't be said in it. */
export function headerOf(start: TapeFileStart, fragment: NewFragment): Buffer {
  const { volume, generation, file } = start
  const { backupId, client, policy, schedule, copy, number, streamOffset, compression, previousVolume } =
    fragment
  return encodeTapeFragmentHeader({
    ...{ volume, generation, file, block: 0 },
    ...{ backupId, client, policy, schedule, copy, fragment: number, streamOffset },
    startsAtMemberBoundary: fragment.startsAtMember,
    blockBytes: TAPE_BLOCK_BYTES,
    created: new Date(fragment.createdAt).toISOString(),
    ...(compression === undefined ? {} : { compression }),
    ...(previousVolume === undefined || previousVolume === volume ? {} : { previousVolume }),
  })
}

/**
 * Writes a fragment as one tape file. `open` until `commit` or `discard`; a failure of the drive discards.
 *
 * One block is on its way to the drive while the next one is filled; whole blocks of what it is given go to the drive as they are. Where the
 * medium ends without a warning, or before the trailer fits, the payload is shortened by as many blocks as the trailer takes: they are read
 * back from the tape, and `left` has them.
 */
export class TapeFragmentWriter implements FragmentWriter {
  readonly #parts: FragmentWriterParts
  readonly #file: FileBlocks
  readonly #checksums = new BlockChecksums(TAPE_BLOCK_BYTES)
  readonly #frames: FrameIndexWriter | undefined
  /** Frames that were accepted. */
  #frameCount = 0
  #partial: Buffer = Buffer.allocUnsafeSlow(TAPE_BLOCK_BYTES)
  #spare: Buffer = Buffer.allocUnsafeSlow(TAPE_BLOCK_BYTES)
  #fill = 0
  /** The block that is on its way, and the memory it's in, if that is ours. */
  #writing: { readonly done: Promise<void>; readonly own: Buffer | undefined } | undefined
  /** A block that was accepted and that the medium did not take. */
  #refused: Buffer | undefined
  #atEnd: NbError | undefined
  #streamBytes = 0
  #storedBytes = 0
  #left: readonly (Uint8Array | CompressedFrame)[] = []
  #state: 'open' | 'committed' | 'discarded' = 'open'
  #failure: NbError | undefined

  constructor(parts: FragmentWriterParts) {
    this.#parts = parts
    this.#file = parts.file
    this.#frames = parts.fragment.compression === undefined ? undefined : new FrameIndexWriter()
  }

  get streamBytes(): number {
    return this.#streamBytes
  }

  get storedBytes(): number {
    return this.#storedBytes
  }

  get mustEnd(): boolean {
    return this.#atEnd !== undefined || this.#file.earlyWarning
  }

  get left(): readonly (Uint8Array | CompressedFrame)[] {
    return this.#left
  }

  /** Whether it may still be written to. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#frames !== undefined) throw new TypeError('a compressed fragment is written in frames')
    await this.#store(chunk)
    this.#streamBytes += chunk.length
  }

  async writeFrame({ stored, streamBytes, startsAtMember }: CompressedFrame): Promise<void> {
    if (this.#frames === undefined) throw new TypeError('a fragment that is not compressed has no frames')
    this.#mustBeOpen()
    this.#frames.add({ storedBytes: stored.length, streamBytes, startsAtMember })
    await this.#store(stored)
    this.#frameCount += 1
    this.#streamBytes += streamBytes
  }

  async #store(chunk: Uint8Array): Promise<void> {
    this.#mustBeOpen()
    if (this.#atEnd !== undefined) throw this.#atEnd
    try {
      for (let at = 0; at < chunk.length;) {
        const count = Math.min(chunk.length - at, TAPE_BLOCK_BYTES - this.#fill)
        const piece = chunk.subarray(at, at + count)
        at += count
        if (count === TAPE_BLOCK_BYTES) {
          await this.#put(piece, undefined)
          continue
        }
        this.#partial.set(piece, this.#fill)
        this.#fill += count
        if (this.#fill < TAPE_BLOCK_BYTES) continue
        await this.#put(this.#partial, this.#partial)
      }
      // The memory of what was given goes back to whoever gave it.
      if (this.#writing !== undefined && this.#writing.own === undefined) await this.#settled()
    } catch (error) {
      throw isMediaEnd(error) ? error : this.#failed(error)
    }
    this.#storedBytes += chunk.length
  }

  /** Gives a block to the drive, when it has the one before. */
  async #put(block: Uint8Array, own: Buffer | undefined): Promise<void> {
    await this.#settled()
    this.#mustBeOpen()
    if (own !== undefined) {
      this.#partial = this.#spare
      this.#spare = own
      this.#fill = 0
    }
    this.#checksums.update(block)
    const done = this.#file.append(block)
    // Its failure is told to whoever gives the next one, or commits.
    done.catch(() => undefined)
    this.#writing = { done, own }
  }

  /** Waits for the block that is on its way. */
  async #settled(): Promise<void> {
    const writing = this.#writing
    if (writing === undefined) return
    try {
      await writing.done
      this.#writing = undefined
    } catch (error) {
      const end = isMediaEnd(error)
        ? error
        : (await endsAtBadPlace(this.#file, error))
          ? badPlace(this.#file, error)
          : undefined
      if (end === undefined) throw error
      this.#writing = undefined
      this.#refused = writing.own
      this.#atEnd = end
      throw end
    }
  }

  async commit(trailer: FragmentTrailer): Promise<FragmentRecord> {
    this.#mustBeOpen()
    const { volume, reader, fragment, header } = this.#parts
    const { number, streamOffset, startsAtMember, compression } = fragment
    const { start } = this.#file
    try {
      await this.#settled().catch((error: unknown) => {
        if (this.#atEnd === undefined) throw error
      })
      const ended = await endFragment(
        {
          ...{ file: this.#file, reader, header, isAtEnd: this.#atEnd !== undefined },
          ...this.#payload(trailer.endsAtMember),
          sums: this.#checksums.finish(),
          memory: [
            ...(this.#refused === undefined ? [] : [this.#refused]),
            this.#partial.subarray(0, this.#fill),
          ],
        },
        trailer,
      )
      const { cut, left, lastBlock, wasAtEnd, position } = ended
      const earlyWarning = wasAtEnd || this.#file.earlyWarning
      await volume.ended({ object: position.object, lastBlock, fragments: 1, earlyWarning })
      this.#state = 'committed'
      this.#left = left
      return {
        ...{ number, streamOffset, streamBytes: cut.streamBytes },
        wholeMembers: startsAtMember && cut.endsAtMember,
        blockBytes: TAPE_BLOCK_BYTES,
        ...(compression === undefined ? {} : { storedBytes: cut.storedBytes }),
        ...{ volumeId: start.volume, filemark: start.file },
        ...{ headerBlock: start.object, footerBlock: position.object - 2 },
      }
    } catch (error) {
      throw this.#failed(error)
    }
  }

  async discard(): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'discarded'
    await this.#writing?.done.catch((error: unknown) => {
      if (isMediaEnd(error)) this.#parts.volume.filled()
      else this.#parts.volume.lost()
    })
  }

  /** What was accepted, as far as the layout counts on it. */
  #payload(endsAtMember: boolean): Pick<UnendedFragment, 'accepted' | 'frameEntries'> {
    const { startsAtMember, compression } = this.#parts.fragment
    const accepted = {
      ...{ storedBytes: this.#storedBytes, streamBytes: this.#streamBytes },
      ...{ startsAtMember, endsAtMember },
    }
    if (this.#frames === undefined || compression === undefined) return { accepted }
    const frameEntries = this.#frames.finish().subarray(0, this.#frameCount * FRAME_ENTRY_BYTES)
    const totals = { storedBytes: this.#storedBytes, payloadBytes: this.#streamBytes }
    const frames = { index: new FrameIndex(frameEntries, totals), format: compression }
    return { accepted: { ...accepted, frames }, frameEntries }
  }

  /** The medium or the drive has failed: nothing of the fragment is there, and where the volume ends is to be found out. */
  #failed(error: unknown): Error {
    if (error instanceof TypeError) return error
    if (this.#state !== 'open') return this.#failure ?? asNbError(error)
    this.#state = 'discarded'
    if (isMediaEnd(error)) this.#parts.volume.filled()
    this.#parts.volume.lost()
    this.#failure = asNbError(error, 'media-write-failed')
    return this.#failure
  }

  #mustBeOpen(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#state === 'open') return
    const { backupId, number } = this.#parts.fragment
    throw new TypeError(`fragment ${number} of image ${backupId} is ${this.#state}`)
  }
}

function isMediaEnd(error: unknown): error is NbError {
  return error instanceof NbError && error.code === 'media-end'
}
