import type { FileListTotals } from '@nb/contracts'
import { FileListDecoder } from '@nb/formats'

/** Cuts a file list into rows of whole batches, the header with the first of them. */
export class BatchCutter {
  readonly #decoder = new FileListDecoder()
  #carry: Buffer = Buffer.alloc(0)
  #passed = 0
  #whole = 0
  #batches = 0
  #entries = 0

  /** The bytes that are complete now: memory of their own. */
  push(chunk: Uint8Array): Buffer {
    this.#decoder.push(chunk, {
      onBatch: ({ offset, byteLength, entryCount }) => {
        this.#whole = offset + byteLength
        this.#batches += 1
        this.#entries += entryCount
      },
    })
    const all = Buffer.concat([this.#carry, chunk])
    const count = this.#whole - this.#passed
    if (count <= 0) {
      this.#carry = all
      return all.subarray(0, 0)
    }
    this.#carry = Buffer.from(all.subarray(count))
    this.#passed = this.#whole
    return all.subarray(0, count)
  }

  /** What is left after the last chunk: the header of a list without entries. */
  finish(): Buffer {
    this.#decoder.finish()
    const rest = this.#carry
    this.#carry = Buffer.alloc(0)
    this.#passed += rest.length
    return rest
  }

  get totals(): FileListTotals {
    return { bytes: this.#passed, batches: this.#batches, entries: this.#entries }
  }
}
