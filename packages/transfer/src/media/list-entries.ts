import { type DataChannel, NbError } from '@nb/contracts'
import {
  BatchCursor,
  FileListDecoder,
  type FileListEntry,
  type FileListHeader,
  FormatError,
  type WholeBatch,
  comparePaths,
} from '@nb/formats'

/** So much of a chunk is taken at once: batches are cut from it in memory of their own, and are let go of while that is young. */
const PIECE_BYTES = 8 * 1024

/**
 * Steps through a file list that comes over a channel, entry by entry on its bytes. An object for each would live until the piece of
 * the list that it came with was worked off, thousands of entries later, and so come into the old generation of the heap.
 */
export class ListEntries {
  readonly #channel: DataChannel
  readonly #decoder = new FileListDecoder()
  readonly #cursor = new BatchCursor()
  #batches: WholeBatch[] = []
  /** What is left of the last chunk. */
  #rest: Uint8Array = new Uint8Array()
  #header: FileListHeader | undefined

  constructor(channel: DataChannel) {
    this.#channel = channel
  }

  /** What the digests of the list are made with; `undefined` where it has none, or {@link more} was not called yet. */
  get digestAlgorithm(): string | undefined {
    return this.#header?.digestAlgorithm
  }

  /** The present entry's path: a view, valid until the next step. */
  get path(): Buffer {
    return this.#cursor.path
  }

  /** Whether a member of that path is of the present entry, as `memberPathOf` has it. Makes no view. */
  isMember(path: Buffer): boolean {
    const { pathBuffer, pathBytes } = this.#cursor
    return pathBytes === 1 ? path.equals(rootMember) : path.compare(pathBuffer, 1, pathBytes) === 0
  }

  /**
   * Goes on to the next entry of those that have come, whose values are valid until the next step; `undefined` where {@link more} is
   * needed. Throws `file-list-corrupt`.
   */
  step(): FileListEntry | undefined {
    return this.#checked(() => this.#step())
  }

  /** Takes more of the list; false where it has ended. Rejects with `file-list-corrupt`, `channel-broken`. */
  async more(): Promise<boolean> {
    while (this.#batches.length === 0) {
      if (this.#rest.length === 0) {
        const chunk = await this.#channel.read()
        if (chunk === undefined) {
          this.#checked(() => this.#decoder.finish())
          await this.#channel.end()
          return false
        }
        this.#rest = chunk
      }
      const piece = this.#rest.subarray(0, PIECE_BYTES)
      this.#rest = this.#rest.subarray(PIECE_BYTES)
      this.#checked(() => this.#decoder.push(piece, this.#sink))
    }
    return true
  }

  readonly #sink = {
    onHeader: (header: FileListHeader): void => void (this.#header = header),
    onWholeBatch: (batch: WholeBatch): void => void this.#batches.push(batch),
  }

  #step(): FileListEntry | undefined {
    const cursor = this.#cursor
    while (!cursor.next()) {
      const batch = this.#batches.shift()
      if (batch === undefined) return undefined
      const { bytes, open } = batch
      if (cursor.entryCount > 0 && comparePaths(cursor.path, open.firstPath) >= 0)
        throw new FormatError(
          'FILE_LIST_ORDER',
          open.offset,
          'A batch begins before the one that precedes it ends',
        )
      cursor.openChecked(bytes, open)
    }
    const entry = cursor.entry()
    if (cursor.index === cursor.entryCount - 1) cursor.finish()
    const images = this.#header?.images.length ?? 0
    if (entry.imageIndex < images) return entry
    throw new FormatError('FILE_LIST_INVALID', 0, `An entry in image ${entry.imageIndex} of ${images}`)
  }

  #checked<Value>(read: () => Value): Value {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      throw new NbError('file-list-corrupt', `The file list is damaged: ${error.message}`, { cause: error })
    }
  }
}

const rootMember = Buffer.from('.')
