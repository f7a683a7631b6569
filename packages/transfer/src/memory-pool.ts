/**
 * Pieces of shared memory that are used again instead of being left to the garbage collector, which does not hurry: a piece costs
 * next to nothing until it is touched, and stays touched. Whoever gives a piece back has nobody left that writes to it.
 */
export class MemoryPool {
  readonly #mostIdleBytes: number
  readonly #idle = new Map<number, SharedArrayBuffer[]>()
  #idleBytes = 0

  /** @param mostIdleBytes - bytes kept for the next, from 0; what is given back beyond them is let go */
  constructor(mostIdleBytes: number = 64 * 1024 * 1024) {
    this.#mostIdleBytes = mostIdleBytes
  }

  /** Bytes that wait to be used again. */
  get idleBytes(): number {
    return this.#idleBytes
  }

  /** A piece of just this length. It holds whatever was in it. */
  take(byteLength: number): SharedArrayBuffer {
    const piece = this.#idle.get(byteLength)?.pop()
    if (piece === undefined) return new SharedArrayBuffer(byteLength)
    this.#idleBytes -= byteLength
    return piece
  }

  /** Gives a piece back; the last one is the first to be used again, since it is warm. */
  giveBack(piece: SharedArrayBuffer): void {
    const { byteLength } = piece
    if (this.#idleBytes + byteLength > this.#mostIdleBytes) return
    const pieces = this.#idle.get(byteLength) ?? []
    pieces.push(piece)
    this.#idle.set(byteLength, pieces)
    this.#idleBytes += byteLength
  }
}
