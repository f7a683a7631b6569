/** Waits shorter than this are put off, so that small blocks don't cost a timer each. Milliseconds. */
const leastWaitMs = 10

/** How far the tape is behind the host, writing, or ahead of it, reading. Pure but for what it remembers: times are given. */
export class Stream {
  readonly #bufferBytes: number
  #bytesPerSecond: number
  #direction: 'write' | 'read' | undefined
  /** Bytes in the buffer at {@link #since}: of writes, not on the tape yet; of reads, not asked for yet. Below 0: owed. */
  #bytes = 0
  #since = 0
  /** How long the tape ran. */
  #ranMs = 0

  constructor(bytesPerSecond: number, bufferBytes: number) {
    this.#bytesPerSecond = bytesPerSecond
    this.#bufferBytes = bufferBytes
  }

  /** Milliseconds for which the tape ran, since the beginning. */
  get ranMs(): number {
    return this.#ranMs
  }

  /** A drive that gets slower, or faster. */
  setRate(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** How long a host waits until the drive has taken a block. */
  write(bytes: number, now: number): number {
    this.#turn('write', now)
    this.#ran(bytes)
    this.#bytes += bytes
    return this.#wait(this.#bytes - this.#bufferBytes)
  }

  /** How long a host waits until a block has come. */
  read(bytes: number, now: number): number {
    this.#turn('read', now)
    this.#ran(bytes)
    this.#bytes -= bytes
    return this.#wait(-this.#bytes)
  }

  /** Ends the streaming: how long until the buffer is on the tape. What was read ahead is forgotten. */
  end(now: number): number {
    const writing = this.#direction === 'write'
    if (writing) this.#turn('write', now)
    const waitMs =
      this.#direction === undefined ? 0 : this.#msOf(Math.max(0, writing ? this.#bytes : -this.#bytes))
    this.#direction = undefined
    this.#bytes = 0
    return waitMs
  }

  #turn(direction: 'write' | 'read', now: number): void {
    if (this.#direction !== direction) {
      this.#direction = direction
      this.#bytes = 0
    } else {
      const moved = ((now - this.#since) * this.#bytesPerSecond) / 1000
      if (moved > 0)
        this.#bytes =
          direction === 'write'
            ? Math.max(0, this.#bytes - moved)
            : Math.min(this.#bufferBytes, this.#bytes + moved)
    }
    this.#since = now
  }

  #ran(bytes: number): void {
    this.#ranMs += this.#msOf(bytes)
  }

  #wait(bytes: number): number {
    const waitMs = this.#msOf(Math.max(0, bytes))
    return waitMs < leastWaitMs ? 0 : waitMs
  }

  #msOf(bytes: number): number {
    return this.#bytesPerSecond === Infinity ? 0 : (bytes / this.#bytesPerSecond) * 1000
  }
}
