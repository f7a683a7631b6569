import { encryptionPageOut } from './command-codes.ts'
import { buildKeyData, type KeyAssociatedData, parseKeyData } from './key-associated-data.ts'
import { pageOf } from './encryption-capabilities.ts'

/** What a drive is told (SSC-5, set data encryption page). */
export interface SetEncryption {
  /** See `encryptionScope`. */
  readonly scope: number
  /** CKOD: the key goes with the volume. */
  readonly clearOnDemount: boolean
  /** See `encryptionMode`. */
  readonly encryption: number
  /** See `decryptionMode`. */
  readonly decryption: number
  readonly algorithm: number
  /** As it is (key format 0); of no length where both modes are disabled. */
  readonly key: Uint8Array
  readonly keyData: readonly KeyAssociatedData[]
}

const headBytes = 20

/** The page holds the key: whoever sends it fills it with zeros afterwards. */
export function buildSetEncryption(set: SetEncryption): Buffer {
  const keyData = buildKeyData(set.keyData)
  const page = pageOf(encryptionPageOut.set, headBytes - 4 + set.key.length + keyData.length)
  page[4] = set.scope << 5
  page[5] = set.clearOnDemount ? 0x04 : 0
  page.set([set.encryption, set.decryption, set.algorithm], 6)
  page.writeUInt16BE(set.key.length, 18)
  page.set(set.key, headBytes)
  page.set(keyData, headBytes + set.key.length)
  return page
}

/** The first byte of a page that is not as it has to be. Nothing else of it is told: it may hold a key. */
export interface NotASetting {
  readonly invalidByte: number
}

/** Reads the page as a drive does; LOCK, external control, raw reads and keys in other forms are not taken. */
export function parseSetEncryption(bytes: Uint8Array): SetEncryption | NotASetting {
  const page = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (page.length < headBytes) return { invalidByte: page.length }
  if (page.readUInt16BE(0) !== encryptionPageOut.set) return { invalidByte: 0 }
  if (page.readUInt16BE(2) !== page.length - 4) return { invalidByte: 2 }
  const [, , , , scope = 0, flags = 0, encryption = 0, decryption = 0, algorithm = 0, format = 0] = page
  if ((scope & 0x1f) !== 0) return { invalidByte: 4 }
  // CEEM, RDMC, SDK, CKORP, CKORL.
  if ((flags & ~0x04) !== 0) return { invalidByte: 5 }
  if (format !== 0) return { invalidByte: 9 }
  const keyEnd = headBytes + page.readUInt16BE(18)
  if (keyEnd > page.length) return { invalidByte: 18 }
  return {
    scope: scope >> 5,
    clearOnDemount: (flags & 0x04) !== 0,
    encryption,
    decryption,
    algorithm,
    key: Uint8Array.from(page.subarray(headBytes, keyEnd)),
    keyData: parseKeyData(page.subarray(keyEnd)),
  }
}
