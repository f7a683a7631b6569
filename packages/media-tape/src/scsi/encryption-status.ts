import { encryptionPageIn } from './command-codes.ts'
import { dataOf, pageOf } from './encryption-capabilities.ts'
import { buildKeyData, type KeyAssociatedData, parseKeyData } from './key-associated-data.ts'

/** What is set for the initiator that asks (SSC-5, data encryption status page). A key is never told. */
export interface DataEncryptionStatus {
  /** For whom the parameters are that this initiator has; see `encryptionScope`. */
  readonly scope: number
  /** For whom the key is that is used. */
  readonly keyScope: number
  /** See `encryptionMode`. */
  readonly encryption: number
  /** See `decryptionMode`. */
  readonly decryption: number
  readonly algorithm: number
  /** Counts the changes of keys. */
  readonly keyInstance: number
  readonly keyData: readonly KeyAssociatedData[]
}

const statusHeadBytes = 24

export function buildEncryptionStatus(status: DataEncryptionStatus): Uint8Array {
  const keyData = buildKeyData(status.keyData)
  const head = pageOf(encryptionPageIn.status, statusHeadBytes - 4)
  head.writeUInt16BE(statusHeadBytes - 4 + keyData.length, 2)
  head[4] = (status.scope << 5) | status.keyScope
  head.set([status.encryption, status.decryption, status.algorithm], 5)
  head.writeUInt32BE(status.keyInstance, 8)
  return Buffer.concat([head, keyData])
}

export function parseEncryptionStatus(bytes: Uint8Array): DataEncryptionStatus {
  const what = 'SECURITY PROTOCOL IN, data encryption status'
  const data = dataOf(what, bytes, encryptionPageIn.status, statusHeadBytes)
  const [, , , , scopes = 0, encryption = 0, decryption = 0, algorithm = 0] = data
  return {
    scope: scopes >> 5,
    keyScope: scopes & 7,
    encryption,
    decryption,
    algorithm,
    keyInstance: data.readUInt32BE(8),
    keyData: parseKeyData(data.subarray(statusHeadBytes)),
  }
}

/** What is known of the object at the position (SSC-5, next block encryption status page). */
export interface NextBlockStatus {
  /** `undefined` where its number is beyond what a JavaScript number holds. */
  readonly object: number | undefined
  /** See `blockEncryption`. */
  readonly encryption: number
  readonly algorithm: number
  readonly keyData: readonly KeyAssociatedData[]
}

const nextHeadBytes = 16

export function buildNextBlock({ object = 0, encryption, algorithm, keyData }: NextBlockStatus): Uint8Array {
  const descriptors = buildKeyData(keyData)
  const head = pageOf(encryptionPageIn.nextBlock, nextHeadBytes - 4)
  head.writeUInt16BE(nextHeadBytes - 4 + descriptors.length, 2)
  head.writeBigUInt64BE(BigInt(object), 4)
  head[12] = encryption
  head[13] = algorithm
  return Buffer.concat([head, descriptors])
}

export function parseNextBlock(bytes: Uint8Array): NextBlockStatus {
  const what = 'SECURITY PROTOCOL IN, next block encryption status'
  const data = dataOf(what, bytes, encryptionPageIn.nextBlock, nextHeadBytes)
  const object = Number(data.readBigUInt64BE(4))
  return {
    object: Number.isSafeInteger(object) ? object : undefined,
    encryption: data.readUInt8(12) & 15,
    algorithm: data.readUInt8(13),
    keyData: parseKeyData(data.subarray(nextHeadBytes)),
  }
}
