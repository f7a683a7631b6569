import type { Clock } from '@nb/contracts'
import { elementType } from '../../scsi/command-codes.ts'
import { CheckCondition } from '../target/answer.ts'
import { conditions } from '../target/conditions.ts'
import type { LogicalUnit } from '../target/logical-unit.ts'
import { tapeAlert } from '../target/tape-alerts.ts'
import type { TapeTimings } from '../timings.ts'
import type { Element, Elements } from './elements.ts'

/** What a robot works with. */
export interface RobotParts {
  readonly clock: Clock
  readonly timings: TapeTimings
  readonly unit: LogicalUnit
  readonly elements: Elements
  readonly labelOf: (name: string) => string | null
  /** Makes where everything is durable. */
  save(): Promise<void>
  /** Takes the volume out of a drive; throws 5/53/02 while it is held. */
  take(drive: number): Promise<void>
  /** Puts a cartridge into a drive. */
  insert(drive: number, name: string): Promise<void>
}

/** What is planned to go wrong with a move. */
export interface MoveFaults {
  readonly jams: boolean
  readonly misplaces: boolean
}

/** Carries volumes, one at a time. A move that fails has moved nothing, but what the library believes may be the truth then. */
export class Robot {
  readonly #parts: RobotParts
  /** It is stuck, until somebody frees it. */
  jammed = false

  constructor(parts: RobotParts) {
    this.#parts = parts
  }

  /** The element of an address that can hold a volume at rest; throws 5/21/01. */
  place(address: number): Element {
    const element = this.#parts.elements.at(address)
    if (element === undefined || element.type === elementType.transport)
      throw new CheckCondition(conditions.invalidElement)
    return element
  }

  /** Checks that the robot exists and moves. */
  ready(transport: number): void {
    const { first, count } = this.#parts.elements.addresses.transport
    if (transport !== 0 && (transport < first || transport >= first + count))
      throw new CheckCondition(conditions.invalidElement)
    if (this.jammed) throw new CheckCondition(conditions.positioningError)
  }

  /** Carries what is at `from` to `to`. */
  async move(from: number, to: number, faults: MoveFaults, signal: AbortSignal): Promise<void> {
    const { elements, timings } = this.#parts
    if (!this.place(from).full) throw new CheckCondition(conditions.sourceEmpty)
    if (this.place(to).full && to !== from) throw new CheckCondition(conditions.destinationFull)
    await this.spend(timings.moveMs, signal)
    if (faults.jams) this.#jam()
    // What the gripper finds is the truth.
    if (this.place(from).holds === null) return this.#wasWrong(from, conditions.sourceEmpty)
    if (to !== from && this.place(to).holds !== null) return this.#wasWrong(to, conditions.destinationFull)
    if (to === from) return
    const misplaced = faults.misplaces ? this.#otherFree(to) : undefined
    await this.#carry([from], [misplaced ?? to], () => elements.move(from, misplaced ?? to, to))
  }

  /**
   * Carries what is at `from` to `first`, and what was there to `second`, which is free or is `from`. All of it happens, or nothing.
   */
  async exchange(
    from: number,
    first: number,
    second: number,
    faults: MoveFaults,
    signal: AbortSignal,
  ): Promise<void> {
    const { elements, timings } = this.#parts
    for (const address of [from, first])
      if (!this.place(address).full) throw new CheckCondition(conditions.sourceEmpty)
    if (this.place(second).full && second !== from) throw new CheckCondition(conditions.destinationFull)
    if (from === first || first === second) throw new CheckCondition(conditions.invalidElement)
    await this.spend(timings.moveMs * 2, signal)
    if (faults.jams) this.#jam()
    for (const address of [from, first])
      if (this.place(address).holds === null) return this.#wasWrong(address, conditions.sourceEmpty)
    if (second !== from && this.place(second).holds !== null)
      return this.#wasWrong(second, conditions.destinationFull)
    const hand = elements.addresses.transport.first
    await this.#carry([from, first], [first, second], () => {
      elements.move(first, hand)
      elements.move(from, first)
      elements.move(hand, second)
    })
  }

  /** Stands before an element. */
  async stand(address: number, signal: AbortSignal): Promise<void> {
    this.place(address)
    await this.spend(this.#parts.timings.moveMs, signal)
  }

  /** Looks at elements; the library then knows what is there. */
  async scan(addresses: readonly number[], signal: AbortSignal): Promise<void> {
    const { elements, timings, labelOf } = this.#parts
    await this.spend(timings.scanMs * addresses.length, signal)
    for (const address of addresses) elements.scan(address, labelOf)
    await this.#parts.save()
  }

  async spend(durationMs: number, signal: AbortSignal): Promise<void> {
    const wholeMs = Math.round(durationMs)
    if (wholeMs > 0) await this.#parts.clock.sleep(wholeMs, { signal })
  }

  /** Takes volumes out of drives, changes where they are, durably, and puts them into drives. */
  async #carry(from: readonly number[], to: readonly number[], change: () => void): Promise<void> {
    const { elements } = this.#parts
    const before = elements.all
    const taken: number[] = []
    try {
      for (const drive of from.flatMap((address) => elements.driveAt(address) ?? [])) {
        await this.#parts.take(drive)
        taken.push(drive)
      }
      change()
      await this.#parts.save()
    } catch (error) {
      elements.set(...before)
      for (const drive of taken) await this.#insert(drive + elements.addresses.drive.first - 1)
      throw error
    }
    for (const address of to) await this.#insert(address)
  }

  /** What lies in the mouth of a drive comes into it. */
  async #insert(address: number): Promise<void> {
    const { elements } = this.#parts
    const drive = elements.driveAt(address)
    const name = elements.at(address)?.holds ?? null
    if (drive !== undefined && name !== null) await this.#parts.insert(drive, name)
  }

  #jam(): never {
    this.jammed = true
    this.#parts.unit.alerts.raise(tapeAlert.libraryHardwareB)
    throw new CheckCondition(conditions.positioningError)
  }

  async #wasWrong(
    address: number,
    condition: typeof conditions.sourceEmpty | typeof conditions.destinationFull,
  ): Promise<never> {
    this.#parts.elements.scan(address, this.#parts.labelOf)
    await this.#parts.save()
    throw new CheckCondition(condition)
  }

  /** A slot that nothing is in, other than that. */
  #otherFree(to: number): number | undefined {
    return this.#parts.elements.all.find(
      ({ type, address, full, holds }) =>
        type === elementType.storage && address !== to && !full && holds === null,
    )?.address
  }
}
