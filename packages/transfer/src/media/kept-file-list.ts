import { decodeFileListHeader } from '@nb/formats'

/**
 * The part of the file list that belongs into the trailer of the fragment that is open. Each part begins with the
 * list's header, so that it can be read without the others.
 */
export class KeptFileList {
  #header: Buffer | undefined
  #pieces: Buffer[] = []
  #bytes = 0

  /** Bytes kept, header not counted. */
  get bytes(): number {
    return this.#bytes
  }

  /** Length of the list's header, 0 until it has come. */
  get headerBytes(): number {
    return this.#header?.length ?? 0
  }

  /** Keeps the list as it comes: its header and whole batches first, then whole batches; the memory is handed over. */
  add(whole: Buffer): void {
    if (whole.length === 0) return
    const isFirst = this.#header === undefined
    this.#header ??= whole.subarray(0, decodeFileListHeader(whole).byteLength)
    const batches = isFirst ? whole.subarray(this.#header.length) : whole
    if (batches.length === 0) return
    this.#pieces.push(batches)
    this.#bytes += batches.length
  }

  /** All that is kept; a new part begins. */
  take(): readonly Buffer[] {
    const part = this.#header === undefined ? [] : [this.#header, ...this.#pieces]
    this.#pieces = []
    this.#bytes = 0
    return part
  }
}
