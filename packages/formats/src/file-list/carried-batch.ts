import { HEAD } from './attribute-head.ts'
import type { BatchCursor } from './batch-cursor.ts'
import { ByteWriter } from './byte-writer.ts'
import type { WholeBatch } from './decoder.ts'
import { encodeBatch } from './frame.ts'

const IMAGE_SAME = HEAD.imageSame >> 8
/** Numbers noted of a change. */
const CHANGE = 4

/**
 * A batch that goes from one list into a later one, all entries of which are there as they were: its bytes stay, but for the numbers of
 * images, which are each one higher, since the later list has its own image before those of the earlier.
 */
export class CarriedBatch {
  readonly #batch: WholeBatch
  /** Of each entry whose image is told: where its head is, where the image is, in how many bytes, and the image. */
  readonly #changes: number[] = []
  #count = 0

  /** @param batch - a batch of the earlier list */
  constructor(batch: WholeBatch) {
    this.#batch = batch
  }

  /** The batch of the earlier list. */
  get batch(): WholeBatch {
    return this.#batch
  }

  /** Entries that were taken, from the first on. */
  get count(): number {
    return this.#count
  }

  /** Whether all were taken. */
  get isWhole(): boolean {
    return this.#count === this.#batch.open.entryCount
  }

  /**
   * Takes the next entry.
   *
   * @param attributes - of this entry
   */
  take({ headAt, imageAt, imageBytes, imageIndex }: ReturnType<BatchCursor['attributes']>): void {
    if (imageBytes > 0 || this.#count === 0) this.#changes.push(headAt, imageAt, imageBytes, imageIndex)
    this.#count += 1
  }

  /** The batch of the later list; {@link isWhole}. */
  encode(): Buffer {
    const { bytes, open } = this.#batch
    const { firstPath, entryCount, pathsStart, attributesStart, end } = open
    const changes = this.#changes
    const attributes = new ByteWriter(end - attributesStart + changes.length)
    let at = attributesStart
    for (let index = 0; index < changes.length; index += CHANGE) {
      const headAt = changes[index] as number
      const imageAt = changes[index + 1] as number
      attributes.bytes(bytes.subarray(at, headAt + 1))
      attributes.byte((bytes[headAt + 1] as number) & ~IMAGE_SAME)
      attributes.bytes(bytes.subarray(headAt + 2, imageAt))
      attributes.unsigned((changes[index + 3] as number) + 1)
      at = imageAt + (changes[index + 2] as number)
    }
    attributes.bytes(bytes.subarray(at, end))
    return encodeBatch(firstPath, entryCount, bytes.subarray(pathsStart, attributesStart), attributes.written)
  }
}
