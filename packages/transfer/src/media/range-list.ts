/** A piece of an archive stream, whole members. */
export interface Range {
  readonly offset: number
  readonly bytes: number
}

const FIRST_CAPACITY = 1024

/** Ranges in typed arrays: millions of them cost 16 bytes each. */
export class RangeList {
  #offsets = new Float64Array(FIRST_CAPACITY)
  #lengths = new Float64Array(FIRST_CAPACITY)
  #count = 0
  #ascending = true

  /** Number of ranges. */
  get count(): number {
    return this.#count
  }

  /** Adds a range; order and overlap do not matter. One that follows the last, as nearly all do, becomes part of it. */
  add(offset: number, bytes: number): void {
    if (this.#extends(offset, bytes)) return
    if (this.#count === this.#offsets.length) this.#grow()
    if (this.#count > 0 && offset < (this.#offsets[this.#count - 1] as number)) this.#ascending = false
    this.#offsets[this.#count] = offset
    this.#lengths[this.#count] = bytes
    this.#count += 1
  }

  #extends(offset: number, bytes: number): boolean {
    const last = this.#count - 1
    if (last < 0) return false
    const start = this.#offsets[last] as number
    const end = start + (this.#lengths[last] as number)
    if (offset < start || offset > end) return false
    this.#lengths[last] = Math.max(end, offset + bytes) - start
    return true
  }

  /** Sorts, and makes one of ranges that touch or overlap; gives the bytes they cover. */
  merge(): number {
    if (!this.#ascending) this.#sort()
    let kept = 0
    let covered = 0
    let end = -1
    for (let index = 0; index < this.#count; index++) {
      const offset = this.#offsets[index] as number
      const stop = offset + (this.#lengths[index] as number)
      if (offset > end) {
        this.#offsets[kept] = offset
        kept += 1
        covered += stop - offset
        end = stop
      } else if (stop > end) {
        covered += stop - end
        end = stop
      }
      this.#lengths[kept - 1] = end - (this.#offsets[kept - 1] as number)
    }
    this.#count = kept
    return covered
  }

  /** The ranges in order; with `from` and `to` those of these places, before `to`. */
  *ranges(from = 0, to: number = this.#count): Generator<Range> {
    for (let index = from; index < Math.min(to, this.#count); index++)
      yield { offset: this.#offsets[index] as number, bytes: this.#lengths[index] as number }
  }

  #sort(): void {
    const order = Uint32Array.from({ length: this.#count }, (_, index) => index)
    const offsets = this.#offsets
    const lengths = this.#lengths
    order.sort((a, b) => (offsets[a] as number) - (offsets[b] as number))
    this.#offsets = Float64Array.from(order, (index) => offsets[index] as number)
    this.#lengths = Float64Array.from(order, (index) => lengths[index] as number)
    this.#ascending = true
  }

  #grow(): void {
    const grown = (from: Float64Array): Float64Array<ArrayBuffer> => {
      const to = new Float64Array(from.length * 2)
      to.set(from)
      return to
    }
    this.#offsets = grown(this.#offsets)
    this.#lengths = grown(this.#lengths)
  }
}
