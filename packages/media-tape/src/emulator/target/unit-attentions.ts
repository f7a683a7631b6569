import type { SenseData } from '../../scsi/sense.ts'
import type { Condition } from './conditions.ts'

/**
 * What each initiator has not been told yet (SAM-5, 5.14). An initiator is known from its first connection on; one that comes
 * later is told that the power came on.
 */
export class UnitAttentions {
  readonly #pending = new Map<string, Condition[]>()
  readonly #atFirst: Condition

  constructor(atFirst: Condition) {
    this.#atFirst = atFirst
  }

  /** An initiator connects. */
  know(initiator: string): void {
    if (!this.#pending.has(initiator)) this.#pending.set(initiator, [this.#atFirst])
  }

  /** Tells all, or all but one. The same is not told twice. */
  raise(condition: Condition, except?: string): void {
    for (const initiator of this.#pending.keys())
      if (initiator !== except) this.raiseFor(initiator, condition)
  }

  /** Tells one. */
  raiseFor(initiator: string, condition: Condition): void {
    const pending = this.#pending.get(initiator)
    if (pending !== undefined && !pending.includes(condition)) pending.push(condition)
  }

  /** After a reset or a power-on: that is told, and nothing from before (SAM-5, 5.14.5). */
  replaceAll(condition: Condition): void {
    for (const initiator of this.#pending.keys()) this.#pending.set(initiator, [condition])
  }

  /** The next one for an initiator, which is thereby told. */
  take(initiator: string): SenseData | undefined {
    return this.#pending.get(initiator)?.shift()
  }
}
