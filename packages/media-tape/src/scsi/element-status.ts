import { elementType } from './command-codes.ts'
import { type Designator, parseDesignator } from './inquiry.ts'
import { answer, malformed, putText, textOf } from './malformed.ts'

/** What a changer knows of one element (SMC-3, READ ELEMENT STATUS). */
export interface ElementStatus {
  /** One of `elementType`. */
  readonly type: number
  readonly address: number
  readonly full: boolean
  /** The element is in an unusual state, which `asc` and `ascq` tell. @default false */
  readonly exception?: boolean
  readonly asc?: number
  readonly ascq?: number
  /** The robot can reach it. Not of transport elements. @default false */
  readonly accessible?: boolean
  /** A person put the volume there. Import/export elements. @default false */
  readonly byOperator?: boolean
  /** Volumes can be put out and in by it. Import/export elements. @default false */
  readonly exports?: boolean
  readonly imports?: boolean
  /** Where the volume came from; absent when not known. */
  readonly source?: number
  /** The barcode; absent when there is none, or when it was not asked for. */
  readonly barcode?: string
  /** Which drive it is; absent when not told. Drive elements. */
  readonly device?: Designator
}

const descriptorBytes = 12
const volumeTagBytes = 36

/** How status is told: what was asked for. */
export interface ElementStatusForm {
  readonly volumeTags: boolean
  readonly deviceIdentifiers: boolean
}

/** The report of some elements, in their order; a page for each run of one type. */
export function buildElementStatus(elements: readonly ElementStatus[], form: ElementStatusForm): Uint8Array {
  const pages: Buffer[] = []
  for (let at = 0; at < elements.length;) {
    const type = elements[at]?.type
    const end = elements.findIndex((one, index) => index > at && one.type !== type)
    const run = elements.slice(at, end === -1 ? elements.length : end)
    pages.push(buildPage(run, form))
    at += run.length
  }
  const body = Buffer.concat(pages)
  const head = Buffer.alloc(8)
  head.writeUInt16BE(Math.min(0xffff, ...elements.map(({ address }) => address)) & 0xffff, 0)
  head.writeUInt16BE(elements.length, 2)
  head.writeUIntBE(body.length, 5, 3)
  return Buffer.concat([head, body])
}

function buildPage(run: readonly ElementStatus[], form: ElementStatusForm): Buffer {
  const longest = Math.max(0, ...run.map(({ device }) => device?.identifier.length ?? 0))
  const length =
    descriptorBytes + (form.volumeTags ? volumeTagBytes : 0) + (form.deviceIdentifiers ? 4 + longest : 0)
  const bytes = Buffer.alloc(8 + run.length * length)
  bytes[0] = run[0]?.type ?? 0
  bytes[1] = form.volumeTags ? 0x80 : 0
  bytes.writeUInt16BE(length, 2)
  bytes.writeUIntBE(run.length * length, 5, 3)
  for (const [index, one] of run.entries())
    putDescriptor(bytes.subarray(8 + index * length, 8 + (index + 1) * length), one, form)
  return bytes
}

function putDescriptor(into: Buffer, one: ElementStatus, form: ElementStatusForm): void {
  into.writeUInt16BE(one.address, 0)
  into[2] =
    (one.full ? 1 : 0) |
    (one.byOperator === true ? 0x02 : 0) |
    (one.exception === true ? 0x04 : 0) |
    (one.accessible === true ? 0x08 : 0) |
    (one.exports === true ? 0x10 : 0) |
    (one.imports === true ? 0x20 : 0)
  into[4] = one.asc ?? 0
  into[5] = one.ascq ?? 0
  if (one.source !== undefined) {
    into[9] = 0x80
    into.writeUInt16BE(one.source, 10)
  }
  let at = descriptorBytes
  if (form.volumeTags) {
    if (one.barcode !== undefined) putText(into, at, 32, one.barcode)
    at += volumeTagBytes
  }
  if (form.deviceIdentifiers && one.device !== undefined) {
    const { codeSet, association, type, identifier } = one.device
    into.set([codeSet & 15, ((association & 3) << 4) | (type & 15), 0, identifier.length, ...identifier], at)
  }
}

/** What a report told. */
export interface ElementReport {
  readonly elements: readonly ElementStatus[]
  /** Bytes that the whole report has; more than were asked for: ask again with room for them. */
  readonly wholeBytes: number
}

/**
 * Reads a report; descriptors that were cut off before their last field that tells something are left out. Throws
 * `message-invalid` for pages that can't be.
 */
export function parseElementStatus(bytes: Uint8Array, form: ElementStatusForm): ElementReport {
  const what = 'READ ELEMENT STATUS'
  const data = answer(what, bytes, 8)
  const wholeBytes = 8 + data.readUIntBE(5, 3)
  const end = Math.min(data.length, wholeBytes)
  const elements: ElementStatus[] = []
  for (let at = 8; at + 8 <= end;) {
    const [type = 0, tags = 0] = data.subarray(at)
    const length = data.readUInt16BE(at + 2)
    const count = data.readUIntBE(at + 5, 3)
    if (type < elementType.transport || type > elementType.drive)
      throw malformed(what, `elements of type ${type}`, bytes)
    if (length < descriptorBytes) throw malformed(what, `descriptors of ${length} bytes`, bytes)
    const page = data.subarray(at + 8, Math.min(at + 8 + count, end))
    const primary = (tags & 0x80) !== 0
    const leastBytes = descriptorBytes + (primary ? 32 : 0)
    if (length < leastBytes) throw malformed(what, `descriptors of ${length} bytes with barcodes`, bytes)
    for (let one = 0; one + leastBytes <= page.length; one += length)
      elements.push(
        parseDescriptor(type, page.subarray(one, one + length), primary, (tags & 0x40) !== 0, form),
      )
    at += 8 + count
  }
  return { elements, wholeBytes }
}

function parseDescriptor(
  type: number,
  data: Buffer,
  primary: boolean,
  alternate: boolean,
  form: ElementStatusForm,
): ElementStatus {
  const flags = data[2] ?? 0
  const barcode = primary ? textOf(data.subarray(descriptorBytes, descriptorBytes + 32)) : ''
  const after = descriptorBytes + (primary ? volumeTagBytes : 0) + (alternate ? volumeTagBytes : 0)
  const device = form.deviceIdentifiers ? parseDesignator(data.subarray(after)) : undefined
  const exception = (flags & 0x04) !== 0
  return {
    type,
    address: data.readUInt16BE(0),
    full: (flags & 0x01) !== 0,
    ...(exception ? { exception, asc: data[4] ?? 0, ascq: data[5] ?? 0 } : {}),
    ...(type !== elementType.transport && (flags & 0x08) !== 0 ? { accessible: true } : {}),
    ...(type === elementType.importExport ? importExportFlags(flags) : {}),
    ...(((data[9] ?? 0) & 0x80) !== 0 ? { source: data.readUInt16BE(10) } : {}),
    ...(barcode === '' ? {} : { barcode }),
    ...(device === undefined || device.identifier.length === 0 ? {} : { device }),
  }
}

function importExportFlags(flags: number): Partial<ElementStatus> {
  return {
    ...((flags & 0x02) !== 0 ? { byOperator: true } : {}),
    ...((flags & 0x10) !== 0 ? { exports: true } : {}),
    ...((flags & 0x20) !== 0 ? { imports: true } : {}),
  }
}
