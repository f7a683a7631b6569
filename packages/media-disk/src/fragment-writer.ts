import {
  type CompressedFrame,
  type Files,
  type FragmentRecord,
  type FragmentTrailer,
  type FragmentWriter,
  NbError,
  type NewFragment,
  type OpenFile,
} from '@nb/contracts'
import {
  BlockChecksums,
  FrameIndexWriter,
  encodeFragmentHeader,
  encodeFragmentTrailer,
  framedHeader,
  framedHeaderBytes,
} from '@nb/formats'
import { EarlyWriteback } from './early-writeback.ts'
import { mediaFailure } from './failure.ts'
import { TEMPORARY_SUFFIX } from './names.ts'

/** Smaller writes are gathered up to this; a chunk at least a quarter as big goes to the file as it is. */
const GATHER_BYTES = 1024 * 1024

/** Where a fragment is written. */
export interface FragmentPlace {
  readonly files: Files
  readonly storageUnit: string
  /** The image's directory, which is there. */
  readonly imageDirectory: string
  readonly fileName: string
  readonly blockBytes: number
  readonly writebackBytes: number
}

/**
 * Begins a fragment under its temporary name, header first. A leftover of that name, of a writer that is gone,
 * is removed. Rejects with `already-exists`, `disk-full`, `media-open-failed`.
 */
export async function beginFragment(place: FragmentPlace, fragment: NewFragment): Promise<FragmentWriter> {
  const { files } = place
  const path = `${place.imageDirectory}/${place.fileName}`
  const temporary = path + TEMPORARY_SUFFIX
  const header = encodeFragmentHeader({
    backupId: fragment.backupId,
    client: fragment.client,
    policy: fragment.policy,
    schedule: fragment.schedule,
    copy: fragment.copy,
    fragment: fragment.number,
    streamOffset: fragment.streamOffset,
    startsAtMemberBoundary: fragment.startsAtMember,
    blockBytes: place.blockBytes,
    created: new Date(fragment.createdAt).toISOString(),
    ...(fragment.compression === undefined ? {} : { compression: fragment.compression }),
  })
  let file: OpenFile | undefined
  try {
    if ((await files.stat(path)) !== undefined)
      throw new NbError('already-exists', `${path} exists: fragments are never written twice.`)
    await files.remove(temporary)
    file = await files.open(temporary, 'create')
    await file.write(framedHeader(header, fragment.compression), 0)
    return new DiskFragmentWriter(place, fragment, header, file)
  } catch (error) {
    await file?.close()
    if (file !== undefined) await files.remove(temporary)
    throw mediaFailure(error, 'media-open-failed', 'creating', { ...place, path: temporary })
  }
}

/**
 * `open` until `commit` or `discard`; a failed write or commit discards. Only `committed` leaves a file that
 * readers know.
 */
class DiskFragmentWriter implements FragmentWriter {
  readonly #place: FragmentPlace
  readonly #fragment: NewFragment
  readonly #header: Buffer
  readonly #file: OpenFile
  readonly #path: string
  readonly #checksums: BlockChecksums
  readonly #writeback: EarlyWriteback
  readonly #gather = Buffer.allocUnsafe(GATHER_BYTES)
  #gathered = 0
  readonly #frames: FrameIndexWriter | undefined
  #position: number
  #streamBytes = 0
  #storedBytes = 0
  #state: 'open' | 'committed' | 'discarded' = 'open'

  constructor(place: FragmentPlace, fragment: NewFragment, header: Buffer, file: OpenFile) {
    this.#place = place
    this.#fragment = fragment
    this.#header = header
    this.#file = file
    this.#path = `${place.imageDirectory}/${place.fileName}`
    this.#checksums = new BlockChecksums(place.blockBytes)
    this.#writeback = new EarlyWriteback(file, place.writebackBytes)
    this.#frames = fragment.compression === undefined ? undefined : new FrameIndexWriter()
    this.#position = framedHeaderBytes(fragment.compression)
  }

  get streamBytes(): number {
    return this.#streamBytes
  }

  get storedBytes(): number {
    return this.#storedBytes
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#frames !== undefined) throw new TypeError('a compressed fragment is written in frames')
    this.#streamBytes += chunk.length
    await this.#store(chunk)
  }

  async writeFrame({ stored, streamBytes, startsAtMember }: CompressedFrame): Promise<void> {
    if (this.#frames === undefined) throw new TypeError('a fragment that is not compressed has no frames')
    this.#mustBeOpen()
    this.#frames.add({ storedBytes: stored.length, streamBytes, startsAtMember })
    this.#streamBytes += streamBytes
    await this.#store(stored)
  }

  async #store(chunk: Uint8Array): Promise<void> {
    this.#mustBeOpen()
    try {
      this.#storedBytes += chunk.length
      if (chunk.length >= GATHER_BYTES / 4) {
        await this.#flush()
        const appended = this.#append(chunk)
        // While the thread pool writes it.
        this.#checksums.update(chunk)
        await appended
      } else {
        this.#checksums.update(chunk)
        await this.#collect(chunk)
      }
    } catch (error) {
      await this.discard()
      throw this.#failure(error, 'writing')
    }
  }

  async commit(trailer: FragmentTrailer): Promise<FragmentRecord> {
    this.#mustBeOpen()
    const { files, imageDirectory } = this.#place
    try {
      await this.#flush()
      for (const part of this.#encodeTrailer(trailer)) await this.#append(part)
      await this.#writeback.settled()
      await this.#file.sync()
      await this.#file.close()
      await files.rename(this.#path + TEMPORARY_SUFFIX, this.#path)
      await files.syncDirectory(imageDirectory)
    } catch (error) {
      await this.discard()
      await files.remove(this.#path)
      throw this.#failure(error, 'completing')
    }
    this.#state = 'committed'
    return {
      number: this.#fragment.number,
      streamOffset: this.#fragment.streamOffset,
      streamBytes: this.#streamBytes,
      wholeMembers: this.#fragment.startsAtMember && trailer.endsAtMember,
      blockBytes: this.#place.blockBytes,
      ...(this.#frames === undefined ? {} : { storedBytes: this.#storedBytes }),
    }
  }

  async discard(): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'discarded'
    await this.#writeback.abandoned()
    await this.#file.close()
    await this.#place.files.remove(this.#path + TEMPORARY_SUFFIX)
  }

  #encodeTrailer(trailer: FragmentTrailer): Buffer[] {
    return encodeFragmentTrailer({
      header: this.#header,
      payloadBytes: this.#streamBytes,
      storedBytes: this.#storedBytes,
      endsAtMemberBoundary: trailer.endsAtMember,
      lastFragment: trailer.last,
      image: trailer.image,
      files: trailer.fileList,
      blocks: this.#checksums.finish(),
      ...(this.#frames === undefined ? {} : { frames: this.#frames.finish() }),
    })
  }

  async #collect(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const count = Math.min(chunk.length - at, GATHER_BYTES - this.#gathered)
      this.#gather.set(chunk.subarray(at, at + count), this.#gathered)
      this.#gathered += count
      at += count
      if (this.#gathered === GATHER_BYTES) await this.#flush()
    }
  }

  async #flush(): Promise<void> {
    if (this.#gathered === 0) return
    const full = this.#gather.subarray(0, this.#gathered)
    this.#gathered = 0
    await this.#append(full)
  }

  async #append(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, this.#position)
    this.#position += bytes.length
    this.#writeback.wrote(bytes.length)
  }

  #mustBeOpen(): void {
    if (this.#state !== 'open') throw new TypeError(`the fragment ${this.#path} is ${this.#state}`)
  }

  #failure(error: unknown, doing: string): Error {
    return mediaFailure(error, 'media-write-failed', doing, {
      ...{ ...this.#place, path: this.#path },
      givenUpBytes: this.#storedBytes,
    })
  }
}
