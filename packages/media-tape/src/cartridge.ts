/** What is recorded on one volume: blocks and filemarks in a row. The medium under an emulated drive. */
export interface Cartridge {
  /** Where everything is. */
  readonly index: CartridgeIndex
  /** The bytes of the block that is object `at`. Rejects with an error when they are damaged. */
  read(at: number): Promise<Uint8Array>
  /** Forgets object `at` and all after it. */
  cut(at: number): Promise<void>
  /** Records a block at the end; the data may be reused afterwards. */
  appendBlock(data: Uint8Array): Promise<void>
  /** Records a filemark at the end. */
  appendFilemark(): Promise<void>
  /** Makes all of it durable. */
  sync(): Promise<void>
  /** Lets go of it. */
  close(): Promise<void>
}

/** Where volumes are when they are not in a drive, and how the library stood when it was switched off. */
export interface CartridgeStore {
  /** Opens a volume, blank when it was never written. */
  open(barcode: string): Promise<Cartridge>
  /** The last layout saved, or `undefined` in a new library. */
  loadLayout(): Promise<LibraryLayout | undefined>
  /** Durable when it resolves. */
  saveLayout(layout: LibraryLayout): Promise<void>
}

/** Which volume is where. */
export interface LibraryLayout {
  /** Barcodes by slot, `null` for empty. */
  readonly slots: readonly (string | null)[]
  /** Barcodes by drive, `null` for empty. */
  readonly drives: readonly (string | null)[]
  /** Slot numbers that volumes in drives came from. */
  readonly from: readonly (number | null)[]
  readonly writeProtected: readonly string[]
}

/** Lengths and kinds of everything on a volume, with sums for finding places. */
export class CartridgeIndex {
  /** Bytes and filemarks before each object, and after the last. */
  readonly #bytes: number[] = [0]
  readonly #filemarks: number[] = [0]

  /** How many objects are recorded. */
  get objects(): number {
    return this.#bytes.length - 1
  }

  /** Whether object `at` is a filemark. */
  isFilemark(at: number): boolean {
    return this.filemarksBefore(at + 1) > this.filemarksBefore(at)
  }

  /** Length of the block that is object `at`; 0 for a filemark. */
  blockBytes(at: number): number {
    return this.bytesBefore(at + 1) - this.bytesBefore(at)
  }

  /** Bytes of all blocks before object `at`. */
  bytesBefore(at: number): number {
    return this.#bytes[at] ?? 0
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

  /** Enters a block at the end. */
  addBlock(bytes: number): void {
    this.#push(bytes, 0)
  }

  /** Enters a filemark at the end. */
  addFilemark(): void {
    this.#push(0, 1)
  }

  /** Forgets object `at` and all after it. */
  cut(at: number): void {
    if (at >= this.objects) return
    this.#bytes.length = at + 1
    this.#filemarks.length = at + 1
  }

  #push(bytes: number, filemarks: number): void {
    const last = this.objects
    this.#bytes.push((this.#bytes[last] as number) + bytes)
    this.#filemarks.push((this.#filemarks[last] as number) + filemarks)
  }
}
