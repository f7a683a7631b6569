import {
  type FragmentReader,
  type FragmentRecord,
  type MountedMedium,
  NbError,
  type RestoreSource,
} from '@nb/contracts'
import type { Range } from './range-list.ts'

/**
 * Reads ranges of an image's archive stream from the fragments of one of its copies, one fragment open at a time, each on the medium that
 * is given for its volume.
 */
export class ImageReader {
  readonly #mediumWith: (volumeId: string | undefined) => Promise<MountedMedium>
  readonly #source: RestoreSource
  #open: { readonly fragment: FragmentRecord; readonly reader: FragmentReader } | undefined

  constructor(mediumWith: (volumeId: string | undefined) => Promise<MountedMedium>, source: RestoreSource) {
    this.#mediumWith = mediumWith
    this.#source = source
  }

  /** Opens the fragment that holds the byte; gives its number. Rejects with `fragment-missing`, `fragment-corrupt`. */
  async position(streamOffset: number): Promise<number> {
    return (await this.#fragmentAt(streamOffset)).fragment.number
  }

  /** The bytes of a range, in chunks that are valid until the next. */
  async *read(
    { offset, bytes }: Range,
    options: { readonly signal: AbortSignal },
  ): AsyncGenerator<Uint8Array> {
    const end = offset + bytes
    for (let at = offset; at < end;) {
      const { fragment, reader } = await this.#fragmentAt(at)
      const within = at - fragment.streamOffset
      const count = Math.min(end - at, fragment.streamBytes - within)
      yield* reader.read({ offset: within, bytes: count }, options)
      at += count
    }
  }

  /**
   * How far from a byte on blocks of at most `mostBlockBytes` begin that can be read in place; `Infinity` where none can be in its
   * fragment.
   */
  async bytesToBlock(streamOffset: number, mostBlockBytes: number): Promise<number> {
    const { fragment, reader } = await this.#fragmentAt(streamOffset)
    const blockBytes = reader.inPlace?.blockBytes ?? Infinity
    if (blockBytes > mostBlockBytes) return Infinity
    const within = (streamOffset - fragment.streamOffset) % blockBytes
    return within === 0 ? 0 : blockBytes - within
  }

  /** Fills memory, or the beginning of it, with the blocks from a byte on where one begins; gives how many bytes they have. */
  async readInto(
    streamOffset: number,
    into: Uint8Array,
    options: { readonly signal: AbortSignal },
  ): Promise<number> {
    const { fragment, reader } = await this.#fragmentAt(streamOffset)
    const offset = streamOffset - fragment.streamOffset
    const blockBytes = reader.inPlace?.blockBytes ?? Infinity
    const left = fragment.streamBytes - offset
    const count = into.length >= left ? left : into.length - (into.length % blockBytes)
    if (count > 0) await reader.inPlace?.read({ offset, into: into.subarray(0, count) }, options)
    return count
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.reader.close()
  }

  async #fragmentAt(
    streamOffset: number,
  ): Promise<{ readonly fragment: FragmentRecord; readonly reader: FragmentReader }> {
    if (this.#open !== undefined && holds(this.#open.fragment, streamOffset)) return this.#open
    await this.close()
    const { backupId, copy } = this.#source
    const fragment = copy.fragments.find((candidate) => holds(candidate, streamOffset))
    if (fragment === undefined)
      throw new NbError(
        'fragment-missing',
        `Copy ${copy.copy} of image ${backupId} has no fragment with byte ${streamOffset} of its stream.`,
        { details: { backupId, copy: copy.copy, streamOffset } },
      )
    const medium = await this.#mediumWith(fragment.volumeId)
    const reader = await medium.openFragment({ backupId, copy: copy.copy, fragment })
    this.#open = { fragment, reader }
    return this.#open
  }
}

function holds({ streamOffset, streamBytes }: FragmentRecord, at: number): boolean {
  return at >= streamOffset && at < streamOffset + streamBytes
}
