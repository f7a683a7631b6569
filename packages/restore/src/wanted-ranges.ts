import type { WantedOfImage } from '@nb/contracts'

/** More ranges than these are not told with the session: its plan tells them. */
const MOST_RANGES = 1000

interface GrowingRange {
  readonly offset: number
  bytes: number
}

/** Where in an image's archive stream lies what is wanted of it: members that touch become one range. Its memory is bounded. */
export class WantedRanges {
  #ranges: GrowingRange[] = []
  #last: GrowingRange | undefined
  #entries = 0
  #areTooMany = false

  /** Adds a member; order and overlap do not matter. */
  add(offset: number, bytes: number): void {
    if (bytes === 0) return
    this.#entries += 1
    if (this.#areTooMany) return
    const last = this.#last
    if (last !== undefined && offset >= last.offset && offset <= last.offset + last.bytes) {
      last.bytes = Math.max(last.bytes, offset + bytes - last.offset)
      return
    }
    if (this.#ranges.length >= 2 * MOST_RANGES) this.#merge()
    this.#last = { offset, bytes }
    this.#ranges.push(this.#last)
  }

  /** All of them, in order; `undefined` where they are too many. */
  all(): WantedOfImage | undefined {
    this.#merge()
    if (this.#areTooMany) return undefined
    return { entries: this.#entries, ranges: this.#ranges.map(({ offset, bytes }) => ({ offset, bytes })) }
  }

  #merge(): void {
    const merged: GrowingRange[] = []
    for (const range of this.#ranges.sort((a, b) => a.offset - b.offset)) {
      const last = merged.at(-1)
      if (last === undefined || range.offset > last.offset + last.bytes) merged.push(range)
      else last.bytes = Math.max(last.bytes, range.offset + range.bytes - last.offset)
    }
    this.#areTooMany ||= merged.length > MOST_RANGES
    this.#ranges = this.#areTooMany ? [] : merged
    this.#last = this.#ranges.at(-1)
  }
}
