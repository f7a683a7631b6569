import { NbError } from '@nb/contracts'
import { elementType } from '../../scsi/command-codes.ts'
import { isRecord } from '../medium/volume.ts'
import type { ElementAddresses, ElementRange } from '../../scsi/mode-pages.ts'

/** One place of a library: what is there, and what the library believes. */
export interface Element {
  /** One of `elementType`. */
  readonly type: number
  readonly address: number
  /** Name of the cartridge that is there. */
  readonly holds: string | null
  /** Whether the library believes that something is there. */
  readonly full: boolean
  /** The label that it saw; `null` without one. */
  readonly barcode: string | null
  /** Where the volume came from, as far as the library moved it. */
  readonly source: number | null
  /** A person put it there. */
  readonly byOperator: boolean
}

/** How many elements there are of each kind. */
export interface ElementCounts {
  readonly slots: number
  readonly mailSlots: number
  readonly drives: number
}

/** Which addresses the elements have. */
export function elementAddresses({ slots, mailSlots, drives }: ElementCounts): ElementAddresses {
  return {
    transport: { first: 1, count: 1 },
    importExport: { first: 16, count: mailSlots },
    drive: { first: 256, count: drives },
    storage: { first: 1024, count: slots },
  }
}

const isIn = (address: number, { first, count }: ElementRange): boolean =>
  address >= first && address < first + count

/** Where everything is, in truth and in the library's belief. Changes are all or nothing; the engine makes them durable. */
export class Elements {
  readonly addresses: ElementAddresses
  #elements: ReadonlyMap<number, Element>

  constructor(counts: ElementCounts) {
    this.addresses = elementAddresses(counts)
    const { transport, storage, importExport, drive } = this.addresses
    const all = [
      ...range(elementType.transport, transport),
      ...range(elementType.importExport, importExport),
      ...range(elementType.drive, drive),
      ...range(elementType.storage, storage),
    ]
    this.#elements = new Map(all.map((one) => [one.address, one]))
  }

  /** By address. */
  get all(): readonly Element[] {
    return [...this.#elements.values()]
  }

  at(address: number): Element | undefined {
    return this.#elements.get(address)
  }

  /** The place of a cartridge, if it is in the library. */
  find(name: string): Element | undefined {
    return this.all.find(({ holds }) => holds === name)
  }

  /** The number of a drive, from 1, or `undefined` for another element. */
  driveAt(address: number): number | undefined {
    return isIn(address, this.addresses.drive) ? address - this.addresses.drive.first + 1 : undefined
  }

  /** Changes some elements. */
  set(...changed: readonly Element[]): void {
    const next = new Map(this.#elements)
    for (const one of changed) next.set(one.address, one)
    this.#elements = next
  }

  /** The robot looks: the library believes what is there. Labels by cartridge. */
  scan(address: number, labelOf: (name: string) => string | null): void {
    const one = this.#elements.get(address)
    if (one === undefined) return
    const { holds } = one
    const seen = { full: holds !== null, barcode: holds === null ? null : labelOf(holds) }
    const same = one.full && holds !== null
    this.set({
      ...one,
      ...seen,
      source: same ? one.source : null,
      byOperator: holds !== null && one.byOperator,
    })
  }

  /** Carries what is at `from` to `to`; the library believes that it is at `believed`, its source with it. */
  move(from: number, to: number, believed: number = to): void {
    const source = this.#elements.get(from)
    const target = this.#elements.get(to)
    const seen = this.#elements.get(believed)
    if (source === undefined || target === undefined || seen === undefined) return
    const cameFrom =
      source.type === elementType.drive || source.type === elementType.transport ? source.source : from
    const empty = { holds: null, full: false, barcode: null, source: null, byOperator: false }
    this.set({ ...source, ...empty }, { ...target, holds: source.holds })
    const now = this.#elements.get(believed) ?? seen
    this.set({ ...now, full: true, barcode: source.barcode, source: cameFrom, byOperator: false })
  }

  /** As it is kept. */
  record(): { readonly version: 1; readonly elements: readonly Element[] } {
    return { version: 1, elements: this.all }
  }

  /** Takes up what was kept. Throws `store-corrupt` when it is of another library. */
  restore(record: unknown): void {
    const elements: unknown = isRecord(record) && record['version'] === 1 ? record['elements'] : undefined
    const fits =
      Array.isArray(elements) &&
      elements.length === this.#elements.size &&
      elements.every((one) => isElement(one) && this.#elements.get(one.address)?.type === one.type) &&
      new Set(elements.map((one: Element) => one.address)).size === elements.length
    if (!fits)
      throw new NbError('store-corrupt', 'the library on record has other slots and drives than this one')
    this.set(...(elements as readonly Element[]))
  }
}

function isElement(value: unknown): value is Element {
  if (!isRecord(value)) return false
  const { type, address, holds, full, barcode, source, byOperator } = value
  return (
    typeof type === 'number' &&
    typeof address === 'number' &&
    (holds === null || typeof holds === 'string') &&
    typeof full === 'boolean' &&
    (barcode === null || typeof barcode === 'string') &&
    (source === null || typeof source === 'number') &&
    typeof byOperator === 'boolean'
  )
}

function range(type: number, { first, count }: ElementRange): Element[] {
  const empty = { type, holds: null, full: false, barcode: null, source: null, byOperator: false }
  return Array.from({ length: count }, (_, at) => ({ ...empty, address: first + at }))
}
