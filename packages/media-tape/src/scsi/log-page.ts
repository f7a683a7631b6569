import { answer, malformed } from './malformed.ts'

/** One parameter of a log page. */
export interface LogParameter {
  readonly code: number
  /** The control byte: thresholds, format. */
  readonly control: number
  readonly value: Uint8Array
}

/** What LOG SENSE gives (SPC-5). */
export interface LogPage {
  readonly page: number
  readonly subpage: number
  readonly parameters: readonly LogParameter[]
}

export function buildLogPage({ page, subpage, parameters }: LogPage): Uint8Array {
  const body = Buffer.concat(
    parameters.map(({ code, control, value }) => {
      const head = Buffer.from([0, 0, control, value.length])
      head.writeUInt16BE(code, 0)
      return Buffer.concat([head, value])
    }),
  )
  const head = Buffer.from([(subpage === 0 ? 0 : 0x40) | (page & 0x3f), subpage, 0, 0])
  head.writeUInt16BE(body.length, 2)
  return Buffer.concat([head, body])
}

/** Reads a log page, whole parameters only where the allocation length cut it off. */
export function parseLogPage(bytes: Uint8Array): LogPage {
  const all = answer('LOG SENSE', bytes, 4)
  const [first = 0, second = 0] = all
  const data = all.subarray(4, 4 + all.readUInt16BE(2))
  const parameters: LogParameter[] = []
  for (let at = 0; at + 4 <= data.length;) {
    const length = data[at + 3] ?? 0
    if (at + 4 + length > data.length) break
    parameters.push({
      code: data.readUInt16BE(at),
      control: data[at + 2] ?? 0,
      value: Uint8Array.from(data.subarray(at + 4, at + 4 + length)),
    })
    at += 4 + length
  }
  return { page: first & 0x3f, subpage: (first & 0x40) === 0 ? 0 : second, parameters }
}

/** Page 00h is laid out differently: a list of the pages there are. */
export function buildSupportedLogPages(pages: readonly number[]): Uint8Array {
  const head = Buffer.from([0, 0, 0, 0])
  head.writeUInt16BE(pages.length, 2)
  return Buffer.concat([head, Uint8Array.from(pages)])
}

export function parseSupportedLogPages(bytes: Uint8Array): readonly number[] {
  const data = answer('LOG SENSE, page 00h', bytes, 4)
  if (((data[0] ?? 0) & 0x3f) !== 0) throw malformed('LOG SENSE, page 00h', 'it is another page', bytes)
  return [...data.subarray(4, 4 + data.readUInt16BE(2))]
}
