import {
  type CompressedFrame,
  type FragmentRecord,
  type FragmentTrailer,
  type FragmentWriter,
  NbError,
  type NewFragment,
  type TapeDrive,
  asNbError,
} from '@nb/contracts'
import {
  BlockChecksums,
  FrameIndexWriter,
  TAPE_BLOCK_BYTES,
  encodeTapeFragmentHeader,
  encodeTapeTrailer,
  fillAfter,
  tapeBlockChecksum,
} from '@nb/formats'
import { FileBlocks } from '../multiplex/file-blocks.ts'
import { BlocksBehind } from './blocks-behind.ts'
import type { OpenVolume } from './open-volume.ts'

/**
 * Begins a fragment in a tape file of its own, header first. Rejects with `media-end` where the volume has no room for it, and as writing
 * does.
 */
export async function beginTapeFragment(
  drive: TapeDrive,
  volume: OpenVolume,
  fragment: NewFragment,
): Promise<FragmentWriter> {
  const start = await volume.begin()
  try {
    const { compression, previousVolume } = fragment
    const header = encodeTapeFragmentHeader({
      ...{ ...volume.identity, file: start.file, block: 0 },
      ...{ backupId: fragment.backupId, client: fragment.client },
      ...{ policy: fragment.policy, schedule: fragment.schedule },
      ...{ copy: fragment.copy, fragment: fragment.number, streamOffset: fragment.streamOffset },
      startsAtMemberBoundary: fragment.startsAtMember,
      blockBytes: TAPE_BLOCK_BYTES,
      created: new Date(fragment.createdAt).toISOString(),
      ...(compression === undefined ? {} : { compression }),
      ...(previousVolume === undefined || previousVolume === start.volume ? {} : { previousVolume }),
    })
    const file = new FileBlocks(drive, start)
    await file.append(header)
    // Where the end is near with the header already, there may be no room for what follows it.
    if (file.earlyWarning) throw tooLate(start.volume, drive.name)
    return new TapeFragmentWriter(volume, file, fragment, header)
  } catch (error) {
    if (error instanceof NbError) await volume.failed(error)
    else volume.left()
    throw error
  }
}

/**
 * `open` until `commit` or `discard`; a failed write or commit discards. Only what was committed is ever named: the rest is overwritten.
 * A block is written while the next one is filled.
 */
class TapeFragmentWriter implements FragmentWriter {
  readonly #volume: OpenVolume
  readonly #file: FileBlocks
  readonly #fragment: NewFragment
  readonly #header: Buffer
  readonly #frames: FrameIndexWriter | undefined
  readonly #checksums = new BlockChecksums(TAPE_BLOCK_BYTES)
  readonly #blocks: BlocksBehind
  #streamBytes = 0
  #storedBytes = 0
  #left: readonly Uint8Array[] = []
  #state: 'open' | 'committed' | 'discarded' = 'open'
  #failure: NbError | undefined

  constructor(volume: OpenVolume, file: FileBlocks, fragment: NewFragment, header: Buffer) {
    this.#volume = volume
    this.#file = file
    this.#fragment = fragment
    this.#header = header
    this.#frames = fragment.compression === undefined ? undefined : new FrameIndexWriter()
    this.#blocks = new BlocksBehind(async (block) => {
      this.#checksums.update(block)
      await file.append(block)
    })
  }

  get streamBytes(): number {
    return this.#streamBytes
  }

  get storedBytes(): number {
    return this.#storedBytes
  }

  get mustEnd(): boolean {
    return this.#file.earlyWarning
  }

  get left(): readonly Uint8Array[] {
    return this.#left
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#frames !== undefined) throw new TypeError('a compressed fragment is written in frames')
    this.#mustBeOpen()
    await this.#store(chunk)
    this.#streamBytes += chunk.length
  }

  async writeFrame({ stored, streamBytes, startsAtMember }: CompressedFrame): Promise<void> {
    if (this.#frames === undefined) throw new TypeError('a fragment that is not compressed has no frames')
    this.#mustBeOpen()
    this.#frames.add({ storedBytes: stored.length, streamBytes, startsAtMember })
    await this.#store(stored)
    this.#streamBytes += streamBytes
  }

  async commit(trailer: FragmentTrailer): Promise<FragmentRecord> {
    this.#mustBeOpen()
    try {
      const { endsAtMember } = trailer
      if (this.#frames === undefined && !endsAtMember) this.#leaveRest()
      else await this.#blocks.write(fillAfter(this.#storedBytes, this.#fragment.compression))
      await this.#blocks.settled()
      // What is left begins the next fragment, so this one is not the last.
      const footer = await this.#writeTrailer({ ...trailer, last: trailer.last && this.#left.length === 0 })
      const footerBlock = this.#file.start.object + this.#file.count - 1
      const { object } = await this.#file.end()
      this.#state = 'committed'
      const { earlyWarning } = this.#file
      await this.#volume.wrote({ object, lastBlock: tapeBlockChecksum(footer), fragments: 1, earlyWarning })
      return this.#record(endsAtMember, footerBlock)
    } catch (error) {
      throw await this.#failed(error)
    }
  }

  async discard(): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'discarded'
    try {
      await this.#blocks.settled()
      this.#volume.left()
    } catch (error) {
      await this.#volume.failed(asNbError(error))
    }
  }

  async #store(bytes: Uint8Array): Promise<void> {
    try {
      await this.#blocks.write(bytes)
      this.#storedBytes += bytes.length
    } catch (error) {
      throw await this.#failed(error)
    }
  }

  /** A payload that ends inside a member ends with a block; what is behind it is left for the next fragment. */
  #leaveRest(): void {
    const rest = this.#blocks.takeRest()
    if (rest.length === 0) return
    this.#left = [rest]
    this.#streamBytes -= rest.length
    this.#storedBytes -= rest.length
  }

  async #writeTrailer({ endsAtMember, last, image, fileList }: FragmentTrailer): Promise<Buffer> {
    let block = this.#header
    const blocks = encodeTapeTrailer({
      ...{ header: this.#header, block: this.#file.count },
      ...{ payloadBytes: this.#streamBytes, storedBytes: this.#storedBytes },
      ...{ endsAtMemberBoundary: endsAtMember, lastFragment: last, image, files: fileList },
      ...(this.#frames === undefined ? {} : { frames: this.#frames.finish() }),
      blocks: this.#checksums.finish(),
    })
    for (block of blocks) await this.#file.append(block)
    return block
  }

  #record(endsAtMember: boolean, footerBlock: number): FragmentRecord {
    const { number, streamOffset, startsAtMember } = this.#fragment
    const { volume: volumeId, file: filemark, object: headerBlock } = this.#file.start
    return {
      ...{ number, streamOffset, streamBytes: this.#streamBytes },
      wholeMembers: startsAtMember && endsAtMember,
      blockBytes: TAPE_BLOCK_BYTES,
      ...(this.#frames === undefined ? {} : { storedBytes: this.#storedBytes }),
      ...{ volumeId, filemark, headerBlock, footerBlock },
    }
  }

  async #failed(error: unknown): Promise<unknown> {
    if (this.#state !== 'open') return error
    this.#state = 'discarded'
    if (error instanceof TypeError) {
      await this.#blocks.settled().catch(() => undefined)
      this.#volume.left()
      return error
    }
    this.#failure = asNbError(error)
    await this.#volume.failed(this.#failure)
    return this.#failure
  }

  #mustBeOpen(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#state === 'open') return
    const { backupId, number } = this.#fragment
    throw new TypeError(`fragment ${number} of image ${backupId} is ${this.#state}`)
  }
}

function tooLate(volumeId: string, drive: string): NbError {
  return new NbError('media-end', `Volume ${volumeId} has no room for another fragment: its end is near.`, {
    details: { volumeId, drive },
  })
}
