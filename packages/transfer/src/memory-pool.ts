/**
 * Pieces of shared memory that are used again instead of being left to the garbage collector, which does not hurry: a piece costs
 * next to nothing until it is touched, and stays touched. Whoever gives a piece back has nobody left that writes to it.
 */
export class MemoryPool {
  readonly #mostIdleBytes: number
  readonly #plentyBytes: number
  readonly #idle = new Map<number, SharedArrayBuffer[]>()
  #idleBytes = 0
  #lentBytes = 0

  /**
   * @param mostIdleBytes - bytes kept for the next, from 0; what is given back beyond them is let go
   * @param plentyBytes - bytes that may be lent at once before everybody gets as little as does
   */
  constructor(mostIdleBytes: number = 64 * 1024 * 1024, plentyBytes: number = 64 * 1024 * 1024) {
    this.#mostIdleBytes = mostIdleBytes
    this.#plentyBytes = plentyBytes
  }

  /** Bytes that were taken and neither given back nor let go. */
  get lentBytes(): number {
    return this.#lentBytes
  }

  /**
   * How many blocks the next user should take: as many as it wants, or half of them, and so on, so that half of what is left is
   * left to others.
   *
   * @param least - what it needs; so many it gets in any case
   */
  share(blockBytes: number, wanted: number, least: number): number {
    const most = (this.#plentyBytes - this.#lentBytes) / 2
    let blocks = wanted
    while (blocks > least && blocks * blockBytes > most) blocks = Math.max(least, blocks >>> 1)
    return blocks
  }

  /** Bytes that wait to be used again. */
  get idleBytes(): number {
    return this.#idleBytes
  }

  /** A piece of just this length. It holds whatever was in it. */
  take(byteLength: number): SharedArrayBuffer {
    this.#lentBytes += byteLength
    const piece = this.#idle.get(byteLength)?.pop()
    if (piece === undefined) return new SharedArrayBuffer(byteLength)
    this.#idleBytes -= byteLength
    return piece
  }

  /** Gives a piece back; the last one is the first to be used again, since it is warm. */
  giveBack(piece: SharedArrayBuffer): void {
    const { byteLength } = piece
    this.letGo(piece)
    if (this.#idleBytes + byteLength > this.#mostIdleBytes) return
    const pieces = this.#idle.get(byteLength) ?? []
    pieces.push(piece)
    this.#idle.set(byteLength, pieces)
    this.#idleBytes += byteLength
  }

  /** Says that a piece was left to the garbage collector. */
  letGo({ byteLength }: SharedArrayBuffer): void {
    this.#lentBytes -= byteLength
  }
}
