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

const chunkBytes = 256 * 1024
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
    await eachChunk(files, path, take, options, mostBytes)
    decoder.finish()
  })
  return totals
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
        onBatch: (frame) => void this.#batches.push({ ...frame, firstPath: Buffer.from(frame.firstPath) }),
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

async function eachChunk(
  files: Files,
  path: string,
  take: (chunk: Buffer) => void,
  options: CallOptions | undefined,
  mostBytes: number = Number.MAX_SAFE_INTEGER,
): Promise<void> {
  const file = await openList(files, path)
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes)
    for (let at = 0; ;) {
      throwIfAborted(options)
      const wanted = buffer.subarray(0, Math.min(buffer.length, mostBytes - at))
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

/** The error of a list that can't be what was written. A `FormatError` becomes one, a known error stays. */
export function corruptList(path: string, cause: unknown): NbError {
  if (cause instanceof NbError) return cause
  const { message, code } = cause as NodeJS.ErrnoException
  return new NbError('file-list-corrupt', `the file list ${path} is damaged: ${message}`, {
    details: { path, ...(code === undefined ? {} : { fault: code }) },
    cause,
  })
}

/** Runs `work`, turning what the format refuses into `file-list-corrupt`. */
export async function corruptOn<Value>(path: string, work: () => Promise<Value> | Value): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof FormatError ? corruptList(path, error) : error
  }
}
