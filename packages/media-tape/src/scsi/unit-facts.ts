import type { CallOptions } from '@nb/contracts'
import { buildCdb, opcodeOf } from './cdb.ts'
import type { CdbName } from './cdb-fields.ts'
import { vitalPage } from './command-codes.ts'
import {
  type Designator,
  type InquiryData,
  parseIdentification,
  parseInquiry,
  parseSerialNumber,
  parseSupportedPages,
} from './inquiry.ts'
import type { ScsiUnit } from './scsi-unit.ts'
import { parseSupportedOpcodes, type SupportedOpcode } from './unit-answers.ts'

/** Which commands a unit knows: what it says, and what it was found out to refuse. */
export class SupportedCommands {
  readonly #told: readonly SupportedOpcode[] | undefined
  readonly #refused: Set<CdbName> = new Set()

  /** `told` is absent where the unit doesn't tell: everything may be tried then. */
  constructor(told?: readonly SupportedOpcode[]) {
    this.#told = told
  }

  /** Whether to use it: the unit lists it, or doesn't list anything, and has not refused it. */
  has(command: CdbName): boolean {
    if (this.#refused.has(command)) return false
    const { opcode, serviceAction } = opcodeOf(command)
    return (
      this.#told?.some(
        (one) =>
          one.opcode === opcode &&
          (serviceAction === undefined || (one.serviceAction ?? 0) === serviceAction),
      ) ?? true
    )
  }

  /** The unit answered that it doesn't know it. */
  refused(command: CdbName): void {
    this.#refused.add(command)
  }
}

/** Who a unit is, and what it can. */
export interface UnitFacts {
  readonly inquiry: InquiryData
  /** Absent where it has none. */
  readonly serial?: string
  /** Names of the unit itself (page 83h). */
  readonly designators: readonly Designator[]
  readonly supports: SupportedCommands
}

/** Asks a unit who it is. */
export async function askUnit(unit: ScsiUnit, options?: CallOptions): Promise<UnitFacts> {
  const standard = await unit.read(buildCdb('inquiry', { allocationLength: 96 }), 96, options)
  const inquiry = parseInquiry(standard ?? new Uint8Array())
  const vital = async (page: number): Promise<Uint8Array | undefined> =>
    unit.read(buildCdb('inquiry', { vital: true, page, allocationLength: 512 }), 512, options)
  const listed = await vital(vitalPage.supported)
  const pages = listed === undefined ? [] : parseSupportedPages(listed)
  const serial = pages.includes(vitalPage.serialNumber) ? await vital(vitalPage.serialNumber) : undefined
  const names = pages.includes(vitalPage.identification) ? await vital(vitalPage.identification) : undefined
  return {
    inquiry,
    ...(serial === undefined ? {} : { serial: parseSerialNumber(serial) }),
    designators:
      names === undefined ? [] : parseIdentification(names).filter(({ association }) => association === 0),
    supports: new SupportedCommands(await supportedOpcodes(unit, options)),
  }
}

/** Room for some three thousand commands with their times: no unit has as many. */
const mostOpcodeBytes = 64 * 1024

/** What a unit lists, or nothing where its list can't be one. */
async function supportedOpcodes(
  unit: ScsiUnit,
  options?: CallOptions,
): Promise<readonly SupportedOpcode[] | undefined> {
  for (let allocationLength = 4096; ;) {
    const cdb = buildCdb('report-supported-opcodes', { allocationLength })
    const bytes = await unit.read(cdb, allocationLength, options)
    if (bytes === undefined) return undefined
    const { commands, wholeBytes } = parseSupportedOpcodes(bytes)
    if (wholeBytes <= allocationLength) return commands.length === 0 ? undefined : commands
    // A unit that announces more than that would have us set aside gigabytes.
    if (wholeBytes > mostOpcodeBytes) return undefined
    allocationLength = wholeBytes
  }
}
