import { decodeFileListHeader } from '@nb/formats'

const PIECE_BYTES = 1024 * 1024

/**
 * The part of the file list that belongs into the trailer of the fragment that is open. Each part begins with the
 * list's header, so that it can be read without the others.
 */
export class KeptFileList {
  #header: Buffer | undefined
  /** Pieces that are full. */
  #pieces: Buffer[] = []
  /** The piece that is being filled: batches may lie in memory that they share with others, which would stay for their sake. */
  #piece: Buffer | undefined
  #used = 0
  #bytes = 0
  /** Where several copies are written at once: each with its own part, which gives it away in its own time. */
  #parts: readonly KeptFileList[] = []
  #isDropped = false

  /** Bytes kept, header not counted; the most of its parts where it has several. */
  get bytes(): number {
    return this.#parts.reduce((most, { bytes }) => Math.max(most, bytes), this.#bytes)
  }

  /** As many lists of what is kept now and from now on, each of which gives it away in its own time; one is itself. */
  parts(count: number): readonly KeptFileList[] {
    if (count === 1) return [this]
    const bytes = this.#bytes
    const header = this.#header
    const [, ...pieces] = this.take()
    this.#parts = Array.from({ length: count }, () => {
      const part = new KeptFileList()
      part.#header = header
      part.#pieces = pieces.map((piece) => piece)
      part.#bytes = bytes
      return part
    })
    return this.#parts
  }

  /** Keeps nothing any more. */
  drop(): void {
    this.#isDropped = true
    this.take()
  }

  /** Length of the list's header, 0 until it has come. */
  get headerBytes(): number {
    return this.#header?.length ?? 0
  }

  /** Keeps a copy of the list as it comes: its header and whole batches first, then whole batches. */
  add(whole: Buffer): void {
    if (whole.length === 0) return
    const isFirst = this.#header === undefined
    this.#header ??= Buffer.from(whole.subarray(0, decodeFileListHeader(whole).byteLength))
    const batches = isFirst ? whole.subarray(this.#header.length) : whole
    if (this.#parts.length > 0) for (const part of this.#parts) part.#keep(this.#header, batches)
    else this.#keep(this.#header, batches)
  }

  #keep(header: Buffer, batches: Buffer): void {
    if (this.#isDropped) return
    this.#header = header
    this.#bytes += batches.length
    for (let at = 0; at < batches.length;) {
      const piece = (this.#piece ??= Buffer.allocUnsafeSlow(PIECE_BYTES))
      const count = batches.copy(piece, this.#used, at)
      at += count
      this.#used += count
      if (this.#used < PIECE_BYTES) continue
      this.#pieces.push(piece)
      this.#piece = undefined
      this.#used = 0
    }
  }

  /** All that is kept; a new part begins. */
  take(): readonly Buffer[] {
    const rest = this.#piece?.subarray(0, this.#used)
    const all = rest === undefined ? this.#pieces : [...this.#pieces, rest]
    const part = this.#header === undefined ? [] : [this.#header, ...all]
    this.#pieces = []
    this.#piece = undefined
    this.#used = 0
    this.#bytes = 0
    return part
  }
}
