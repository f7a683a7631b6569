import { NbError } from '@nb/contracts'

/**
 * What stands before each run of whole members on a restore's data channel, so that the extractor knows where in
 * which image's archive stream they stood. Layout, little endian: magic `nbRF` (4), imageIndex (4), streamOffset (8),
 * bytes (8). The channel is a row of frames, each followed by its bytes, and ends after the last one.
 */
export interface RangeFrame {
  /** Index in the restore's list of images. */
  readonly imageIndex: number
  /** Where the run begins in that image's archive stream. */
  readonly streamOffset: number
  /** Length of the run, at least 1. */
  readonly bytes: number
}

/** Bytes of an encoded {@link RangeFrame}. */
export const RANGE_FRAME_BYTES = 24

const MAGIC = 0x4652626e // "nbRF"

/** The frame as bytes, written into `target` at `at`. */
export function encodeRangeFrame(frame: RangeFrame, target: Buffer, at = 0): void {
  target.writeUInt32LE(MAGIC, at)
  target.writeUInt32LE(frame.imageIndex, at + 4)
  target.writeBigUInt64LE(BigInt(frame.streamOffset), at + 8)
  target.writeBigUInt64LE(BigInt(frame.bytes), at + 16)
}

/** The frame that begins at `at`. Throws `message-invalid` when there is none. */
export function decodeRangeFrame(source: Buffer, at = 0): RangeFrame {
  if (source.readUInt32LE(at) !== MAGIC)
    throw new NbError('message-invalid', 'The restore stream does not have a range frame where one must be.')
  const streamOffset = source.readBigUInt64LE(at + 8)
  const bytes = source.readBigUInt64LE(at + 16)
  if (bytes < 1n || streamOffset + bytes > BigInt(Number.MAX_SAFE_INTEGER))
    throw new NbError('message-invalid', `A range frame speaks of ${bytes} bytes at ${streamOffset}.`)
  return {
    imageIndex: source.readUInt32LE(at + 4),
    streamOffset: Number(streamOffset),
    bytes: Number(bytes),
  }
}

/** Who takes what a {@link RangeSplitter} finds. Called synchronously, in order. */
export interface RangeSink {
  /** A run begins. */
  onRange(frame: RangeFrame): void
  /** Bytes of it: a view, valid during the call only. */
  onBytes(chunk: Buffer): void
}

/** Takes frames and runs apart, from chunks of any size. */
export class RangeSplitter {
  readonly #head = Buffer.alloc(RANGE_FRAME_BYTES)
  #headFill = 0
  #remaining = 0

  /** The next bytes of the channel. Throws `message-invalid`. */
  push(chunk: Uint8Array, sink: RangeSink): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    for (let at = 0; at < bytes.length;) {
      if (this.#remaining > 0) {
        const count = Math.min(this.#remaining, bytes.length - at)
        this.#remaining -= count
        sink.onBytes(bytes.subarray(at, at + count))
        at += count
      } else {
        const count = Math.min(RANGE_FRAME_BYTES - this.#headFill, bytes.length - at)
        bytes.copy(this.#head, this.#headFill, at, at + count)
        this.#headFill += count
        at += count
        if (this.#headFill < RANGE_FRAME_BYTES) continue
        this.#headFill = 0
        const frame = decodeRangeFrame(this.#head)
        this.#remaining = frame.bytes
        sink.onRange(frame)
      }
    }
  }

  /** Whether the channel may end here. */
  get atFrameBoundary(): boolean {
    return this.#remaining === 0 && this.#headFill === 0
  }
}
