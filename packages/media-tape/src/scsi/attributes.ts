import { answer, malformed, textOf } from './malformed.ts'

/** One attribute in the memory of a cartridge (SPC-5, medium auxiliary memory). */
export interface MediumAttribute {
  readonly id: number
  readonly readOnly: boolean
  readonly format: 'binary' | 'ascii' | 'text'
  readonly value: Uint8Array
}

/** Numbers of attributes that we use. */
export const attribute = {
  /** Of the partition; units of 2^20 bytes. */
  remainingCapacity: 0x0000,
  maximumCapacity: 0x0001,
  tapeAlertFlags: 0x0002,
  loadCount: 0x0003,
  memoryRemaining: 0x0004,
  formattedDensity: 0x0006,
  initializationCount: 0x0007,
  volumeIdentifier: 0x0008,
  volumeChangeReference: 0x0009,
  writtenInLife: 0x0220,
  readInLife: 0x0221,
  manufacturer: 0x0400,
  serialNumber: 0x0401,
  mediumLength: 0x0402,
  mediumWidth: 0x0403,
  mediumDensity: 0x0405,
  manufactureDate: 0x0406,
  /** 00h data, 01h cleaning, 80h write once. */
  mediumType: 0x0408,
  applicationVendor: 0x0800,
  applicationName: 0x0801,
  applicationVersion: 0x0802,
  userLabel: 0x0803,
  lastWritten: 0x0804,
  barcode: 0x0806,
  owningHost: 0x0807,
  mediaPool: 0x0808,
} as const

const formats = ['binary', 'ascii', 'text'] as const

/** What READ ATTRIBUTE gives (service action 0) and WRITE ATTRIBUTE takes; both have this layout. */
export function buildAttributes(attributes: readonly MediumAttribute[]): Uint8Array {
  const body = Buffer.concat(
    attributes.map(({ id, readOnly, format, value }) => {
      const head = Buffer.alloc(5)
      head.writeUInt16BE(id, 0)
      head[2] = (readOnly ? 0x80 : 0) | formats.indexOf(format)
      head.writeUInt16BE(value.length, 3)
      return Buffer.concat([head, value])
    }),
  )
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length, 0)
  return Buffer.concat([head, body])
}

/** Whole attributes only, where the allocation length cut one off. */
export function parseAttributes(bytes: Uint8Array): readonly MediumAttribute[] {
  const all = answer('READ ATTRIBUTE', bytes, 4)
  const data = all.subarray(4, 4 + all.readUInt32BE(0))
  const attributes: MediumAttribute[] = []
  for (let at = 0; at + 5 <= data.length;) {
    const flags = data[at + 2] ?? 0
    const format = formats[flags & 3]
    const length = data.readUInt16BE(at + 3)
    if (format === undefined) throw malformed('READ ATTRIBUTE', 'a format that is reserved', bytes)
    if (at + 5 + length > data.length) break
    attributes.push({
      id: data.readUInt16BE(at),
      readOnly: (flags & 0x80) !== 0,
      format,
      value: Uint8Array.from(data.subarray(at + 5, at + 5 + length)),
    })
    at += 5 + length
  }
  return attributes
}

/** The list of attributes that there are (service action 1). */
export function buildAttributeList(ids: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(4 + ids.length * 2)
  bytes.writeUInt32BE(ids.length * 2, 0)
  for (const [index, id] of ids.entries()) bytes.writeUInt16BE(id, 4 + index * 2)
  return bytes
}

export function parseAttributeList(bytes: Uint8Array): readonly number[] {
  const all = answer('READ ATTRIBUTE', bytes, 4)
  const data = all.subarray(4, 4 + all.readUInt32BE(0))
  return Array.from({ length: Math.floor(data.length / 2) }, (_, index) => data.readUInt16BE(index * 2))
}

/** An attribute of text, without the blanks that fill it up. */
export function attributeText({ format, value }: MediumAttribute): string {
  const data = Buffer.from(value)
  return format === 'text' ? data.toString('utf8').replace(/[ \0]+$/, '') : textOf(data)
}

/** An attribute that is a whole number. */
export function attributeNumber(one: MediumAttribute): number {
  const { id, value } = one
  const number = value.reduce((sum, byte) => sum * 256 + byte, 0)
  if (value.length > 0 && value.length <= 8 && Number.isSafeInteger(number)) return number
  throw malformed('READ ATTRIBUTE', `attribute ${id.toString(16).padStart(4, '0')}h is no number`, value)
}
