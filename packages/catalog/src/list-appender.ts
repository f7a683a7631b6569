import type { FileListTotals, OpenFile } from '@nb/contracts'
import { decodeFileListHeader, FileListDecoder, type FileListSink, FormatError } from '@nb/formats'

const nothing: FileListTotals = { bytes: 0, batches: 0, entries: 0 }

/**
 * Writes a list that comes in chunks of any size into an image's files file: anew, or after what is kept of an earlier
 * one. Then the header that comes must be the one that is there, and is not written again.
 */
export class ListAppender {
  readonly #file: OpenFile
  readonly #backupId: string
  readonly #after: FileListTotals | undefined
  readonly #decoder = new FileListDecoder()
  readonly #sink: FileListSink
  /** What has come of the header, until it is whole. */
  #head: Buffer | undefined = Buffer.alloc(0)
  #hasHeader = false
  /** Where the next chunk goes, once the header is whole. */
  #end = 0
  /** What to add to an offset in what comes to get the one in the file. */
  #shift = 0
  #decoded: FileListTotals
  #whole: FileListTotals

  /**
   * @param file - open for update
   * @param backupId - whose list it must be
   * @param after - what is kept, whole batches
   */
  constructor(file: OpenFile, backupId: string, after: FileListTotals | undefined) {
    this.#file = file
    this.#backupId = backupId
    this.#after = after
    this.#decoded = this.#whole = after ?? nothing
    this.#sink = {
      onHeader: ({ images }) => {
        if (images[0] !== backupId)
          throw new FormatError('FILE_LIST_INVALID', 0, `It is the list of ${images[0]}, not of ${backupId}`)
        this.#hasHeader = true
      },
      onBatch: ({ offset, byteLength, entryCount }) => {
        const { batches, entries } = this.#decoded
        const bytes = offset + byteLength
        this.#decoded = { bytes, batches: batches + 1, entries: entries + entryCount }
      },
    }
  }

  /** Totals at the end of the last batch that is whole in the file. */
  get whole(): FileListTotals {
    return this.#whole
  }

  /** Cuts off what is not kept. */
  async begin(): Promise<void> {
    await this.#file.truncate(this.#whole.bytes)
  }

  /** Takes the next bytes. Throws a `FormatError` for what is no list, or another than was begun. */
  async push(chunk: Uint8Array): Promise<void> {
    const batches = this.#decoded.batches
    this.#decoder.push(chunk, this.#sink)
    if (this.#head === undefined) await this.#write(chunk)
    else {
      this.#head = Buffer.concat([this.#head, chunk])
      if (!this.#hasHeader) return
      await this.#begun(this.#head)
      this.#head = undefined
    }
    if (this.#decoded.batches === batches) return
    this.#whole = { ...this.#decoded, bytes: this.#decoded.bytes + this.#shift }
  }

  /** Says that nothing more comes; after what is kept nothing at all may have come. Throws a `FormatError` inside the header or a batch. */
  finish(): void {
    if (this.#after !== undefined && this.#head?.length === 0) return
    this.#decoder.finish()
  }

  /** Leaves only whole batches. */
  async dropTorn(): Promise<void> {
    await this.#file.truncate(Math.min(this.#whole.bytes, await this.#file.size()))
  }

  async #begun(bytes: Buffer): Promise<void> {
    const { byteLength } = decodeFileListHeader(bytes)
    if (this.#after === undefined) {
      await this.#write(bytes)
      this.#whole = { ...nothing, bytes: byteLength }
      return
    }
    const here = Buffer.alloc(byteLength)
    await this.#file.read(here, 0)
    if (!here.equals(bytes.subarray(0, byteLength)))
      throw new FormatError('FILE_LIST_INVALID', 0, `It is another list of ${this.#backupId} than was begun`)
    this.#shift = this.#after.bytes - byteLength
    this.#end = this.#after.bytes
    await this.#write(bytes.subarray(byteLength))
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return
    await this.#file.write(bytes, this.#end)
    this.#end += bytes.length
  }
}
