import { type CallOptions, throwIfAborted } from '@nb/contracts'
import {
  BatchCursor,
  comparePaths,
  decodeBatch,
  FileListDecoder,
  type FileListHeader,
  type FileRecord,
  isWithin,
  peekBatch,
} from '@nb/formats'
import { corruptOn, corruptOnNow } from './list-facts.ts'
import { findIn, keepable, type OpenList, readList } from './list-lookup.ts'
import type { PathMatcher } from './search/path-matcher.ts'

/** Bounds of a stretch of a list. */
export interface TreeBounds {
  /** Only what comes after this path and all below it. */
  readonly after?: Buffer
  /** Only what comes before this path. */
  readonly before?: Buffer
}

/** Read at once where a list is gone through. */
const chunkBytes = 256 * 1024
/** The file list of a complete image, open for lookups: each reads the batches it needs and no other. */
export class FileTree {
  readonly #list: OpenList
  readonly #release: () => Promise<void>
  #closed: Promise<void> | undefined
  /** The last answer: whoever asks whether a path is there asks for it next. */
  #found: { readonly path: Buffer; readonly record: FileRecord | undefined } | undefined

  /**
   * @param list - open until `release`
   * @param release - called once, when the tree is closed
   */
  constructor(list: OpenList, release: () => Promise<void>) {
    this.#list = list
    this.#release = release
  }

  /** What stands at the head of the list. */
  get header(): FileListHeader {
    return this.#list.header
  }

  /** Bytes of the whole list. */
  get bytes(): number {
    return this.#list.runs.fileListBytes
  }

  /** The entry of a path. */
  async find(path: Buffer): Promise<FileRecord | undefined> {
    if (this.#found?.path.equals(path) === true) return this.#found.record
    const record = await findIn(this.#list, path)
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
    const { first, end } = this.#runs(path, bounds)
    for (let number = first; number < end; number++) {
      const records: FileRecord[] = []
      const isBefore = (first: Buffer): boolean => comparePaths(first, path) <= 0
      const isOver = await this.#step(number, options, isBefore, (cursor) => {
        const place = placeOf(cursor.path, path, bounds)
        if (place === 'inside') records.push(cursor.record())
        return place !== 'beyond'
      })
      yield* records
      if (isOver) return
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
    const { first, end } = this.#runs(top, bounds)
    let last = covered
    for (let number = first; number < end;) {
      const records: FileRecord[] = []
      const isBefore = (first: Buffer): boolean =>
        comparePaths(first, top) <= 0 ||
        (last !== undefined && (comparePaths(first, last) <= 0 || isWithin(first, last)))
      const isOver = await this.#step(number, options, isBefore, (cursor) => {
        const { path } = cursor
        const place = placeOf(path, top, bounds)
        if (place === 'beyond') return false
        if (place === 'before' || path.equals(directory) || (last !== undefined && isWithin(path, last)))
          return true
        const record = cursor.record()
        last = record.path
        records.push(record)
        return true
      })
      yield* records
      if (isOver) return
      // The last run that can hold what is below `last` is the next that can hold something else.
      const beyond = last === undefined ? 0 : this.#list.runs.subtree(last).end - 1
      number = Math.max(number + 1, beyond)
    }
  }

  /** The entries at a path and below whose paths match, in order; the others are passed over without being decoded. */
  async *search(
    matcher: PathMatcher,
    path: Buffer,
    options?: CallOptions,
    bounds: TreeBounds = {},
  ): AsyncGenerator<FileRecord, void, undefined> {
    const { first, end } = this.#runs(path, bounds)
    const cursor = new BatchCursor()
    // Only the runs at the edges hold what is not asked for.
    const whole = path.length === 1 && bounds.after === undefined && bounds.before === undefined
    for await (const { bytes, offset } of this.#chunks(first, end, options)) {
      const records: FileRecord[] = []
      const isOver = await corruptOn(this.#list.path, () => {
        for (let at = 0; at < bytes.length;) {
          at = cursor.open(bytes, at, offset + at)
          while (cursor.next()) {
            if (!matcher.matches(cursor.pathBuffer, cursor.pathBytes, cursor.sharedBytes)) continue
            const place = whole ? 'inside' : placeOf(cursor.path, path, bounds)
            if (place === 'beyond') return true
            if (place === 'inside') records.push(keepable(cursor.record()))
          }
        }
        return false
      })
      yield* records
      if (isOver) return
    }
  }

  /**
   * The entry of a path and all below it, in order: batches that hold nothing else as they are stored, one or several at once, of the
   * others the records. Both are valid until the next.
   */
  async *batches(
    path: Buffer,
    options?: CallOptions,
  ): AsyncGenerator<Buffer | readonly FileRecord[], void, undefined> {
    const { first, end } = this.#runs(path, {})
    const cursor = new BatchCursor()
    for await (const { bytes, offset } of this.#chunks(first, end, options)) {
      let wholeFrom = 0
      for (let at = 0; at < bytes.length;) {
        const start = at
        const [begins, ends] = await corruptOn(this.#list.path, () => {
          at = cursor.open(bytes, start, offset + start)
          cursor.next()
          const firstPlace = placeOf(cursor.path, path, {})
          while (cursor.next());
          cursor.finishPaths()
          return [firstPlace, placeOf(cursor.path, path, {})]
        })
        if (begins === 'inside' && ends === 'inside') continue
        if (wholeFrom < start) yield bytes.subarray(wholeFrom, start)
        wholeFrom = at
        const records = await corruptOn(this.#list.path, () =>
          decodeBatch(bytes.subarray(start, at), offset + start),
        )
        yield records.filter((record) => isWithin(record.path, path))
        if (ends === 'beyond') return
      }
      if (wholeFrom < bytes.length) yield bytes.subarray(wholeFrom)
    }
  }

  /** The list as it is stored, in chunks that are valid until the next. Each is checked before it is given. */
  async *raw(chunkBytes: number, options?: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const buffer = Buffer.allocUnsafe(chunkBytes)
    const decoder = new FileListDecoder()
    for (let at = 0; at < this.bytes;) {
      throwIfAborted(options)
      const chunk = buffer.subarray(0, Math.min(chunkBytes, this.bytes - at))
      await readList(this.#list, chunk, at)
      await corruptOn(this.#list.path, () => decoder.push(chunk, {}))
      yield chunk
      at += chunk.length
    }
    await corruptOn(this.#list.path, () => decoder.finish())
  }

  /** Lets the list go; twice does nothing. */
  close(): Promise<void> {
    return (this.#closed ??= this.#release())
  }

  #runs(top: Buffer, { after, before }: TreeBounds): { readonly first: number; readonly end: number } {
    const { runs } = this.#list
    const { first, end } = runs.subtree(top)
    return {
      // The last run that can hold what is below `after` is the first that can hold what comes then.
      first: after === undefined ? first : Math.max(first, runs.subtree(after).end - 1),
      end: before === undefined ? end : Math.min(end, runs.find(before) + 1),
    }
  }

  /**
   * Steps through a run until `visit` says that it is over. Batches before one of whose first path `isBefore` holds are passed over:
   * whatever precedes that path is not asked for.
   */
  async #step(
    number: number,
    options: CallOptions | undefined,
    isBefore: (firstPath: Buffer) => boolean,
    visit: (cursor: BatchCursor) => boolean,
  ): Promise<boolean> {
    throwIfAborted(options)
    const { runs, path } = this.#list
    const bytes = Buffer.allocUnsafe(runs.byteLength(number))
    const offset = runs.offset(number)
    await readList(this.#list, bytes, offset)
    return corruptOnNow(path, () => {
      const cursor = new BatchCursor()
      for (let at = 0; at < bytes.length;) {
        const { end } = peekBatch(bytes, at, offset + at)
        if (end < bytes.length && isBefore(peekBatch(bytes, end, offset + end).firstPath)) {
          at = end
          continue
        }
        at = cursor.open(bytes, at, offset + at)
        while (cursor.next()) if (!visit(cursor)) return true
      }
      return false
    })
  }

  /** The bytes of some runs, several at once; the next are read while these are looked at. Valid until the next but one. */
  async *#chunks(
    first: number,
    end: number,
    options: CallOptions | undefined,
  ): AsyncGenerator<{ readonly bytes: Buffer; readonly offset: number }, void, undefined> {
    const { runs } = this.#list
    const spare: Buffer[] = []
    let at = first
    const readNext = (): Promise<{ readonly bytes: Buffer; readonly offset: number } | undefined> => {
      if (at >= end) return Promise.resolve(undefined)
      const from = at
      do at++
      while (at < end && runs.byteLength(from, at + 1) <= chunkBytes)
      const byteLength = runs.byteLength(from, at)
      const kept = spare.pop()
      const buffer =
        kept !== undefined && kept.length >= byteLength
          ? kept
          : Buffer.allocUnsafeSlow(Math.max(chunkBytes, byteLength))
      const bytes = buffer.subarray(0, byteLength)
      const offset = runs.offset(from)
      const read = readList(this.#list, bytes, offset).then(() => ({ bytes, offset }))
      read.catch(() => undefined)
      return read
    }
    let next = readNext()
    try {
      for (;;) {
        throwIfAborted(options)
        const chunk = await next
        if (chunk === undefined) return
        next = readNext()
        yield chunk
        spare.push(Buffer.from(chunk.bytes.buffer, chunk.bytes.byteOffset))
      }
    } finally {
      // The file stays open until its last read is over.
      await next.catch(() => undefined)
    }
  }
}

function placeOf(path: Buffer, top: Buffer, { after, before }: TreeBounds): 'before' | 'inside' | 'beyond' {
  if (comparePaths(path, top) < 0) return 'before'
  if (!isWithin(path, top) || (before !== undefined && comparePaths(path, before) >= 0)) return 'beyond'
  return after !== undefined && (comparePaths(path, after) < 0 || isWithin(path, after)) ? 'before' : 'inside'
}
