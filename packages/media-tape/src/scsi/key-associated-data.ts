import { textOf } from './malformed.ts'

const types = ['unauthenticated', 'authenticated', 'nonce', 'metadata'] as const

/** One descriptor of what stands beside a key, on the tape with each block (SSC-5, key-associated data). */
export interface KeyAssociatedData {
  readonly type: (typeof types)[number]
  /** What is known of its being genuine: 1 not checked, 2 checked and not genuine, 3 genuine. @default 0 */
  readonly authenticated?: number
  readonly data: Uint8Array
}

/** The descriptors, one after the other. */
export function buildKeyData(list: readonly KeyAssociatedData[]): Buffer {
  return Buffer.concat(
    list.map(({ type, authenticated = 0, data }) => {
      const head = Buffer.from([types.indexOf(type), authenticated, 0, 0])
      head.writeUInt16BE(data.length, 2)
      return Buffer.concat([head, data])
    }),
  )
}

/** Whole descriptors of the types that there are; one that is cut off, or of another type, is left out. */
export function parseKeyData(bytes: Buffer): readonly KeyAssociatedData[] {
  const list: KeyAssociatedData[] = []
  for (let at = 0; at + 4 <= bytes.length;) {
    const end = at + 4 + bytes.readUInt16BE(at + 2)
    if (end > bytes.length) break
    const type = types[bytes.readUInt8(at)]
    const authenticated = bytes.readUInt8(at + 1) & 7
    if (type !== undefined)
      list.push({
        type,
        ...(authenticated === 0 ? {} : { authenticated }),
        data: Uint8Array.from(bytes.subarray(at + 4, end)),
      })
    at = end
  }
  return list
}

/** The label that we give to keys, as their unauthenticated data. */
export function labelData(label: string, wholeBytes: number = label.length): KeyAssociatedData {
  return { type: 'unauthenticated', data: Buffer.from(label.padEnd(wholeBytes), 'latin1') }
}

/** The label of a key; of one that others have set and that is no text its bytes in hexadecimal; `undefined` where there is none. */
export function labelOf(list: readonly KeyAssociatedData[]): string | undefined {
  const found = list.find(({ type }) => type === 'unauthenticated')
  if (found === undefined || found.data.length === 0) return undefined
  const data = Buffer.from(found.data)
  const text = textOf(data)
  return /^[\x20-\x7e]+$/.test(text) ? text : data.toString('hex')
}
