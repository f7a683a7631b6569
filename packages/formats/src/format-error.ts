/**
 * What is wrong with bytes that were read. Every code has a heading in this package's README.
 *
 * - `ARCHIVE_TRUNCATED`: the archive stream ends inside a member, or before the end-of-archive marker that was asked for.
 * - `ARCHIVE_CHECKSUM`: a tar header block does not match its own checksum: damage, or the offset is no member's start.
 * - `ARCHIVE_INVALID`: a field of a tar header, pax record or sparse map says something impossible.
 * - `ARCHIVE_LIMIT`: an extended header, a long name or a sparse map is bigger than this reader accepts.
 * - `ARCHIVE_UNSUPPORTED`: a well-formed member of a kind that this reader does not read.
 * - `FILE_LIST_TRUNCATED`: a file list, batch or index ends too early.
 * - `FILE_LIST_CHECKSUM`: a file list header, batch or index does not match its checksum.
 * - `FILE_LIST_INVALID`: the checksum holds, yet a value is impossible: written by a faulty or hostile encoder.
 * - `FILE_LIST_ORDER`: paths are not strictly ascending.
 * - `FRAGMENT_TRUNCATED`: a fragment's header, footer or payload, or a block of a tape, is shorter than its format says.
 * - `FRAGMENT_CHECKSUM`: a fragment's header, footer or trailer member does not match its checksum.
 * - `FRAGMENT_INVALID`: a fragment's header or footer says something impossible.
 * - `FRAGMENT_BLOCK_DAMAGED`: a payload block does not match its checksum.
 * - `TAPE_MISPLACED`: a block of a tape is whole, and not the one that must stand there: another tape, writing, file or stream.
 * - `FRAME_INVALID`: a frame does not decompress to the bytes that are told of it.
 * - `COMPRESSION_UNSUPPORTED`: this process cannot decompress (or compress) in that way.
 * - `FORMAT_UNKNOWN`: the bytes do not begin as this format does.
 * - `FORMAT_VERSION_UNSUPPORTED`: written by a newer major version of the format; a newer reader is needed.
 */
export type FormatErrorCode =
  | 'ARCHIVE_TRUNCATED'
  | 'ARCHIVE_CHECKSUM'
  | 'ARCHIVE_INVALID'
  | 'ARCHIVE_LIMIT'
  | 'ARCHIVE_UNSUPPORTED'
  | 'FILE_LIST_TRUNCATED'
  | 'FILE_LIST_CHECKSUM'
  | 'FILE_LIST_INVALID'
  | 'FILE_LIST_ORDER'
  | 'FRAGMENT_TRUNCATED'
  | 'FRAGMENT_CHECKSUM'
  | 'FRAGMENT_INVALID'
  | 'FRAGMENT_BLOCK_DAMAGED'
  | 'TAPE_MISPLACED'
  | 'FRAME_INVALID'
  | 'COMPRESSION_UNSUPPORTED'
  | 'FORMAT_UNKNOWN'
  | 'FORMAT_VERSION_UNSUPPORTED'

/**
 * The one error that decoding bytes can raise. Never retryable: the same bytes fail the same way again; read
 * another copy. Bad arguments to an encoder are `TypeError` instead.
 */
export class FormatError extends Error {
  /** Stable name of the fault; see {@link FormatErrorCode}. */
  readonly code: FormatErrorCode
  /** Byte offset of the fault, from the start of what the decoder was given (the stream, the file or the buffer). */
  readonly offset: number

  /**
   * @param code - stable name of the fault
   * @param offset - byte offset where it was seen
   * @param message - what was expected and what was found, for people
   */
  constructor(code: FormatErrorCode, offset: number, message: string) {
    super(`${message} (${code} at byte ${offset})`)
    this.name = 'FormatError'
    this.code = code
    this.offset = offset
  }
}
