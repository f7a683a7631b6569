import { type CallOptions, type Files, type OpenFile, throwIfAborted } from '@nb/contracts'
import {
  comparePaths,
  decodeBatch,
  decodeFileListHeader,
  FileListDecoder,
  type FileListHeader,
  type FileListIndex,
  type FileRecord,
  findBatch,
  findInBatch,
  isWithin,
  subtreeBatches,
} from '@nb/formats'
import { corruptList, corruptOn, openList } from './list-facts.ts'

/** Bounds of a stretch of a list. */
export interface TreeBounds {
  /** Only what comes after this path and all below it. */
  readonly after?: Buffer
  /** Only what comes before this path. */
  readonly before?: Buffer
}

/** The file list of a complete image, open for lookups: each reads the batches it needs and no other. */
export class FileTree {
  readonly header: FileListHeader
  readonly #path: string
  readonly #file: OpenFile
  readonly #index: FileListIndex
  /** The last answer: whoever asks whether a path is there asks for it next. */
  #found: { readonly path: Buffer; readonly record: FileRecord | undefined } | undefined

  private constructor(path: string, file: OpenFile, index: FileListIndex, header: FileListHeader) {
    this.#path = path
    this.#file = file
    this.#index = index
    this.header = header
  }

  /** Opens a list by its index. Throws `file-list-corrupt`. Close it. */
  static async open(files: Files, path: string, index: FileListIndex): Promise<FileTree> {
    const file = await openList(files, path)
    try {
      const bytes = await readExactly(file, path, 0, index.batches[0]?.offset ?? index.fileListBytes)
      const { header } = await corruptOn(path, () => decodeFileListHeader(bytes))
      return new FileTree(path, file, index, header)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Bytes of the whole list. */
  get bytes(): number {
    return this.#index.fileListBytes
  }

  /** The entry of a path. */
  async find(path: Buffer): Promise<FileRecord | undefined> {
    if (this.#found?.path.equals(path) === true) return this.#found.record
    const number = findBatch(this.#index, path)
    if (number < 0) return undefined
    const batch = await this.#read(number)
    const record = await corruptOn(this.#path, () => findInBatch(batch, path))
    this.#found = { path, record }
    return record
  }

  /** Whether the path itself or anything below it is in the list. */
  async holds(path: Buffer): Promise<boolean> {
    if ((await this.find(path)) !== undefined) return true
    for await (const _ of this.subtree(path)) return true
    return false
  }

  /** The entry of a path and all below it, in order; of a stretch only what lies between its bounds. */
  async *subtree(
    path: Buffer,
    options?: CallOptions,
    bounds: TreeBounds = {},
  ): AsyncGenerator<FileRecord, void, undefined> {
    const { first, end } = this.#batches(path, bounds)
    for (let number = first; number < end; number++) {
      for (const record of await this.#decode(number, options)) {
        const place = placeOf(record.path, path, bounds)
        if (place === 'beyond') return
        if (place === 'inside') yield record
      }
    }
  }

  /**
   * The uppermost entries below a directory: its children and, where a directory between is itself not in the list
   * (above the selections, or left out by a pattern), the first entries under it. What lies below those is skipped
   * without being read. What lies in `covered` counts as given already.
   */
  async *children(
    directory: Buffer,
    options?: CallOptions,
    {
      top = directory,
      covered,
      ...bounds
    }: TreeBounds & { readonly top?: Buffer; readonly covered?: Buffer } = {},
  ): AsyncGenerator<FileRecord, void, undefined> {
    const { first, end } = this.#batches(top, bounds)
    let last = covered
    for (let number = first; number < end;) {
      for (const record of await this.#decode(number, options)) {
        const { path } = record
        const place = placeOf(path, top, bounds)
        if (place === 'beyond') return
        if (place === 'before' || path.equals(directory) || (last !== undefined && isWithin(path, last)))
          continue
        last = path
        yield record
      }
      // The last batch that can hold what is below `last` is the next that can hold something else.
      const beyond = last === undefined ? 0 : subtreeBatches(this.#index, last).end - 1
      number = Math.max(number + 1, beyond)
    }
  }

  /** The list as it is stored, in chunks that are valid until the next. Each is checked before it is given. */
  async *raw(chunkBytes: number, options?: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const buffer = Buffer.allocUnsafe(chunkBytes)
    const decoder = new FileListDecoder()
    for (let at = 0; at < this.bytes;) {
      throwIfAborted(options)
      const chunk = buffer.subarray(0, Math.min(chunkBytes, this.bytes - at))
      if ((await this.#file.read(chunk, at)) < chunk.length) throw tooShort(this.#path)
      await corruptOn(this.#path, () => decoder.push(chunk, {}))
      yield chunk
      at += chunk.length
    }
    await corruptOn(this.#path, () => decoder.finish())
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  #batches(top: Buffer, { after, before }: TreeBounds): { readonly first: number; readonly end: number } {
    const { first, end } = subtreeBatches(this.#index, top)
    return {
      // The last batch that can hold what is below `after` is the first that can hold what comes then.
      first: after === undefined ? first : Math.max(first, subtreeBatches(this.#index, after).end - 1),
      end: before === undefined ? end : Math.min(end, findBatch(this.#index, before) + 1),
    }
  }

  async #decode(number: number, options: CallOptions | undefined): Promise<FileRecord[]> {
    throwIfAborted(options)
    const batch = await this.#read(number)
    return corruptOn(this.#path, () => decodeBatch(batch, this.#index.batches[number]?.offset))
  }

  #read(number: number): Promise<Buffer> {
    const frame = this.#index.batches[number]
    return frame === undefined
      ? Promise.resolve(Buffer.alloc(0))
      : readExactly(this.#file, this.#path, frame.offset, frame.byteLength)
  }
}

function placeOf(path: Buffer, top: Buffer, { after, before }: TreeBounds): 'before' | 'inside' | 'beyond' {
  if (comparePaths(path, top) < 0) return 'before'
  if (!isWithin(path, top) || (before !== undefined && comparePaths(path, before) >= 0)) return 'beyond'
  return after !== undefined && (comparePaths(path, after) < 0 || isWithin(path, after)) ? 'before' : 'inside'
}

async function readExactly(file: OpenFile, path: string, at: number, byteLength: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(byteLength)
  if ((await file.read(bytes, at)) < byteLength) throw tooShort(path)
  return bytes
}

function tooShort(path: string): Error {
  return corruptList(path, new Error('it is shorter than its index says'))
}
