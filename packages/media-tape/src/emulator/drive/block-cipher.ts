import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'

/*
 * An encrypted block as it is recorded:
 *
 * | offset | bytes | |
 * |---|---|---|
 * | 0 | 2 | length of the key-associated data, big endian |
 * | 2 | length | descriptors of the key-associated data (SSC-5), in clear, but authenticated |
 * | … | 8 | by which the key is known again: the beginning of an HMAC-SHA-256 of a fixed text |
 * | … | 12 | nonce |
 * | … | 16 | tag |
 * | … | rest | the block, by AES-256-GCM |
 */
const checkBytes = 8
const nonceBytes = 12
const tagBytes = 16

/** Length of the keys. */
export const cipherKeyBytes = 32

/** The parts of a recorded block. */
interface SealedBlock {
  readonly keyData: Buffer
  readonly check: Buffer
  readonly nonce: Buffer
  readonly tag: Buffer
  readonly sealed: Buffer
}

/** A block as it is recorded. */
export function sealBlock(key: Uint8Array, keyData: Uint8Array, block: Uint8Array): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(keyData)
  const sealed = Buffer.concat([cipher.update(block), cipher.final()])
  const length = Buffer.alloc(2)
  length.writeUInt16BE(keyData.length)
  return Buffer.concat([length, keyData, checkOf(key), nonce, cipher.getAuthTag(), sealed])
}

/** What stands in clear beside a recorded block, and whether it's encrypted with this key; `undefined` where it's damaged. */
export function describeSealed(
  recorded: Uint8Array,
  key: Uint8Array | undefined,
): { readonly keyData: Buffer; readonly isOfKey: boolean } | undefined {
  const parts = partsOf(recorded)
  if (parts === undefined) return undefined
  return { keyData: parts.keyData, isOfKey: key !== undefined && parts.check.equals(checkOf(key)) }
}

/** The block that is recorded so; `undefined` where it's not what was written. */
export function openBlock(key: Uint8Array, recorded: Uint8Array): Buffer | undefined {
  const parts = partsOf(recorded)
  if (parts === undefined) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, parts.nonce)
    .setAAD(parts.keyData)
    .setAuthTag(parts.tag)
  const block = decipher.update(parts.sealed)
  try {
    return Buffer.concat([block, decipher.final()])
  } catch {
    // The only thing that final() tells: the tag is another.
    return undefined
  }
}

function checkOf(key: Uint8Array): Buffer {
  return createHmac('sha256', key).update('which key is it').digest().subarray(0, checkBytes)
}

function partsOf(recorded: Uint8Array): SealedBlock | undefined {
  const bytes = Buffer.from(recorded.buffer, recorded.byteOffset, recorded.length)
  if (bytes.length < 2) return undefined
  const keyDataEnd = 2 + bytes.readUInt16BE(0)
  const checkEnd = keyDataEnd + checkBytes
  const nonceEnd = checkEnd + nonceBytes
  const tagEnd = nonceEnd + tagBytes
  if (tagEnd > bytes.length) return undefined
  return {
    keyData: bytes.subarray(2, keyDataEnd),
    check: bytes.subarray(keyDataEnd, checkEnd),
    nonce: bytes.subarray(checkEnd, nonceEnd),
    tag: bytes.subarray(nonceEnd, tagEnd),
    sealed: bytes.subarray(tagEnd),
  }
}
