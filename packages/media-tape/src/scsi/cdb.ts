import { type BitField, getField, setField } from './bit-field.ts'
import type { Cdb, CdbFields, CdbName, CommandSet } from './cdb-fields.ts'
import { type CdbLayout, cdbLayouts } from './cdb-layouts.ts'

type AnyLayout = CdbLayout<Record<string, boolean | number>>
const layouts = Object.entries(cdbLayouts) as unknown as readonly (readonly [CdbName, AnyLayout])[]

/** The bytes of a command. Fields that are not given are zero. Throws `RangeError` for a number that doesn't fit its field. */
export function buildCdb<Name extends CdbName>(
  command: Name,
  fields: Partial<CdbFields[Name]> = {},
): Uint8Array {
  const layout = cdbLayouts[command] as unknown as AnyLayout
  const cdb = Buffer.alloc(layout.length)
  cdb[0] = layout.opcode
  if (layout.serviceAction !== undefined) cdb[1] = layout.serviceAction
  for (const [name, value] of Object.entries(fields as Record<string, boolean | number | undefined>)) {
    const field = layout.fields[name]
    if (field === undefined) throw new TypeError(`${command} has no field ${name}`)
    setField(cdb, field, Number(value ?? 0))
  }
  return cdb
}

/** What bytes that should be a command are instead; a unit answers with 5/20/00 and 5/24/00. */
export type NotACdb =
  | { readonly command: 'unknown-opcode'; readonly opcode: number }
  /** The field at `byte` holds what is not allowed there. */
  | { readonly command: 'invalid-field'; readonly opcode: number; readonly byte: number }

/** The command of some bytes, as a unit of that command set understands it. Reserved bits and the control byte are not looked at. */
export function parseCdb(cdb: Uint8Array, set: CommandSet): Cdb | NotACdb {
  const [opcode = -1, second = 0] = cdb
  const ofOpcode = layouts.filter(([, layout]) => layout.opcode === opcode && layout.sets.includes(set))
  if (ofOpcode.length === 0) return { command: 'unknown-opcode', opcode }
  const found = ofOpcode.find(
    ([, { serviceAction }]) => serviceAction === undefined || serviceAction === (second & 0x1f),
  )
  if (found === undefined) return { command: 'invalid-field', opcode, byte: 1 }
  const [command, layout] = found
  if (cdb.length < layout.length) return { command: 'invalid-field', opcode, byte: cdb.length }
  const fields: Record<string, boolean | number> = {}
  for (const [name, field] of Object.entries(layout.fields)) {
    const value = getField(cdb, field)
    if (value === undefined) return { command: 'invalid-field', opcode, byte: field.byte }
    fields[name] = field.flag ? value === 1 : value
  }
  return { command, ...fields } as unknown as Cdb
}

/** Byte and highest bit of a field: what the sense data of 5/24/00 point at (SPC-5). */
export function cdbFieldAt<Name extends CdbName>(command: Name, field: keyof CdbFields[Name]): BitField {
  return cdbLayouts[command].fields[field]
}

/** A command's opcode and, where bits 4–0 of byte 1 tell it, its service action. */
export function opcodeOf(command: CdbName): { readonly opcode: number; readonly serviceAction?: number } {
  const { opcode, serviceAction } = cdbLayouts[command]
  return { opcode, ...(serviceAction === undefined ? {} : { serviceAction }) }
}

/** The name of a CDB's command, for people; its opcode where it is none of ours. */
export function describeCdb(cdb: Uint8Array, set: CommandSet): string {
  const parsed = parseCdb(cdb, set)
  if (parsed.command !== 'unknown-opcode' && parsed.command !== 'invalid-field')
    return parsed.command.toUpperCase().replaceAll('-', ' ')
  return `command ${parsed.opcode.toString(16).toUpperCase().padStart(2, '0')}h`
}

/** All commands of a set. */
export function commandsOf(set: CommandSet): readonly CdbName[] {
  return layouts.filter(([, { sets }]) => sets.includes(set)).map(([name]) => name)
}
