import { encryptionPageIn } from './command-codes.ts'
import { answer, malformed } from './malformed.ts'

/** An algorithm by which a drive can encrypt (SSC-5, data encryption capabilities page). */
export interface AlgorithmDescriptor {
  /** By which number the drive is told to use it. */
  readonly index: number
  /** Security algorithm code (SPC-5); see `aesGcm`. */
  readonly code: number
  readonly keyBytes: number
  /** The drive itself encrypts, by its hardware or its software, at the host's word. */
  readonly encrypts: boolean
  /** The same of decrypting. */
  readonly decrypts: boolean
  /** It tells blocks that are encrypted from those that are not. */
  readonly distinguishes: boolean
  /** The most bytes of unauthenticated key-associated data. */
  readonly mostLabelBytes: number
  /** It has to have exactly so many. */
  readonly labelIsFixed: boolean
  /** The most bytes of authenticated key-associated data. */
  readonly mostAuthenticatedBytes: number
}

const what = 'SECURITY PROTOCOL IN, data encryption capabilities'
const headBytes = 20
/** Without the four bytes before its length counts. */
const descriptorBytes = 20
/** ENCRYPT_C and DECRYPT_C: 1 by software, 2 by hardware; 3 is under somebody else's control. */
const isOwn = (capability: number): boolean => capability === 1 || capability === 2

export function buildCapabilities(algorithms: readonly AlgorithmDescriptor[]): Uint8Array {
  const bytes = pageOf(encryptionPageIn.capabilities, 16 + algorithms.length * (4 + descriptorBytes))
  for (const [number, one] of algorithms.entries()) {
    const at = headBytes + number * (4 + descriptorBytes)
    bytes[at] = one.index
    bytes.writeUInt16BE(descriptorBytes, at + 2)
    bytes[at + 4] = (one.distinguishes ? 0x10 : 0) | (one.decrypts ? 0x08 : 0) | (one.encrypts ? 0x02 : 0)
    bytes[at + 5] = one.labelIsFixed ? 0x02 : 0
    bytes.writeUInt16BE(one.mostLabelBytes, at + 6)
    bytes.writeUInt16BE(one.mostAuthenticatedBytes, at + 8)
    bytes.writeUInt16BE(one.keyBytes, at + 10)
    bytes.writeUInt32BE(one.code, at + 20)
  }
  return bytes
}

/** Whole descriptors only, where the allocation length cut one off. */
export function parseCapabilities(bytes: Uint8Array): readonly AlgorithmDescriptor[] {
  const data = dataOf(what, bytes, encryptionPageIn.capabilities, headBytes)
  const algorithms: AlgorithmDescriptor[] = []
  for (let at = headBytes; at + 4 <= data.length;) {
    const length = data.readUInt16BE(at + 2)
    if (length < descriptorBytes) throw malformed(what, `a descriptor of ${length} bytes`, bytes)
    if (at + 4 + length > data.length) break
    const [, , , , can = 0, has = 0] = data.subarray(at)
    algorithms.push({
      index: data.readUInt8(at),
      code: data.readUInt32BE(at + 20),
      keyBytes: data.readUInt16BE(at + 10),
      encrypts: isOwn(can & 3),
      decrypts: isOwn((can >> 2) & 3),
      distinguishes: (can & 0x10) !== 0,
      mostLabelBytes: data.readUInt16BE(at + 6),
      labelIsFixed: (has & 0x02) !== 0,
      mostAuthenticatedBytes: data.readUInt16BE(at + 8),
    })
    at += 4 + length
  }
  return algorithms
}

/** In which forms a drive takes keys (SSC-5, supported key formats page): 0 as it is. */
export function buildKeyFormats(formats: readonly number[]): Uint8Array {
  const bytes = pageOf(encryptionPageIn.keyFormats, formats.length)
  bytes.set(formats, 4)
  return bytes
}

export function parseKeyFormats(bytes: Uint8Array): readonly number[] {
  return [...dataOf('SECURITY PROTOCOL IN, key formats', bytes, encryptionPageIn.keyFormats, 4).subarray(4)]
}

/** Which pages of the protocol there are (SSC-5, tape data encryption in and out support pages). */
export function buildPageList(page: number, pages: readonly number[]): Uint8Array {
  const bytes = pageOf(page, pages.length * 2)
  for (const [index, one] of pages.entries()) bytes.writeUInt16BE(one, 4 + index * 2)
  return bytes
}

export function parsePageList(page: number, bytes: Uint8Array): readonly number[] {
  const data = dataOf('SECURITY PROTOCOL IN, supported pages', bytes, page, 4).subarray(4)
  return Array.from({ length: Math.floor(data.length / 2) }, (_, index) => data.readUInt16BE(index * 2))
}

/** Which security protocols a unit has (SPC-5, security protocol information). */
export function buildProtocols(protocols: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(8 + protocols.length)
  bytes.writeUInt16BE(protocols.length, 6)
  bytes.set(protocols, 8)
  return bytes
}

export function parseProtocols(bytes: Uint8Array): readonly number[] {
  const all = answer('SECURITY PROTOCOL IN, protocols', bytes, 8)
  return [...all.subarray(8, 8 + all.readUInt16BE(6))]
}

/** A page of zeros with its head: its code, and the length of what comes behind that. */
export function pageOf(page: number, length: number): Buffer {
  const bytes = Buffer.alloc(4 + length)
  bytes.writeUInt16BE(page, 0)
  bytes.writeUInt16BE(length, 2)
  return bytes
}

/** The page with its head, without what stands behind its length. Throws `message-invalid` for another page, or one that is too short. */
export function dataOf(name: string, bytes: Uint8Array, page: number, leastBytes: number): Buffer {
  const all = answer(name, bytes, leastBytes)
  const found = all.readUInt16BE(0)
  if (found !== page) throw malformed(name, `page ${found.toString(16)}h`, bytes)
  const data = all.subarray(0, 4 + all.readUInt16BE(2))
  if (data.length < leastBytes) throw malformed(name, `${data.length} bytes of at least ${leastBytes}`, bytes)
  return data
}
