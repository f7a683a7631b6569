import { after, distance } from './serial-number.ts'

/**
 * Which commands the target takes at present (RFC 7143, 4.2.2.1): those numbered from ExpCmdSN to MaxCmdSN. The window only moves on;
 * what is older, because it was overtaken, changes nothing.
 */
export class CommandWindow {
  #next: number
  #expected: number
  #max: number

  constructor(
    first: number,
    told: { readonly expectedCommandNumber: number; readonly maxCommandNumber: number },
  ) {
    this.#next = first
    this.#expected = told.expectedCommandNumber
    this.#max = told.maxCommandNumber
  }

  /** The number of the next command. */
  get next(): number {
    return this.#next
  }

  /** Whether the target takes another command. */
  get open(): boolean {
    return distance(this.#next, this.#max) >= 0
  }

  /** The number for a command that is sent now. */
  take(): number {
    const number = this.#next
    this.#next = after(number)
    return number
  }

  /** What a PDU of the target tells. */
  told(numbers: { readonly expectedCommandNumber: number; readonly maxCommandNumber: number }): void {
    const { expectedCommandNumber, maxCommandNumber } = numbers
    if (distance(after(expectedCommandNumber, -1), maxCommandNumber) < 0) return
    if (distance(this.#expected, expectedCommandNumber) > 0) this.#expected = expectedCommandNumber
    if (distance(this.#max, maxCommandNumber) > 0) this.#max = maxCommandNumber
  }
}
