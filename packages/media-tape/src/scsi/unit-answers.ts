import { answer, malformed } from './malformed.ts'

/** REPORT LUNS data: numbers below 256 in peripheral addressing, below 16384 in flat addressing (SAM-5, LUN structures). */
export function buildLuns(luns: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(8 + luns.length * 8)
  bytes.writeUInt32BE(luns.length * 8, 0)
  for (const [index, lun] of luns.entries())
    bytes.writeUInt16BE(lun < 256 ? lun : 0x4000 | lun, 8 + index * 8)
  return bytes
}

/** Units in other addressing than those two are left out: they lie behind further devices. */
export function parseLuns(bytes: Uint8Array): readonly number[] {
  const all = answer('REPORT LUNS', bytes, 8)
  const data = all.subarray(8, 8 + all.readUInt32BE(0))
  const luns: number[] = []
  for (let at = 0; at + 8 <= data.length; at += 8) {
    const first = data.readUInt16BE(at)
    const method = first >> 14
    if ((method === 0 && first < 256) || method === 1) luns.push(first & 0x3fff)
  }
  return luns
}

/** One command that a unit supports (SPC-5, REPORT SUPPORTED OPERATION CODES). */
export interface SupportedOpcode {
  readonly opcode: number
  /** Present where the opcode has several. */
  readonly serviceAction?: number
  readonly cdbBytes: number
}

export function buildSupportedOpcodes(commands: readonly SupportedOpcode[]): Uint8Array {
  const bytes = Buffer.alloc(4 + commands.length * 8)
  bytes.writeUInt32BE(commands.length * 8, 0)
  for (const [index, { opcode, serviceAction, cdbBytes }] of commands.entries()) {
    const at = 4 + index * 8
    bytes[at] = opcode
    if (serviceAction !== undefined) {
      bytes.writeUInt16BE(serviceAction, at + 2)
      bytes[at + 5] = 1
    }
    bytes.writeUInt16BE(cdbBytes, at + 6)
  }
  return bytes
}

/** All commands. `wholeBytes`: how long the whole answer is. */
export function parseSupportedOpcodes(bytes: Uint8Array): {
  readonly commands: readonly SupportedOpcode[]
  readonly wholeBytes: number
} {
  const all = answer('REPORT SUPPORTED OPERATION CODES', bytes, 4)
  const wholeBytes = 4 + all.readUInt32BE(0)
  const data = all.subarray(4, wholeBytes)
  const commands: SupportedOpcode[] = []
  for (let at = 0; at + 8 <= data.length;) {
    const flags = data[at + 5] ?? 0
    commands.push({
      opcode: data[at] ?? 0,
      ...((flags & 1) !== 0 ? { serviceAction: data.readUInt16BE(at + 2) } : {}),
      cdbBytes: data.readUInt16BE(at + 6),
    })
    // CTDP: times follow.
    at += (flags & 2) !== 0 ? 20 : 8
  }
  return { commands, wholeBytes }
}

/** What was answered about one command. */
export interface OpcodeSupport {
  /** `unknown`: the unit doesn't tell now. `vendor`: supported in a way of its own. */
  readonly support: 'unknown' | 'no' | 'yes' | 'vendor'
  /** CDB usage data: which bits are looked at. */
  readonly usage: Uint8Array
}

const supports = { unknown: 0, no: 1, yes: 3, vendor: 5 } as const

export function buildOpcodeSupport({ support, usage }: OpcodeSupport): Uint8Array {
  const head = Buffer.from([0, supports[support], 0, 0])
  head.writeUInt16BE(usage.length, 2)
  return Buffer.concat([head, usage])
}

export function parseOpcodeSupport(bytes: Uint8Array): OpcodeSupport {
  const data = answer('REPORT SUPPORTED OPERATION CODES', bytes, 2)
  const value = (data[1] ?? 0) & 7
  const support = (Object.keys(supports) as (keyof typeof supports)[]).find((one) => supports[one] === value)
  if (support === undefined) throw malformed('REPORT SUPPORTED OPERATION CODES', `support ${value}`, bytes)
  const length = data.length >= 4 ? data.readUInt16BE(2) : 0
  return { support, usage: Uint8Array.from(data.subarray(4, 4 + length)) }
}

/** PERSISTENT RESERVE IN, READ KEYS (SPC-5). */
export interface ReservationKeys {
  /** Changes with each registration. */
  readonly generation: number
  readonly keys: readonly bigint[]
}

export function buildReservationKeys({ generation, keys }: ReservationKeys): Uint8Array {
  const bytes = Buffer.alloc(8 + keys.length * 8)
  bytes.writeUInt32BE(generation, 0)
  bytes.writeUInt32BE(keys.length * 8, 4)
  for (const [index, key] of keys.entries()) bytes.writeBigUInt64BE(key, 8 + index * 8)
  return bytes
}

export function parseReservationKeys(bytes: Uint8Array): ReservationKeys {
  const all = answer('PERSISTENT RESERVE IN', bytes, 8)
  const data = all.subarray(8, 8 + all.readUInt32BE(4))
  const keys = Array.from({ length: Math.floor(data.length / 8) }, (_, at) => data.readBigUInt64BE(at * 8))
  return { generation: all.readUInt32BE(0), keys }
}

/** PERSISTENT RESERVE IN, READ RESERVATION (SPC-5). */
export interface Reservation {
  readonly generation: number
  /** Absent when nobody holds one. */
  readonly holder?: { readonly key: bigint; readonly scope: number; readonly type: number }
}

export function buildReservation({ generation, holder }: Reservation): Uint8Array {
  const bytes = Buffer.alloc(holder === undefined ? 8 : 24)
  bytes.writeUInt32BE(generation, 0)
  if (holder === undefined) return bytes
  bytes.writeUInt32BE(16, 4)
  bytes.writeBigUInt64BE(holder.key, 8)
  bytes[21] = (holder.scope << 4) | (holder.type & 15)
  return bytes
}

export function parseReservation(bytes: Uint8Array): Reservation {
  const data = answer('PERSISTENT RESERVE IN', bytes, 8)
  const generation = data.readUInt32BE(0)
  if (data.readUInt32BE(4) < 16) return { generation }
  if (data.length < 22) throw malformed('PERSISTENT RESERVE IN', `${data.length} bytes of 24`, bytes)
  const kind = data[21] ?? 0
  return { generation, holder: { key: data.readBigUInt64BE(8), scope: kind >> 4, type: kind & 15 } }
}

/** Parameters of PERSISTENT RESERVE OUT (SPC-5). */
export interface ReservationChange {
  /** Ours as registered now; 0 when not registered. */
  readonly key: bigint
  /** The one to register, or whose holder to preempt. */
  readonly serviceActionKey: bigint
  /** Registrations outlive a loss of power. */
  readonly throughPowerLoss: boolean
}

export const reservationChangeBytes = 24

export function buildReservationChange(change: ReservationChange): Uint8Array {
  const bytes = Buffer.alloc(reservationChangeBytes)
  bytes.writeBigUInt64BE(change.key, 0)
  bytes.writeBigUInt64BE(change.serviceActionKey, 8)
  bytes[20] = change.throughPowerLoss ? 1 : 0
  return bytes
}

export function parseReservationChange(bytes: Uint8Array): ReservationChange {
  const data = answer('PERSISTENT RESERVE OUT', bytes, reservationChangeBytes)
  return {
    key: data.readBigUInt64BE(0),
    serviceActionKey: data.readBigUInt64BE(8),
    throughPowerLoss: ((data[20] ?? 0) & 1) !== 0,
  }
}
