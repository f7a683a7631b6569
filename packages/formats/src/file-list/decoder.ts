import { FormatError } from '../format-error.ts'
import { BatchCursor, type FileListEntry } from './batch-cursor.ts'
import { decodeOpenBatch } from './decode-batch.ts'
import {
  LENGTH_KNOWN_BYTES,
  batchBytes,
  decodeFileListHeader,
  fileListHeaderBytes,
  openBatch,
  type OpenBatch,
} from './frame.ts'
import { comparePaths } from './path-order.ts'
import type { BatchFrame, FileListHeader, FileRecord } from './record.ts'

/** A batch with its bytes. */
export interface WholeBatch {
  /** All of it, in memory of its own. */
  readonly bytes: Buffer
  /** Its sections; head and checksum were checked. */
  readonly open: OpenBatch
}

/** Who takes what the decoder reads. Called synchronously, in order of the list. */
export interface FileListSink {
  /** The list's header, first. */
  onHeader?(header: FileListHeader): void
  /** A batch whose checksum is good; its `offset` counts from the start of the list. */
  onBatch?(frame: BatchFrame): void
  /**
   * A batch whose checksum is good, for who steps through it with a `BatchCursor` later: then the order between its last path and the
   * next batch, and image indexes, are the taker's to check.
   */
  onWholeBatch?(batch: WholeBatch): void
  /** A record. Where this and `onEntry` are absent batches are checked but not decoded. */
  onRecord?(record: FileRecord): void
  /**
   * An entry, decoded and checked as for `onRecord` but without an object of its own: its values are valid during the call. Not with
   * `onRecord`.
   *
   * @param cursor - stands at the entry: its path and all else there is of it
   */
  onEntry?(entry: FileListEntry, cursor: BatchCursor): void
}

/**
 * Reads a file list that comes in chunks of any size, checking checksums and order; it holds at most one batch. After
 * an error it is of no further use.
 */
export class FileListDecoder {
  #piece: Buffer = Buffer.allocUnsafe(LENGTH_KNOWN_BYTES)
  #fill = 0
  #offset = 0
  #images: number | undefined
  #lastPath: Buffer | undefined
  #broken = false
  readonly #cursor = new BatchCursor()

  /**
   * Takes the next bytes of the list.
   *
   * @param chunk - any number of bytes
   * @param sink - who takes what they hold
   * @throws FormatError `FORMAT_*`, `FILE_LIST_*`
   */
  push(chunk: Uint8Array, sink: FileListSink): void {
    if (this.#broken) throw new TypeError('the decoder is of no use after an error')
    this.#broken = true
    let at = 0
    while (at < chunk.length) {
      const count = Math.min(chunk.length - at, this.#piece.length - this.#fill)
      this.#piece.set(chunk.subarray(at, at + count), this.#fill)
      at += count
      this.#fill += count
      if (this.#fill === this.#piece.length) this.#filled(sink)
    }
    this.#broken = false
  }

  /**
   * Says that nothing more comes.
   *
   * @throws FormatError `FILE_LIST_TRUNCATED` - inside the header or a batch
   */
  finish(): void {
    if (this.#fill > 0 || this.#images === undefined)
      throw new FormatError('FILE_LIST_TRUNCATED', this.#offset + this.#fill, 'A file list ends too early')
  }

  #filled(sink: FileListSink): void {
    if (this.#fill === LENGTH_KNOWN_BYTES) {
      const length =
        this.#images === undefined
          ? fileListHeaderBytes(this.#piece, this.#offset)
          : batchBytes(this.#piece, 0, this.#offset)
      const whole = Buffer.allocUnsafe(length)
      this.#piece.copy(whole)
      this.#piece = whole
      return
    }
    const piece = this.#piece
    this.#piece = Buffer.allocUnsafe(LENGTH_KNOWN_BYTES)
    this.#fill = 0
    if (this.#images === undefined) {
      const { header } = decodeFileListHeader(piece)
      this.#images = header.images.length
      sink.onHeader?.(header)
    } else this.#batch(piece, this.#images, sink)
    this.#offset += piece.length
  }

  #batch(piece: Buffer, images: number, sink: FileListSink): void {
    const open = openBatch(piece, 0, this.#offset)
    const { offset, byteLength, entryCount, firstPath } = open
    if (this.#lastPath !== undefined && comparePaths(this.#lastPath, firstPath) >= 0)
      throw new FormatError('FILE_LIST_ORDER', offset, 'A batch begins before the one that precedes it ends')
    this.#lastPath = firstPath
    sink.onBatch?.({ offset, byteLength, entryCount, firstPath })
    sink.onWholeBatch?.({ bytes: piece, open })
    if (sink.onRecord !== undefined) {
      for (const record of decodeOpenBatch(piece, open)) {
        if (record.imageIndex >= images) throw noSuchImage(offset, record.imageIndex, images)
        this.#lastPath = record.path
        sink.onRecord(record)
      }
    } else if (sink.onEntry !== undefined) {
      const cursor = this.#cursor
      cursor.openChecked(piece, open)
      while (cursor.next()) {
        const entry = cursor.entry()
        if (entry.imageIndex >= images) throw noSuchImage(offset, entry.imageIndex, images)
        sink.onEntry(entry, cursor)
      }
      cursor.finish()
      this.#lastPath = Buffer.from(cursor.path)
    }
  }
}

function noSuchImage(offset: number, imageIndex: number, images: number): FormatError {
  return new FormatError('FILE_LIST_INVALID', offset, `An entry in image ${imageIndex} of ${images}`)
}
