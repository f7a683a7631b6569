import { BatchCursor, CarriedBatch, type FileListEncoder, type WholeBatch } from '@nb/formats'
import type { KnownEntry } from './reference-cursor.ts'

/** Batches after a broken run in which none is begun: twice as many each time, up to so many. */
const MOST_PAUSE = 64

/**
 * Passes on whole batches of the reference: as long as entry after entry of a batch is met just as it was, none of them is written
 * anew. When another entry comes between, those that were met are written as others are.
 */
export class CarriedRun {
  readonly #encoder: FileListEncoder
  readonly #passOn: (batch: Buffer | undefined) => void
  readonly #cursor = new BatchCursor()
  #carried: CarriedBatch | undefined
  #pause = 0
  #skip = 0

  /** @param passOn - takes each batch of the list */
  constructor(encoder: FileListEncoder, passOn: (batch: Buffer | undefined) => void) {
    this.#encoder = encoder
    this.#passOn = passOn
  }

  /**
   * Takes an entry that is as the reference has it, but for its image.
   *
   * @param index - its number in its batch
   * @param path - its path
   * @returns whether it is listed; otherwise it is to be written
   */
  take(batch: WholeBatch, index: number, known: KnownEntry, path: Buffer): boolean {
    const present = this.#carried
    if (present !== undefined && (batch !== present.batch || index !== present.count)) this.end()
    const carried = this.#carried ?? this.#begin(batch, index)
    if (carried === undefined) return false
    carried.take(known)
    if (!carried.isWhole) return true
    this.#encoder.carried(carried.count, batch.open.firstPath, path)
    this.#carried = undefined
    this.#pause = 0
    this.#passOn(carried.encode())
    return true
  }

  /** Writes what was taken of a batch: another entry comes, or the list stands still. */
  end(): void {
    const carried = this.#carried
    if (carried === undefined) return
    this.#carried = undefined
    this.#skip = this.#pause = Math.min(MOST_PAUSE, Math.max(1, this.#pause * 2))
    const cursor = this.#cursor
    cursor.openChecked(carried.batch.bytes, carried.batch.open)
    for (let left = carried.count; left > 0; left--) {
      cursor.next()
      const record = cursor.record()
      this.#passOn(this.#encoder.add({ ...record, imageIndex: record.imageIndex + 1 }))
    }
  }

  #begin(batch: WholeBatch, index: number): CarriedBatch | undefined {
    if (index !== 0) return undefined
    if (this.#skip > 0) {
      this.#skip--
      return undefined
    }
    this.#passOn(this.#encoder.flush())
    return (this.#carried = new CarriedBatch(batch))
  }
}
