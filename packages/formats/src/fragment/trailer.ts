import { END_OF_ARCHIVE, paddingOf } from '../archive/member.ts'
import { RunningChecksum, checksumOf, checksumText } from '../checksum.ts'
import type { FrameFormat } from '../compression/compression.ts'
import { storedFrames } from '../compression/stored-frame.ts'
import { BLOCK_CHECKSUM_BYTES, FOOTER_BYTES, HEADER_BYTES } from './fragment.ts'
import type { TrailerMember } from './fragment.ts'
import { decodeHeaderMember, formatOf } from './header.ts'
import { NB_DIRECTORY, encodeJsonMember, encodeOwnMember } from './tar-member.ts'

/** A member of a trailer. */
export type TrailerName = 'IMAGE.json' | 'FILES' | 'FRAMES' | 'BLOCKS'

/** The trailer's members, in the order in which they are written. */
export function trailerNames(compression: FrameFormat | undefined): readonly TrailerName[] {
  return compression === undefined
    ? ['IMAGE.json', 'FILES', 'BLOCKS']
    : ['IMAGE.json', 'FILES', 'FRAMES', 'BLOCKS']
}

/** What a trailer says about the payload before it. */
export interface FragmentTrailerOptions {
  /** The fragment's own header as {@link encodeFragmentHeader} made it, 8,192 bytes. */
  readonly header: Buffer
  /** Bytes of payload, decompressed, between header and trailer; a multiple of 512. */
  readonly payloadBytes: number
  /** Bytes that the payload of a compressed fragment takes. @default payloadBytes */
  readonly storedBytes?: number
  /** Whether the payload's last byte is a member's last byte. */
  readonly endsAtMemberBoundary: boolean
  /** Whether this is the image's last fragment. */
  readonly lastFragment: boolean
}

/** All of a trailer that fits in memory; see {@link encodeFragmentTrailer}. */
export interface FragmentTrailer extends FragmentTrailerOptions {
  /** The image record so far: any plain data that JSON can say. */
  readonly image: unknown
  /** The file list of this fragment: its header and the batches whose members are in it, in pieces. */
  readonly files: readonly Uint8Array[]
  /** Of a compressed fragment: what `FrameIndexWriter.finish()` gave. */
  readonly frames?: Buffer
  /** What `BlockChecksums.finish()` gave. */
  readonly blocks: Buffer
}

/**
 * Makes a trailer piece by piece, for one whose `.nb/FILES` is too long for memory; that of a compressed fragment as it is
 * when decompressed. For each of `IMAGE.json`, `FILES`, with compression `FRAMES`, `BLOCKS`, in this order: `open`, then `write` of exactly the bytes announced, then `close`; last `footer`. What the
 * calls return is written to the fragment in the order of the calls, the data between.
 */
export class FragmentTrailerEncoder {
  readonly #options: FragmentTrailerOptions
  readonly #created: string
  readonly #blockBytes: number
  readonly #compression: FrameFormat | undefined
  readonly #names: readonly TrailerName[]
  readonly #storedBytes: number
  readonly #identity: object
  readonly #running = new RunningChecksum()
  readonly #members: TrailerMember[] = []
  #position: number
  #open: { readonly name: string; readonly sizeBytes: number; readonly offset: number } | undefined
  #written = 0

  /**
   * @param options - what the trailer closes
   * @throws TypeError - the payload is no multiple of 512
   * @throws FormatError - `header` is no header
   */
  constructor(options: FragmentTrailerOptions) {
    const { header, payloadBytes } = options
    if (!Number.isSafeInteger(payloadBytes) || payloadBytes < 0 || payloadBytes % 512 !== 0)
      throw new TypeError('payloadBytes must be a multiple of 512')
    const { storedBytes = payloadBytes } = options
    const { backupId, copy, fragment, streamOffset, blockBytes, created, compression } =
      decodeHeaderMember(header)
    if (!Number.isSafeInteger(storedBytes) || storedBytes < 0)
      throw new TypeError('storedBytes must be a whole number')
    if (compression === undefined && storedBytes !== payloadBytes)
      throw new TypeError('storedBytes are those of a compressed payload')
    this.#compression = compression
    this.#names = trailerNames(compression)
    this.#storedBytes = storedBytes
    this.#options = options
    this.#created = created
    this.#blockBytes = blockBytes
    this.#identity = { backupId, copy, fragment, streamOffset }
    this.#position = HEADER_BYTES + payloadBytes
  }

  /**
   * Begins the next member.
   *
   * @param name - `IMAGE.json`, `FILES`, with compression `FRAMES`, `BLOCKS`, in this order
   * @param sizeBytes - bytes of its data
   * @returns its tar header
   * @throws TypeError - out of order, or a size that cannot be
   */
  open(name: TrailerName, sizeBytes: number): Buffer {
    if (this.#open !== undefined) throw new TypeError(`${this.#open.name} is not closed`)
    if (name !== this.#names[this.#members.length]) throw new TypeError(`${name} is out of order`)
    const storedBytes = this.#storedBytes
    if (name === 'BLOCKS' && sizeBytes !== Math.ceil(storedBytes / this.#blockBytes) * BLOCK_CHECKSUM_BYTES)
      throw new TypeError(`${sizeBytes} bytes of checksums do not match ${storedBytes} bytes of payload`)
    const header = encodeOwnMember(NB_DIRECTORY + name, sizeBytes, this.#created)
    this.#position += header.length
    this.#open = { name: NB_DIRECTORY + name, sizeBytes, offset: this.#position }
    this.#written = 0
    return header
  }

  /**
   * Takes note of the next data of the open member; the caller writes it.
   *
   * @param chunk - the data
   * @throws TypeError - none is open, or it is more than was announced
   */
  write(chunk: Uint8Array): void {
    if (this.#open === undefined) throw new TypeError('no member is open')
    if (this.#written + chunk.length > this.#open.sizeBytes)
      throw new TypeError('more data than was announced')
    this.#running.update(chunk)
    this.#written += chunk.length
  }

  /**
   * Ends the open member.
   *
   * @returns its padding
   * @throws TypeError - none is open, or data is missing
   */
  close(): Buffer {
    const open = this.#open
    if (open === undefined) throw new TypeError('no member is open')
    if (this.#written !== open.sizeBytes)
      throw new TypeError(`${open.name} has ${this.#written} bytes, ${open.sizeBytes} were announced`)
    this.#members.push({ ...open, checksum: checksumText(this.#running.finish()) })
    const padding = Buffer.alloc(paddingOf(open.sizeBytes))
    this.#position += open.sizeBytes + padding.length
    this.#open = undefined
    return padding
  }

  /**
   * The end of the fragment: the footer, and after the image's last one the end-of-archive marker.
   *
   * @throws TypeError - a member is missing
   */
  footer(): Buffer {
    if (this.#open !== undefined || this.#members.length !== this.#names.length)
      throw new TypeError('the trailer is not complete')
    const { header, payloadBytes, endsAtMemberBoundary, lastFragment } = this.#options
    const footer = encodeJsonMember(`${NB_DIRECTORY}FOOTER.json`, FOOTER_BYTES, this.#created, {
      format: formatOf(this.#compression),
      ...this.#identity,
      payloadBytes,
      ...(this.#compression === undefined
        ? {}
        : { compression: this.#compression, storedBytes: this.#storedBytes }),
      blockBytes: this.#blockBytes,
      headerChecksum: checksumText(checksumOf(header.subarray(0, HEADER_BYTES))),
      endsAtMemberBoundary,
      lastFragment,
      members: this.#members.map(({ name, offset, sizeBytes, checksum }) => ({
        name,
        offset,
        sizeBytes,
        checksum,
      })),
    })
    return lastFragment ? Buffer.concat([footer, END_OF_ARCHIVE]) : footer
  }
}

/**
 * All that follows a fragment's payload; of a compressed one in frames in which it is stored as it is, the footer in its own.
 *
 * @param trailer - what it says
 * @returns pieces to write one after the other; those of `files` are passed on, not copied
 * @throws TypeError - a size that cannot be
 */
export function encodeFragmentTrailer(trailer: FragmentTrailer): Buffer[] {
  const { compression } = decodeHeaderMember(trailer.header)
  const encoder = new FragmentTrailerEncoder(trailer)
  const image = Buffer.from(`${JSON.stringify(trailer.image, undefined, 2)}\n`)
  const contents: Readonly<Record<TrailerName, readonly Uint8Array[]>> = {
    'IMAGE.json': [image],
    FILES: trailer.files,
    FRAMES: trailer.frames === undefined ? [] : [trailer.frames],
    BLOCKS: [trailer.blocks],
  }
  const pieces: Buffer[] = []
  for (const name of trailerNames(compression)) {
    const content = contents[name]
    const size = content.reduce((sum, piece) => sum + piece.length, 0)
    pieces.push(encoder.open(name, size))
    for (const piece of content) {
      encoder.write(piece)
      pieces.push(Buffer.from(piece.buffer, piece.byteOffset, piece.length))
    }
    pieces.push(encoder.close())
  }
  const footer = encoder.footer()
  const all =
    compression === undefined
      ? [...pieces, footer]
      : [...storedFrames(compression, pieces), ...storedFrames(compression, [footer])]
  return all.filter((piece) => piece.length > 0)
}
