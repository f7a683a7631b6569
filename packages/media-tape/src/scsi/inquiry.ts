import { answer, malformed, putText, textOf } from './malformed.ts'

/** Standard INQUIRY data (SPC-5), as far as we use them. */
export interface InquiryData {
  /** 0 a unit is there; else none is, or none can be. */
  readonly qualifier: number
  /** One of `deviceType`. */
  readonly deviceType: number
  readonly removable: boolean
  /** VERSION: 6 is SPC-4, 7 SPC-5. */
  readonly version: number
  readonly commandQueueing: boolean
  readonly vendor: string
  readonly product: string
  readonly revision: string
}

export const inquiryBytes = 36

export function buildInquiry(data: InquiryData): Uint8Array {
  const bytes = Buffer.alloc(inquiryBytes)
  bytes[0] = (data.qualifier << 5) | data.deviceType
  bytes[1] = data.removable ? 0x80 : 0
  bytes[2] = data.version
  bytes[3] = 0x02 // response data format of SPC-2 and later
  bytes[4] = inquiryBytes - 5
  bytes[7] = data.commandQueueing ? 0x02 : 0
  putText(bytes, 8, 8, data.vendor)
  putText(bytes, 16, 16, data.product)
  putText(bytes, 32, 4, data.revision)
  return bytes
}

export function parseInquiry(bytes: Uint8Array): InquiryData {
  const data = answer('INQUIRY', bytes, 5)
  const [first = 0, second = 0, version = 0] = data
  return {
    qualifier: first >> 5,
    deviceType: first & 0x1f,
    removable: (second & 0x80) !== 0,
    version,
    commandQueueing: ((data[7] ?? 0) & 0x02) !== 0,
    vendor: textOf(data.subarray(8, 16)),
    product: textOf(data.subarray(16, 32)),
    revision: textOf(data.subarray(32, 36)),
  }
}

/** One name of a unit, port or device (page 83h; also in READ ELEMENT STATUS). */
export interface Designator {
  /** 1 binary, 2 ASCII, 3 UTF-8. */
  readonly codeSet: number
  /** 0 the unit, 1 the port, 2 the device. */
  readonly association: number
  /** 0 vendor's own, 1 T10 vendor and text, 2 EUI-64, 3 NAA, 4 port number, 8 SCSI name. */
  readonly type: number
  readonly identifier: Uint8Array
}

/** A vital product data page: what stands after its four bytes of head. */
function buildVital(type: number, page: number, body: Uint8Array): Uint8Array {
  const head = Buffer.from([type, page, 0, 0])
  head.writeUInt16BE(body.length, 2)
  return Buffer.concat([head, body])
}

/** The body of a vital page; throws `message-invalid` when it is another page or cut short. */
function vitalBody(page: number, bytes: Uint8Array): Buffer {
  const what = `INQUIRY, page ${page.toString(16).padStart(2, '0')}h`
  const data = answer(what, bytes, 4)
  if (data[1] !== page) throw malformed(what, `it is page ${(data[1] ?? 0).toString(16)}h`, bytes)
  const length = data.readUInt16BE(2)
  if (data.length < 4 + length) throw malformed(what, `${data.length} bytes of ${4 + length}`, bytes)
  return data.subarray(4, 4 + length)
}

/** Page 00h. */
export function buildSupportedPages(type: number, pages: readonly number[]): Uint8Array {
  return buildVital(type, 0x00, Uint8Array.from(pages))
}
export function parseSupportedPages(bytes: Uint8Array): readonly number[] {
  return [...vitalBody(0x00, bytes)]
}

/** Page 80h. */
export function buildSerialNumber(type: number, serial: string): Uint8Array {
  return buildVital(type, 0x80, Buffer.from(serial, 'latin1'))
}
export function parseSerialNumber(bytes: Uint8Array): string {
  return textOf(vitalBody(0x80, bytes)).trimStart()
}

/** Page 83h. */
export function buildIdentification(type: number, designators: readonly Designator[]): Uint8Array {
  return buildVital(type, 0x83, Buffer.concat(designators.map(buildDesignator)))
}
export function parseIdentification(bytes: Uint8Array): readonly Designator[] {
  const body = vitalBody(0x83, bytes)
  const designators: Designator[] = []
  for (let at = 0; at < body.length;) {
    const designator = parseDesignator(body.subarray(at))
    if (designator === undefined)
      throw malformed('INQUIRY, page 83h', `designator ${designators.length}`, bytes)
    designators.push(designator)
    at += 4 + designator.identifier.length
  }
  return designators
}

export function buildDesignator({ codeSet, association, type, identifier }: Designator): Buffer {
  if (identifier.length > 255)
    throw new RangeError(`an identifier of ${identifier.length} bytes; allowed: 0–255`)
  return Buffer.from([
    codeSet & 15,
    ((association & 3) << 4) | (type & 15),
    0,
    identifier.length,
    ...identifier,
  ])
}

/** The designator that bytes begin with; `undefined` when they are too few. */
export function parseDesignator(bytes: Uint8Array): Designator | undefined {
  const [codeSet = 0, kind = 0, , length] = bytes
  if (length === undefined || bytes.length < 4 + length) return undefined
  return {
    codeSet: codeSet & 15,
    association: (kind >> 4) & 3,
    type: kind & 15,
    identifier: Uint8Array.from(bytes.subarray(4, 4 + length)),
  }
}

/** A designator as text: its characters where it is text, else hexadecimal. */
export function describeDesignator({ codeSet, identifier }: Designator): string {
  const data = Buffer.from(identifier)
  return codeSet === 1 ? data.toString('hex') : textOf(data).trimStart()
}
