import { type CompressedFrame, NbError } from '@nb/contracts'
import { MAX_FRAME_BYTES, frameFault, maxStoredBytes } from '@nb/formats'

/**
 * How a compressed archive stream travels: a row of frames, each behind a head. Layout of a head, little endian: magic `nbCF`
 * (4), bytes of the frame (4), bytes of the stream that it holds, in the highest bit whether a member begins with them (4).
 */
export const FRAME_HEAD_BYTES = 12

const MAGIC = 0x4643626e // "nbCF"
const STARTS_AT_MEMBER = 0x8000_0000

/** What a head tells. */
export interface FrameHead {
  readonly storedBytes: number
  readonly streamBytes: number
  readonly startsAtMember: boolean
}

/** Writes a head into `target` at `at`. */
export function encodeFrameHead(head: FrameHead, target: Buffer, at = 0): void {
  target.writeUInt32LE(MAGIC, at)
  target.writeUInt32LE(head.storedBytes, at + 4)
  target.writeUInt32LE(head.streamBytes + (head.startsAtMember ? STARTS_AT_MEMBER : 0), at + 8)
}

/** Reads a head. Throws `message-invalid` where none stands, or one that can't be. */
export function decodeFrameHead(source: Buffer, at = 0): FrameHead {
  if (source.readUInt32LE(at) !== MAGIC)
    throw new NbError('message-invalid', 'The compressed stream has no frame where one must begin.')
  const packed = source.readUInt32LE(at + 8)
  const startsAtMember = packed >= STARTS_AT_MEMBER
  const head = {
    storedBytes: source.readUInt32LE(at + 4),
    streamBytes: startsAtMember ? packed - STARTS_AT_MEMBER : packed,
    startsAtMember,
  }
  const fault = frameFault(head)
  if (fault !== undefined) throw new NbError('message-invalid', `${fault}: the compressed stream is damaged.`)
  return head
}

/** Follows the heads of a compressed stream without keeping what is between them. */
export class FrameMeter {
  readonly #head = Buffer.alloc(FRAME_HEAD_BYTES)
  #headFill = 0
  #left = 0
  #streamBytes = 0

  /** Takes the next bytes; says how many of the stream the frames hold that came to their end. Throws `message-invalid`. */
  push(chunk: Uint8Array): number {
    let whole = 0
    for (let at = 0; at < chunk.length;) {
      if (this.#left === 0) {
        const count = Math.min(FRAME_HEAD_BYTES - this.#headFill, chunk.length - at)
        this.#head.set(chunk.subarray(at, at + count), this.#headFill)
        this.#headFill += count
        at += count
        if (this.#headFill < FRAME_HEAD_BYTES) break
        const head = decodeFrameHead(this.#head)
        this.#headFill = 0
        this.#left = head.storedBytes
        this.#streamBytes = head.streamBytes
      }
      const count = Math.min(this.#left, chunk.length - at)
      this.#left -= count
      at += count
      if (this.#left === 0) whole += this.#streamBytes
    }
    return whole
  }
}

/** Takes a compressed stream apart, from chunks of any size. Keeps one frame, at most some 4 MiB. */
export class FrameSplitter {
  readonly #head = Buffer.alloc(FRAME_HEAD_BYTES)
  #headFill = 0
  #facts: FrameHead | undefined
  #frame: Buffer = Buffer.alloc(0)
  #fill = 0

  /** Whether the stream may end here. */
  get atFrameBoundary(): boolean {
    return this.#facts === undefined && this.#headFill === 0
  }

  /** The frames that come to their end in the next bytes; each is valid until the next is taken. Throws `message-invalid`. */
  *push(chunk: Uint8Array): Generator<CompressedFrame> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    for (let at = 0; at < bytes.length;) {
      if (this.#facts === undefined) {
        const count = Math.min(FRAME_HEAD_BYTES - this.#headFill, bytes.length - at)
        bytes.copy(this.#head, this.#headFill, at, at + count)
        this.#headFill += count
        at += count
        if (this.#headFill < FRAME_HEAD_BYTES) return
        this.#headFill = 0
        this.#facts = decodeFrameHead(this.#head)
      }
      const { storedBytes, streamBytes, startsAtMember } = this.#facts
      let stored: Buffer
      if (this.#fill === 0 && bytes.length - at >= storedBytes) {
        stored = bytes.subarray(at, at + storedBytes)
        at += storedBytes
      } else {
        if (this.#frame.length < storedBytes)
          this.#frame = roomFor(this.#frame.subarray(0, this.#fill), storedBytes)
        const count = Math.min(storedBytes - this.#fill, bytes.length - at)
        bytes.copy(this.#frame, this.#fill, at, at + count)
        this.#fill += count
        at += count
        if (this.#fill < storedBytes) return
        stored = this.#frame.subarray(0, storedBytes)
      }
      this.#facts = undefined
      this.#fill = 0
      yield { stored, streamBytes, startsAtMember }
    }
  }

  /** The stream has ended. Throws `message-invalid` inside a frame. */
  finish(): void {
    if (!this.atFrameBoundary)
      throw new NbError('message-invalid', 'The compressed stream ends inside a frame.')
  }
}

/** Memory for a frame of this size, mostly enough for those that follow. */
function roomFor(kept: Buffer, bytes: number): Buffer {
  const most = maxStoredBytes(MAX_FRAME_BYTES)
  const room = Buffer.allocUnsafe(Math.min(most, bytes * 2))
  kept.copy(room)
  return room
}
