import type { ModePage } from '../../scsi/mode.ts'
import { CheckCondition, invalidParameter } from './answer.ts'
import { conditions } from './conditions.ts'

/** A mode page as a unit has it. */
export interface UnitModePage extends ModePage {
  /** As long as the data, with ones where a host may change; what is missing is 0. @default nothing can be changed */
  readonly changeable?: readonly number[]
}

const allPages = 0x3f
/** PC: current, changeable, default, saved (SPC-5, MODE SENSE(6)). */
const control = { current: 0, changeable: 1, defaults: 2, saved: 3 } as const

/** The mode pages of a unit (SPC-5, 7.5), none of which has subpages, with their present values. */
export class ModePages {
  readonly #pages: ReadonlyMap<number, UnitModePage>
  readonly #current = new Map<number, Uint8Array>()

  constructor(pages: readonly UnitModePage[]) {
    this.#pages = new Map(pages.map((page) => [page.page, page]))
    this.reset()
  }

  /** Takes up the values that it began with. */
  reset(): void {
    for (const [code, { data }] of this.#pages) this.#current.set(code, Uint8Array.from(data))
  }

  /** The data of a page as they are now. */
  current(code: number): Uint8Array {
    return this.#current.get(code) ?? new Uint8Array(0)
  }

  /** What only the unit itself changes. */
  set(code: number, data: Uint8Array): void {
    this.#current.set(code, Uint8Array.from(data))
  }

  /** One page, or all in the order of their codes; `undefined` when there is no such page. Throws 5/39/00 for saved ones. */
  sense(code: number, subpage: number, which: number): ModePage[] | undefined {
    if (which === control.saved) throw new CheckCondition(conditions.savingNotSupported)
    const isAll = code === allPages && (subpage === 0 || subpage === 0xff)
    if (!isAll && (subpage !== 0 || !this.#pages.has(code))) return undefined
    const codes = isAll ? [...this.#pages.keys()].sort((a, b) => a - b) : [code]
    return codes.map((page) => ({ page, data: this.#form(page, which) }))
  }

  /**
   * Changes pages that stand at byte `offset` of the data sent, or throws 5/26/00 where one is none of ours, has another length, or would
   * change what can't be; nothing has changed then. Gives whether anything has.
   */
  select(pages: readonly ModePage[], offset: number): boolean {
    let at = offset
    for (const { page, subpage, data } of pages) {
      const current = this.#current.get(page)
      if (current === undefined || subpage !== undefined) throw invalidParameter(at)
      if (data.length !== current.length) throw invalidParameter(at + 1)
      const changeable = this.#form(page, control.changeable)
      for (const [byte, value] of data.entries())
        if (((value ^ (current[byte] ?? 0)) & ~(changeable[byte] ?? 0)) !== 0)
          throw invalidParameter(at + 2 + byte)
      at += 2 + data.length
    }
    const changed = pages.some(({ page, data }) => Buffer.compare(data, this.current(page)) !== 0)
    for (const { page, data } of pages) this.set(page, data)
    return changed
  }

  #form(code: number, which: number): Uint8Array {
    const { data, changeable = [] } = this.#pages.get(code) ?? { data: new Uint8Array(0) }
    if (which === control.current) return this.current(code)
    return which === control.defaults ? data : Uint8Array.from(data, (_, at) => changeable[at] ?? 0)
  }
}
