import { FormatError } from '../format-error.ts'
import { frameFault, type FrameFacts } from './compression.ts'

/** Bytes of a frame in `.nb/FRAMES`. */
export const FRAME_ENTRY_BYTES = 8

const STARTS_AT_MEMBER = 0x8000_0000
const FIRST_ENTRIES = 1024

/** Notes the frames of a fragment while they are written: the content of `.nb/FRAMES`. */
export class FrameIndexWriter {
  #entries: Buffer = Buffer.alloc(FIRST_ENTRIES * FRAME_ENTRY_BYTES)
  #fill = 0

  /**
   * Notes the next frame.
   *
   * @throws TypeError - it is of an impossible size
   */
  add(frame: FrameFacts): void {
    const fault = frameFault(frame)
    if (fault !== undefined) throw new TypeError(fault)
    if (this.#fill === this.#entries.length)
      this.#entries = Buffer.concat([this.#entries, Buffer.alloc(this.#entries.length)])
    this.#entries.writeUInt32LE(frame.storedBytes, this.#fill)
    const flag = frame.startsAtMember ? STARTS_AT_MEMBER : 0
    this.#entries.writeUInt32LE(frame.streamBytes + flag, this.#fill + 4)
    this.#fill += FRAME_ENTRY_BYTES
  }

  /** All that was noted. */
  finish(): Buffer {
    return this.#entries.subarray(0, this.#fill)
  }
}

/** Where a frame is. */
export interface FramePlace extends FrameFacts {
  /** Of its first byte in the payload as it is stored. */
  readonly storedOffset: number
  /** Of its first byte in the payload as it is when decompressed. */
  readonly offset: number
}

/** Finds frames by where they are in the payload. */
export class FrameIndex {
  /** Number of frames. */
  readonly count: number
  readonly #entries: Buffer
  /** Where each frame begins, and the last one ends. */
  readonly #stored: Float64Array
  readonly #offsets: Float64Array

  /**
   * @param entries - the content of `.nb/FRAMES`, checked against its checksum
   * @param totals - what the footer says of the payload
   * @throws FormatError `FRAGMENT_INVALID`
   */
  constructor(entries: Buffer, totals: { readonly storedBytes: number; readonly payloadBytes: number }) {
    this.count = Math.floor(entries.length / FRAME_ENTRY_BYTES)
    this.#entries = entries
    this.#stored = new Float64Array(this.count + 1)
    this.#offsets = new Float64Array(this.count + 1)
    let stored = 0
    let offset = 0
    for (let index = 0; index < this.count; index++) {
      const facts = this.#facts(index)
      const fault = frameFault(facts)
      if (fault !== undefined) throw new FormatError('FRAGMENT_INVALID', index * FRAME_ENTRY_BYTES, fault)
      this.#stored[index + 1] = stored += facts.storedBytes
      this.#offsets[index + 1] = offset += facts.streamBytes
    }
    if (
      entries.length % FRAME_ENTRY_BYTES !== 0 ||
      stored !== totals.storedBytes ||
      offset !== totals.payloadBytes
    )
      throw new FormatError(
        'FRAGMENT_INVALID',
        entries.length,
        `Frames of ${stored} bytes for ${offset} of the stream, where the footer has ${totals.storedBytes} for ${totals.payloadBytes}`,
      )
  }

  /** A frame by its number, from 0. */
  frame(index: number): FramePlace {
    return {
      ...this.#facts(index),
      storedOffset: this.#stored[index] as number,
      offset: this.#offsets[index] as number,
    }
  }

  /** The number of the frame that holds a byte of the decompressed payload. */
  find(offset: number): number {
    let low = 0
    let high = this.count
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.#offsets[middle] as number) <= offset) low = middle
      else high = middle
    }
    return low
  }

  #facts(index: number): FrameFacts {
    const storedBytes = this.#entries.readUInt32LE(index * FRAME_ENTRY_BYTES)
    const packed = this.#entries.readUInt32LE(index * FRAME_ENTRY_BYTES + 4)
    const startsAtMember = packed >= STARTS_AT_MEMBER
    return { storedBytes, streamBytes: startsAtMember ? packed - STARTS_AT_MEMBER : packed, startsAtMember }
  }
}
