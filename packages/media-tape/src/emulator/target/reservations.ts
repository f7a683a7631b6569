import { reservationOut } from '../../scsi/command-codes.ts'
import { CheckCondition } from './answer.ts'
import { conditions } from './conditions.ts'

/** What PERSISTENT RESERVE OUT asks for (SPC-5, 6.17). Keys are 64 bits. */
export interface ReservationRequest {
  readonly action: number
  readonly type: number
  readonly key: bigint
  readonly newKey: bigint
}

/** Whom a change concerns, and what each is told. */
export interface ReservationChange {
  /** `conflict` changes nothing. */
  readonly outcome: 'done' | 'conflict'
  readonly released?: readonly string[]
  readonly preempted?: readonly string[]
  readonly cleared?: readonly string[]
}

/** Who holds the unit persistently. */
export interface PersistentReservation {
  /** Absent where all that are registered hold it. */
  readonly holder?: string
  readonly key: bigint
  readonly type: number
}

/** Types: whether only registered initiators may (5–8), and whether each of them holds it (7, 8). */
const isForRegistrants = (type: number): boolean => type >= 5
const isHeldByAll = (type: number): boolean => type >= 7
const knownTypes = [1, 3, 5, 6, 7, 8]

/**
 * Who may use a unit: RESERVE(6) by one initiator (SPC-2), or registrations with a persistent reservation (SPC-5, 5.14); not both at once.
 * Nothing of it survives a loss of power. For tapes and changers all types keep others from all commands but the harmless ones.
 */
export class Reservations {
  #reservedBy: string | undefined
  readonly #keys = new Map<string, bigint>()
  #generation = 0
  #persistent: PersistentReservation | undefined

  /** Counts changes of registrations. */
  get generation(): number {
    return this.#generation
  }

  /** Registered keys, in the order of registration. */
  get registrations(): ReadonlyMap<string, bigint> {
    return this.#keys
  }

  get persistent(): PersistentReservation | undefined {
    return this.#persistent
  }

  /** Whether an initiator's commands end with RESERVATION CONFLICT. */
  excludes(initiator: string): boolean {
    if (this.#reservedBy !== undefined) return this.#reservedBy !== initiator
    if (this.#persistent === undefined || this.#holds(initiator)) return false
    return !(isForRegistrants(this.#persistent.type) && this.#keys.has(initiator))
  }

  /** RESERVE(6). False is a conflict. */
  reserve(initiator: string): boolean {
    if (this.#keys.size > 0 || this.excludes(initiator)) return false
    this.#reservedBy = initiator
    return true
  }

  /** RELEASE(6): of others' it does nothing. False is a conflict. */
  release(initiator: string): boolean {
    if (this.#keys.size > 0) return false
    if (this.#reservedBy === initiator) this.#reservedBy = undefined
    return true
  }

  /** A connection is lost, or the unit was reset (no initiator): what is not persistent ends. */
  end(initiator?: string): void {
    if (initiator === undefined || this.#reservedBy === initiator) this.#reservedBy = undefined
  }

  /** The power is lost. */
  forget(): void {
    this.end()
    this.#keys.clear()
    this.#persistent = undefined
    this.#generation = 0
  }

  /** PERSISTENT RESERVE OUT. Throws what is an illegal request. */
  change(initiator: string, request: ReservationRequest): ReservationChange {
    if (this.#reservedBy !== undefined) return { outcome: 'conflict' }
    const { action, key } = request
    const ignoring = action === reservationOut.registerIgnoring
    if (ignoring || action === reservationOut.register) {
      if (!ignoring && key !== (this.#keys.get(initiator) ?? 0n)) return { outcome: 'conflict' }
      return this.#register(initiator, request.newKey)
    }
    if (this.#keys.get(initiator) !== key) return { outcome: 'conflict' }
    switch (action) {
      case reservationOut.reserve:
        return this.#reserve(initiator, request)
      case reservationOut.release:
        return this.#release(initiator, request)
      case reservationOut.clear:
        return this.#clear(initiator)
      default:
        return this.#preempt(initiator, request)
    }
  }

  #holds(initiator: string): boolean {
    const reservation = this.#persistent
    if (reservation === undefined) return false
    return isHeldByAll(reservation.type) ? this.#keys.has(initiator) : reservation.holder === initiator
  }

  #others(initiator: string): string[] {
    return [...this.#keys.keys()].filter((one) => one !== initiator)
  }

  #register(initiator: string, newKey: bigint): ReservationChange {
    if (newKey !== 0n) {
      this.#keys.set(initiator, newKey)
      if (this.#persistent?.holder === initiator) this.#persistent = { ...this.#persistent, key: newKey }
      this.#generation += 1
      return { outcome: 'done' }
    }
    if (!this.#keys.has(initiator)) return { outcome: 'done' }
    const held = this.#holds(initiator)
    this.#keys.delete(initiator)
    this.#generation += 1
    const type = this.#persistent?.type ?? 0
    if (!held || (isHeldByAll(type) && this.#keys.size > 0)) return { outcome: 'done' }
    this.#persistent = undefined
    return { outcome: 'done', released: isForRegistrants(type) ? this.#others(initiator) : [] }
  }

  #reserve(initiator: string, { type, key }: ReservationRequest): ReservationChange {
    if (!knownTypes.includes(type)) throw new CheckCondition(conditions.invalidFieldInCdb)
    if (this.#persistent !== undefined)
      return { outcome: this.#holds(initiator) && this.#persistent.type === type ? 'done' : 'conflict' }
    this.#persistent = isHeldByAll(type) ? { key: 0n, type } : { holder: initiator, key, type }
    return { outcome: 'done' }
  }

  #release(initiator: string, { type }: ReservationRequest): ReservationChange {
    if (this.#persistent === undefined || !this.#holds(initiator)) return { outcome: 'done' }
    if (this.#persistent.type !== type) throw new CheckCondition(conditions.invalidRelease)
    this.#persistent = undefined
    return { outcome: 'done', released: isForRegistrants(type) ? this.#others(initiator) : [] }
  }

  #clear(initiator: string): ReservationChange {
    const cleared = this.#others(initiator)
    this.#keys.clear()
    this.#persistent = undefined
    this.#generation += 1
    return { outcome: 'done', cleared }
  }

  #preempt(initiator: string, { type, key, newKey }: ReservationRequest): ReservationChange {
    const reservation = this.#persistent
    const takesAll = newKey === 0n && reservation !== undefined && isHeldByAll(reservation.type)
    if (newKey === 0n && !takesAll) throw new CheckCondition(conditions.invalidParameter)
    const takesOver = reservation !== undefined && (takesAll || reservation.key === newKey)
    if (takesOver && !knownTypes.includes(type)) throw new CheckCondition(conditions.invalidFieldInCdb)
    const victims = [...this.#keys].filter(([, one]) => takesAll || one === newKey).map(([one]) => one)
    if (victims.length === 0 && !takesOver) return { outcome: 'conflict' }
    const preempted = victims.filter((one) => one !== initiator)
    for (const one of preempted) this.#keys.delete(one)
    if (victims.includes(initiator) && !takesOver) this.#keys.delete(initiator)
    this.#generation += 1
    if (takesOver) this.#persistent = isHeldByAll(type) ? { key: 0n, type } : { holder: initiator, key, type }
    return { outcome: 'done', preempted }
  }
}
