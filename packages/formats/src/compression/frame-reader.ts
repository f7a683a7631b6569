import { FormatError } from '../format-error.ts'
import { decompressFrame } from './codec.ts'
import type { FrameFormat } from './compression.ts'
import type { FrameIndex, FramePlace } from './frame-index.ts'

/** Frames that are being decompressed beside the one that is delivered. */
const FRAMES_AHEAD = 3

/** What frames are read from, and how what fails is told. */
export interface FrameSource {
  /** The frames one after the other, as they are stored, in chunks that are valid until the next. */
  readonly read: (
    range: { readonly offset: number; readonly bytes: number },
    options?: { readonly signal?: AbortSignal },
  ) => AsyncIterable<Uint8Array>
  readonly frames: FrameIndex
  readonly compression: FrameFormat
  /** The error to throw where a frame does not decompress. */
  readonly damaged: (error: FormatError, lost: LostStream) => Error
  /**
   * The error to throw where `read` failed; `lostIn` tells which part of the stream is lost with bytes of what is stored, from a place on and before
   * another: that of all frames that lie there.
   */
  readonly failed: (error: unknown, lostIn: (from: number, before: number) => LostStream) => unknown
}

/** A part of the stream that can't be read. */
export interface LostStream {
  readonly lostOffset: number
  readonly lostBytes: number
}

type ReadOptions = NonNullable<Parameters<FrameSource['read']>[1]>

/** A frame as it is stored, and what it is a piece of. */
export interface FrameAsStored {
  /** What decompresses to the piece. */
  readonly stored: Buffer
  /** Length of the piece. */
  readonly streamBytes: number
  /** Whether a member begins with the piece. */
  readonly startsAtMember: boolean
}

interface Piece {
  readonly place: FramePlace
  readonly bytes: Buffer
}

const allocated = (length: number): Buffer => Buffer.allocUnsafe(length)

/** Memory of frames that have been decompressed, for those that come: what is left to the garbage collector stays for long. */
class SpareMemory {
  readonly #spare: ArrayBuffer[] = []

  take(length: number): Buffer {
    const memory = this.#spare.pop()
    if (memory !== undefined && memory.byteLength >= length) return Buffer.from(memory, 0, length)
    return Buffer.from(new ArrayBuffer(length + (length >>> 3)), 0, length)
  }

  giveBack(bytes: Buffer): void {
    if (this.#spare.length <= FRAMES_AHEAD) this.#spare.push(bytes.buffer as ArrayBuffer)
  }
}

/**
 * Gives the memory of a decompressed frame back at once, where the engine can: the garbage collector would wait until there are 64 MiB of
 * it. What is no bigger than the pool of buffers may be a part of that, and of others.
 */
function letGo({ bytes }: Piece): void {
  const memory = bytes.buffer as ArrayBuffer & { transfer?: (newLength: number) => ArrayBuffer }
  if (memory.byteLength > Buffer.poolSize) memory.transfer?.(0)
}

/**
 * Reads a stream that was stored in compressed frames: those that hold a range and no others, decompressed in the thread pool, some ahead of the one
 * that is delivered. Keeps the last for reads nearby.
 */
export class FrameReader {
  readonly #source: FrameSource
  readonly #payloadBytes: number
  #last: Piece | undefined

  constructor(source: FrameSource) {
    this.#source = source
    const { frames } = source
    const last = frames.count === 0 ? undefined : frames.frame(frames.count - 1)
    this.#payloadBytes = last === undefined ? 0 : last.offset + last.streamBytes
  }

  /** The bytes of the stream from `offset` on, in chunks that are valid until the next. */
  async *read(
    { offset, bytes }: { readonly offset: number; readonly bytes: number },
    options?: ReadOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const end = offset + bytes
    if (offset < 0 || bytes < 0 || end > this.#payloadBytes)
      throw new TypeError(`bytes ${offset} to ${end} are not within ${this.#payloadBytes}`)
    if (bytes === 0) return
    for await (const { place, bytes: piece } of this.#pieces(offset, end, options))
      yield piece.subarray(
        Math.max(0, offset - place.offset),
        Math.min(place.streamBytes, end - place.offset),
      )
  }

  /** The frames as they are stored, in order, each in memory of its own. */
  async *frames(options?: ReadOptions): AsyncGenerator<FrameAsStored, void, undefined> {
    const { count } = this.#source.frames
    for await (const { place, bytes } of this.#stored(0, count, allocated, options)) {
      const { streamBytes, startsAtMember } = place
      yield { stored: bytes, streamBytes, startsAtMember }
    }
  }

  async *#pieces(
    offset: number,
    end: number,
    options: ReadOptions | undefined,
  ): AsyncGenerator<Piece, void, undefined> {
    const { frames } = this.#source
    let first = frames.find(offset)
    const beyond = frames.find(end - 1) + 1
    if (this.#last !== undefined && this.#last.place.offset === frames.frame(first).offset) {
      first += 1
      yield this.#last
    }
    const ahead: Promise<Piece>[] = []
    let failure: { readonly error: unknown } | undefined
    const spare = new SpareMemory()
    const stored = this.#stored(first, beyond, (length) => spare.take(length), options)
    try {
      for (;;) {
        // What was read before a damage is delivered before that is told.
        const next = await stored.next().catch((error: unknown) => void (failure = { error }))
        if (next === undefined || next.done === true) break
        const { place, bytes } = next.value
        const piece = this.#decompressed(place, bytes).finally(() => spare.giveBack(bytes))
        piece.catch(() => undefined)
        if (ahead.push(piece) > FRAMES_AHEAD) yield this.#kept(await (ahead.shift() as Promise<Piece>))
      }
      for (const piece of ahead.splice(0)) yield this.#kept(await piece)
    } finally {
      await stored.return()
    }
    if (failure !== undefined) throw failure.error
  }

  /** The piece that is delivered now; the one before it is not looked at any more. */
  #kept(piece: Piece): Piece {
    const before = this.#last
    this.#last = piece
    if (before !== undefined && before !== piece) letGo(before)
    return piece
  }

  async #decompressed(place: FramePlace, bytes: Buffer): Promise<Piece> {
    const { compression, damaged } = this.#source
    try {
      return { place, bytes: await decompressFrame(bytes, compression, place.streamBytes) }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      throw damaged(error, { lostOffset: place.offset, lostBytes: place.streamBytes })
    }
  }

  /** Frames as they are stored, each in memory of its own, which `take` gives. */
  async *#stored(
    first: number,
    beyond: number,
    take: (length: number) => Buffer,
    options: ReadOptions | undefined,
  ): AsyncGenerator<Piece, void, undefined> {
    const { frames, read, failed } = this.#source
    if (first >= beyond) return
    const { storedOffset: offset } = frames.frame(first)
    const last = frames.frame(beyond - 1)
    let index = first
    let place = frames.frame(index)
    let bytes = take(place.storedBytes)
    let fill = 0
    const range = { offset, bytes: last.storedOffset + last.storedBytes - offset }
    try {
      for await (const chunk of read(range, options)) {
        for (let at = 0; at < chunk.length;) {
          const count = Math.min(chunk.length - at, bytes.length - fill)
          bytes.set(chunk.subarray(at, at + count), fill)
          at += count
          fill += count
          if (fill < bytes.length) continue
          yield { place, bytes }
          if (++index >= beyond) return
          place = frames.frame(index)
          bytes = take(place.storedBytes)
          fill = 0
        }
      }
    } catch (error) {
      throw failed(error, (from, before) => this.#lostIn(from, before))
    }
  }

  /** The part of the stream in all frames that lie in a part of what is stored. */
  #lostIn(from: number, before: number): LostStream {
    const { frames } = this.#source
    let lostOffset: number | undefined
    let lostBytes = 0
    for (let index = this.#firstIn(from); index < frames.count; index++) {
      const frame = frames.frame(index)
      if (frame.storedOffset >= before) break
      lostOffset ??= frame.offset
      lostBytes += frame.streamBytes
    }
    return { lostOffset: lostOffset ?? 0, lostBytes }
  }

  /** The first frame that ends behind a byte of the stored payload. */
  #firstIn(storedOffset: number): number {
    const { frames } = this.#source
    let low = 0
    let high = frames.count
    while (low < high) {
      const middle = (low + high) >>> 1
      const frame = frames.frame(middle)
      if (frame.storedOffset + frame.storedBytes <= storedOffset) low = middle + 1
      else high = middle
    }
    return low
  }
}
