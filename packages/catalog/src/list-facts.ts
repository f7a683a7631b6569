import { type CallOptions, type FileListTotals, type Files, NbError, throwIfAborted } from '@nb/contracts'
import { type BatchFrame, FileListDecoder, type FileListEntry, FormatError } from '@nb/formats'

/** What one pass over a file list tells. */
export interface ListFacts {
  /** The list's table of images: index 0 is the image itself. */
  readonly images: readonly string[]
  readonly totals: FileListTotals
  /** Where each batch is and begins. */
  readonly batches: readonly BatchFrame[]
  /** Entries with a member in this image. */
  readonly storedEntries: number
  /**
   * Logical bytes of the files stored in this image: at least those of entries that hold data of their own, at most
   * those and the ones of all further names (hard links), some of which share their data and some do not.
   */
  readonly bytes: { readonly least: number; readonly most: number }
  /** For each image of the table: where the last member that is referred to ends; `undefined` when none is. */
  readonly ends: readonly (number | undefined)[]
}

const mostChunkBytes = 256 * 1024
/** A pass that goes on beside a backup holds up the process for a few milliseconds at once. */
const aheadBytes = 64 * 1024
const tarBlockBytes = 512

/** Decodes a list once, batch by batch, checking checksums, order and positions. Throws `file-list-corrupt`. */
export async function readListFacts(files: Files, path: string, options?: CallOptions): Promise<ListFacts> {
  const pass = new ListPass(path)
  await eachChunk(files, path, (chunk) => pass.push(chunk), options)
  return pass.finish()
}

/**
 * Counts a list's batches by head and checksum, without decoding them; of its first `mostBytes` only, where so many are
 * there. Throws `file-list-corrupt`.
 */
export async function readListTotals(
  files: Files,
  path: string,
  options?: CallOptions,
  mostBytes?: number,
): Promise<FileListTotals> {
  const totals = { bytes: 0, batches: 0, entries: 0 }
  const decoder = new FileListDecoder()
  await corruptOn(path, async () => {
    const take = (chunk: Buffer): void => {
      totals.bytes += chunk.length
      decoder.push(chunk, {
        onBatch: ({ entryCount }) => void ((totals.batches += 1), (totals.entries += entryCount)),
      })
    }
    await eachChunk(files, path, take, options, mostBytes === undefined ? {} : { to: mostBytes })
    decoder.finish()
  })
  return totals
}

/**
 * The same pass for a list that is still being written: it goes on behind whoever writes, so that little is left when the list ends.
 * It reads what lies in the file. What it finds wrong is told at the end.
 */
export class FactsAhead {
  readonly #files: Files
  readonly #path: string
  readonly #pass: ListPass
  #at = 0
  #goal = 0
  #failure: { readonly error: unknown } | undefined
  #running: Promise<void> | undefined

  /** @param path - of the list */
  constructor(files: Files, path: string) {
    this.#files = files
    this.#path = path
    this.#pass = new ListPass(path)
  }

  /** Says that so many bytes are there. */
  follow(bytes: number): void {
    this.#goal = bytes
    if (this.#goal - this.#at >= aheadBytes) this.#running ??= this.#run()
  }

  /** The facts of all that is there, once nothing more comes. Throws `file-list-corrupt`. */
  async finish(options?: CallOptions): Promise<ListFacts> {
    await this.#running
    if (this.#failure !== undefined) throw this.#failure.error
    await this.#read(undefined, options)
    return this.#pass.finish()
  }

  async #run(): Promise<void> {
    try {
      while (this.#goal - this.#at >= aheadBytes) await this.#read(this.#goal)
    } catch (error) {
      this.#failure = { error }
    }
    // After a failure nobody need try again.
    if (this.#failure === undefined) this.#running = undefined
  }

  async #read(to: number | undefined, options?: CallOptions): Promise<void> {
    const take = (chunk: Buffer): void => {
      this.#pass.push(chunk)
      this.#at += chunk.length
    }
    await eachChunk(this.#files, this.#path, take, options, {
      from: this.#at,
      chunkBytes: aheadBytes,
      ...(to === undefined ? {} : { to }),
    })
  }
}

class ListPass {
  readonly #path: string
  readonly #decoder = new FileListDecoder()
  readonly #batches: BatchFrame[] = []
  readonly #ends: (number | undefined)[] = []
  #images: readonly string[] = []
  #bytes = 0
  #entries = 0
  #storedEntries = 0
  #least = 0
  #most = 0

  constructor(path: string) {
    this.#path = path
  }

  push(chunk: Buffer): void {
    this.#bytes += chunk.length
    try {
      this.#decoder.push(chunk, {
        onHeader: ({ images }) => {
          this.#images = images
          this.#ends.length = images.length
        },
        onBatch: (frame) => void this.#batches.push({ ...frame, firstPath: aloneCopy(frame.firstPath) }),
        onEntry: (entry) => this.#add(entry),
      })
    } catch (error) {
      throw corruptList(this.#path, error)
    }
  }

  #add({ imageIndex, memberOffset, memberBytes, kind, sizeBytes }: FileListEntry): void {
    this.#entries += 1
    if (memberBytes === 0) {
      // Without a member only the image itself can be meant; the entry's data is nowhere.
      if (imageIndex > 0) this.#ends[imageIndex] = this.#ends[imageIndex] ?? 0
      return
    }
    if (memberOffset % tarBlockBytes !== 0 || memberBytes % tarBlockBytes !== 0)
      throw new FormatError(
        'FILE_LIST_INVALID',
        this.#bytes,
        `A member at ${memberOffset} of ${memberBytes} bytes`,
      )
    const end = memberOffset + memberBytes
    this.#ends[imageIndex] = Math.max(end, this.#ends[imageIndex] ?? 0)
    if (imageIndex !== 0) return
    this.#storedEntries += 1
    if (kind === 'file') this.#least += sizeBytes
    if (kind === 'file' || kind === 'hardlink') this.#most += sizeBytes
  }

  finish(): ListFacts {
    try {
      this.#decoder.finish()
    } catch (error) {
      throw corruptList(this.#path, error)
    }
    return {
      images: this.#images,
      totals: { bytes: this.#bytes, batches: this.#batches.length, entries: this.#entries },
      batches: this.#batches,
      storedEntries: this.#storedEntries,
      bytes: { least: this.#least, most: this.#most },
      ends: Array.from({ length: this.#images.length }, (_, index) => this.#ends[index]),
    }
  }
}

/** A copy in memory of its own: a piece of memory that many share would stay for the sake of one. */
function aloneCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}

async function eachChunk(
  files: Files,
  path: string,
  take: (chunk: Buffer) => void,
  options: CallOptions | undefined,
  part: { readonly from?: number; readonly to?: number; readonly chunkBytes?: number } = {},
): Promise<void> {
  const { from = 0, to = Number.MAX_SAFE_INTEGER, chunkBytes = mostChunkBytes } = part
  const file = await openList(files, path)
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes)
    for (let at = from; ;) {
      throwIfAborted(options)
      const wanted = buffer.subarray(0, Math.min(buffer.length, to - at))
      const count = wanted.length === 0 ? 0 : await file.read(wanted, at)
      if (count === 0) return
      take(buffer.subarray(0, count))
      at += count
    }
  } finally {
    await file.close()
  }
}

/** Opens a list for reading. Throws `file-list-corrupt` when it is not there. */
export async function openList(files: Files, path: string): ReturnType<Files['open']> {
  try {
    return await files.open(path, 'read')
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? corruptList(path, error) : error
  }
}

/**
 * The error of a list that can't be what was written. A `FormatError` becomes one, a known error stays; one of a newer form is
 * `version-unsupported`, which is no damage.
 */
export function corruptList(path: string, cause: unknown): NbError {
  if (cause instanceof NbError) return cause
  if (isNewerForm(cause)) return newerForm('file list', path, cause)
  const { message, code } = cause as NodeJS.ErrnoException
  return new NbError('file-list-corrupt', `the file list ${path} is damaged: ${message}`, {
    details: { path, ...(code === undefined ? {} : { fault: code }) },
    cause,
  })
}

/** Whether a newer version wrote what could not be read. */
export function isNewerForm(error: unknown): error is FormatError {
  return error instanceof FormatError && error.code === 'FORMAT_VERSION_UNSUPPORTED'
}

/** The error of a file that a newer version wrote, `version-unsupported`. */
export function newerForm(what: string, path: string, cause: FormatError): NbError {
  return new NbError(
    'version-unsupported',
    `the ${what} ${path} is of a newer version, and nothing of its image is touched; run the newer version: ${cause.message}`,
    { details: { path }, cause },
  )
}

/** The same as {@link corruptOn} for what waits for nothing. */
export function corruptOnNow<Value>(path: string, work: () => Value): Value {
  try {
    return work()
  } catch (error) {
    throw error instanceof FormatError ? corruptList(path, error) : error
  }
}

/** Runs `work`, turning what the format refuses into `file-list-corrupt`. */
export async function corruptOn<Value>(path: string, work: () => Promise<Value> | Value): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof FormatError ? corruptList(path, error) : error
  }
}
