// The target's side of the wire, written by offsets from RFC 7143, 11, and apart from the code under test.
import { crc32c } from '@node-rs/crc32'

/** A request as a target reads it. */
export interface SeenRequest {
  readonly opcode: number
  readonly immediate: boolean
  readonly flags: number
  readonly unit: number
  readonly taskTag: number
  readonly transferTag: number
  readonly commandNumber: number
  readonly expectedStatusNumber: number
  readonly header: Buffer
  readonly data: Buffer
}

export function seeRequest(header: Buffer, data: Buffer): SeenRequest {
  return {
    opcode: header.readUInt8(0) & 0x3f,
    immediate: (header.readUInt8(0) & 0x40) !== 0,
    flags: header.readUInt8(1),
    unit: header.readUInt16BE(8) & 0x3fff,
    taskTag: header.readUInt32BE(16),
    transferTag: header.readUInt32BE(20),
    commandNumber: header.readUInt32BE(24),
    expectedStatusNumber: header.readUInt32BE(28),
    header,
    data,
  }
}

/** A response: opcode, flags, and fields as `[offset, bytes, value]`. */
export type Field = readonly [offset: number, bytes: 1 | 2 | 4, value: number]

export function responseHeader(
  opcode: number,
  flags: number,
  dataBytes: number,
  fields: readonly Field[],
): Buffer {
  const header = Buffer.alloc(48)
  header[0] = opcode
  header[1] = flags
  header.writeUIntBE(dataBytes, 5, 3)
  for (const [offset, bytes, value] of fields) header.writeUIntBE(value, offset, bytes)
  return header
}

export interface Digests {
  readonly header: boolean
  readonly data: boolean
}

/** A PDU as it goes over the wire. */
export function wire(header: Buffer, data: Buffer, digests: Digests): Buffer {
  const digest = (bytes: Buffer): Buffer => {
    const crc = Buffer.alloc(4)
    crc.writeUInt32LE(crc32c(bytes))
    return crc
  }
  const padded = Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)])
  return Buffer.concat([
    header,
    ...(digests.header ? [digest(header)] : []),
    padded,
    ...(digests.data && data.length > 0 ? [digest(padded)] : []),
  ])
}

/** The PDUs at the start of what has been read, and what is left. Throws for a digest that is wrong. */
export function unwire(
  bytes: Buffer,
  digests: Digests,
): { readonly request: SeenRequest; readonly rest: Buffer } | undefined {
  if (bytes.length < 48) return undefined
  const headerEnd = 48 + (digests.header ? 4 : 0)
  const dataBytes = bytes.readUIntBE(5, 3)
  const padded = dataBytes + ((4 - (dataBytes % 4)) % 4)
  const end = headerEnd + padded + (digests.data && dataBytes > 0 ? 4 : 0)
  if (bytes.length < end) return undefined
  const header = Buffer.from(bytes.subarray(0, 48))
  if (digests.header && bytes.readUInt32LE(48) !== crc32c(header)) throw new Error('header digest')
  const data = bytes.subarray(headerEnd, headerEnd + padded)
  if (digests.data && dataBytes > 0 && bytes.readUInt32LE(headerEnd + padded) !== crc32c(data))
    throw new Error('data digest')
  return {
    request: seeRequest(header, Buffer.from(data.subarray(0, dataBytes))),
    rest: bytes.subarray(end),
  }
}
