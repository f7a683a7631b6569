import { type CallOptions, type CompressedFrame, type FragmentReader, NbError } from '@nb/contracts'
import { FormatError, type FrameFormat, type FrameIndex, type FramePlace, decompressFrame } from '@nb/formats'
import { type FragmentIdentity, corruptFragment, losing } from './fragment-identity.ts'
import type { StoredPayload } from './stored-payload.ts'

/** Frames that are being decompressed beside the one that is delivered. */
const FRAMES_AHEAD = 3

/** What a compressed fragment is read with. */
export interface CompressedFragment {
  readonly payload: StoredPayload
  readonly frames: FrameIndex
  readonly compression: FrameFormat
  readonly identity: FragmentIdentity
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

/** Reads the frames that hold a range, and decompresses them in the thread pool; keeps the last for reads nearby. */
export class CompressedFragmentReader implements FragmentReader {
  readonly #fragment: CompressedFragment
  readonly #payloadBytes: number
  #last: Piece | undefined

  constructor(fragment: CompressedFragment) {
    this.#fragment = fragment
    const { frames } = fragment
    const last = frames.count === 0 ? undefined : frames.frame(frames.count - 1)
    this.#payloadBytes = last === undefined ? 0 : last.offset + last.streamBytes
  }

  async *read(
    { offset, bytes }: { readonly offset: number; readonly bytes: number },
    options?: CallOptions,
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

  async *frames(options?: CallOptions): AsyncGenerator<CompressedFrame, void, undefined> {
    const { count } = this.#fragment.frames
    for await (const { place, bytes } of this.#stored(0, count, allocated, options)) {
      const { streamBytes, startsAtMember } = place
      yield { stored: bytes, streamBytes, startsAtMember }
    }
  }

  async close(): Promise<void> {
    this.#fragment.payload.close()
  }

  async *#pieces(
    offset: number,
    end: number,
    options: CallOptions | undefined,
  ): AsyncGenerator<Piece, void, undefined> {
    const { frames } = this.#fragment
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
    const { compression, identity } = this.#fragment
    try {
      return { place, bytes: await decompressFrame(bytes, compression, place.streamBytes) }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      throw corruptFragment(identity, error, { lostOffset: place.offset, lostBytes: place.streamBytes })
    }
  }

  /** Frames as they are stored, each in memory of its own, which `take` gives. */
  async *#stored(
    first: number,
    beyond: number,
    take: (length: number) => Buffer,
    options: CallOptions | undefined,
  ): AsyncGenerator<Piece, void, undefined> {
    const { frames, payload } = this.#fragment
    if (first >= beyond) return
    const { storedOffset: offset } = frames.frame(first)
    const last = frames.frame(beyond - 1)
    let index = first
    let place = frames.frame(index)
    let bytes = take(place.storedBytes)
    let fill = 0
    const range = { offset, bytes: last.storedOffset + last.storedBytes - offset }
    try {
      for await (const chunk of payload.read(range, options)) {
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
      throw this.#ofFrames(error)
    }
  }

  /** The error of a damaged block, with all the frames that lie in it. */
  #ofFrames(error: unknown): unknown {
    if (!(error instanceof NbError)) return error
    const { frames, payload } = this.#fragment
    const { blockBytes } = payload
    const block = error.details['block']
    if (typeof block !== 'number') return error
    let lostOffset: number | undefined
    let lostBytes = 0
    for (let index = this.#firstIn(block * blockBytes); index < frames.count; index++) {
      const frame = frames.frame(index)
      if (frame.storedOffset >= (block + 1) * blockBytes) break
      lostOffset ??= frame.offset
      lostBytes += frame.streamBytes
    }
    return losing(error, { block, lostOffset: lostOffset ?? 0, lostBytes })
  }

  /** The first frame that ends behind a byte of the stored payload. */
  #firstIn(storedOffset: number): number {
    const { frames } = this.#fragment
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
