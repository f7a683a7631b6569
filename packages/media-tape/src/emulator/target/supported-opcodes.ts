import type { BitField } from '../../scsi/bit-field.ts'
import type { CdbFields, CdbName } from '../../scsi/cdb-fields.ts'
import { cdbLayouts } from '../../scsi/cdb-layouts.ts'
import { buildOpcodeSupport, buildSupportedOpcodes } from '../../scsi/unit-answers.ts'
import { invalidField } from './answer.ts'

/** A command that a unit has. */
export interface SupportedCommand {
  readonly command: CdbName
  /** Those it has, of a command that has several. */
  readonly serviceActions?: readonly number[]
}

interface Entry {
  readonly opcode: number
  readonly serviceAction?: number
  readonly usage: Buffer
}

/** `options` of the command. */
const all = 0
const either = 3
const byServiceAction = 2

/**
 * The data of REPORT SUPPORTED OPERATION CODES (SPC-5, 6.35), without timeouts. Throws 5/24/00 where the question does not fit the
 * opcode: after one action where it has none, or after the opcode alone where it has several.
 */
export function supportedOpcodes(
  commands: readonly SupportedCommand[],
  { options, opcode, serviceAction }: CdbFields['report-supported-opcodes'],
): Uint8Array {
  const entries = commands.flatMap(entriesOf)
  if (options === all)
    return buildSupportedOpcodes(entries.map(({ usage, ...entry }) => ({ ...entry, cdbBytes: usage.length })))
  if (options > either) throw invalidField('report-supported-opcodes', 'options')
  const ofOpcode = entries.filter((entry) => entry.opcode === opcode)
  const hasActions = ofOpcode.some((entry) => entry.serviceAction !== undefined)
  if (options !== either && ofOpcode.length > 0 && hasActions !== (options === byServiceAction))
    throw invalidField('report-supported-opcodes', 'options')
  const found = ofOpcode.find((entry) => !hasActions || entry.serviceAction === serviceAction)
  if (found === undefined) return buildOpcodeSupport({ support: 'no', usage: new Uint8Array(0) })
  return buildOpcodeSupport({ support: 'yes', usage: found.usage })
}

function entriesOf({ command, serviceActions }: SupportedCommand): Entry[] {
  const { opcode, serviceAction } = cdbLayouts[command]
  const usage = usageOf(command)
  if (serviceAction !== undefined) return [{ opcode, serviceAction, usage }]
  if (serviceActions === undefined) return [{ opcode, usage }]
  return serviceActions.map((action) => {
    const own = Buffer.from(usage)
    own[1] = ((own[1] ?? 0) & 0xe0) | action
    return { opcode, serviceAction: action, usage: own }
  })
}

/** Which bits of the CDB are looked at. */
function usageOf(command: CdbName): Buffer {
  const { opcode, serviceAction, length, fields } = cdbLayouts[command]
  const usage = Buffer.alloc(length)
  for (const { byte, high, width } of Object.values(fields) as BitField[])
    if (width < 8) usage[byte] = (usage[byte] ?? 0) | ((2 ** width - 1) << (high - width + 1))
    else usage.fill(0xff, byte, byte + width / 8)
  usage[0] = opcode
  if (serviceAction !== undefined) usage[1] = (usage[1] ?? 0) | serviceAction
  return usage
}
