/** Lengths and kinds of everything on a tape, with sums for finding places. Objects are blocks and filemarks, counted alike from 0. */
export class TapeIndex {
  /** Bytes of blocks, bytes that they take on the medium, filemarks, and encrypted blocks before each object, and after the last. */
  readonly #bytes: number[] = [0]
  readonly #mediaBytes: number[] = [0]
  readonly #filemarks: number[] = [0]
  readonly #encrypted: number[] = [0]

  /** How many objects are recorded. */
  get objects(): number {
    return this.#bytes.length - 1
  }

  /** Whether object `at` is a filemark. */
  isFilemark(at: number): boolean {
    return this.filemarksBefore(at + 1) > this.filemarksBefore(at)
  }

  /** Whether object `at` is a block that was encrypted by a drive. */
  isEncrypted(at: number): boolean {
    return (this.#encrypted[at + 1] ?? 0) > (this.#encrypted[at] ?? 0)
  }

  /** Length of the block that is object `at`; 0 for a filemark. */
  blockBytes(at: number): number {
    return this.bytesBefore(at + 1) - this.bytesBefore(at)
  }

  /** Bytes of all blocks before object `at`. */
  bytesBefore(at: number): number {
    return this.#bytes[at] ?? 0
  }

  /** Bytes of the medium used before object `at`: less than those of the blocks where they were compressed. */
  mediaBytesBefore(at: number): number {
    return this.#mediaBytes[at] ?? 0
  }

  /** Filemarks before object `at`. */
  filemarksBefore(at: number): number {
    return this.#filemarks[at] ?? 0
  }

  /** The object that is the filemark number `mark` (from 0), or `undefined`. */
  findFilemark(mark: number): number | undefined {
    // The first place that has more than `mark` filemarks before it.
    let low = 0
    let high = this.#filemarks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#filemarks[middle] as number) > mark) high = middle
      else low = middle + 1
    }
    return low < this.#filemarks.length ? low - 1 : undefined
  }

  /** Enters a block at the end, with the bytes it takes on the medium. */
  addBlock(bytes: number, mediaBytes: number = bytes, isEncrypted: boolean = false): void {
    this.#push(bytes, mediaBytes, 0, isEncrypted ? 1 : 0)
  }

  /** Enters a filemark at the end. It takes no room. */
  addFilemark(): void {
    this.#push(0, 0, 1, 0)
  }

  /** Forgets object `at` and all after it. */
  cut(at: number): void {
    if (at >= this.objects) return
    for (const sums of [this.#bytes, this.#mediaBytes, this.#filemarks, this.#encrypted]) sums.length = at + 1
  }

  #push(bytes: number, mediaBytes: number, filemarks: number, encrypted: number): void {
    const last = this.objects
    this.#bytes.push((this.#bytes[last] as number) + bytes)
    this.#mediaBytes.push((this.#mediaBytes[last] as number) + mediaBytes)
    this.#filemarks.push((this.#filemarks[last] as number) + filemarks)
    this.#encrypted.push((this.#encrypted[last] as number) + encrypted)
  }
}
