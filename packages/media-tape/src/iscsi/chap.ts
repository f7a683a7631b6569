import { createHash, timingSafeEqual } from 'node:crypto'
import { NbError } from '@nb/contracts'
import { malformed } from './responses.ts'

/** A name and what proves it. */
export interface ChapIdentity {
  readonly name: string
  /** At least 12 bytes (RFC 7143, 9.2.1). Never written to a log or an error. */
  readonly secret: string
}

/** A question: who can answer it knows the secret. */
export interface ChapChallenge {
  /** 0–255. */
  readonly id: number
  readonly challenge: Buffer
}

/** Longest binary value of CHAP (RFC 7143, 12.1.3). */
const longestBinary = 1024

/** Bytes of an answer by MD5. */
const md5Bytes = 16

/** The only algorithm that all targets know: MD5 (RFC 1994). The protocol around it allows no other here. */
export const chapMd5 = '5'

/** The answer to a challenge (RFC 1994, 4.1). */
export function chapResponse(secret: string, { id, challenge }: ChapChallenge): Buffer {
  return createHash('md5')
    .update(Buffer.from([id]))
    .update(secret, 'utf8')
    .update(challenge)
    .digest()
}

/**
 * Checks what the target answers to our challenge.
 * @throws NbError `scsi-access-denied` when it does not know the secret, or answers with ours
 */
export function checkTarget(
  answer: { readonly name: string; readonly response: Buffer },
  asked: ChapChallenge,
  target: { readonly name?: string; readonly secret: string },
  own: ChapIdentity,
): void {
  // A target that knows only our secret would turn our own answers against us (RFC 7143, 9.2.1).
  if (sameBytes(answer.response, chapResponse(own.secret, asked)))
    throw denied("the target answered with the initiator's own secret", 'reflected')
  if (!sameBytes(answer.response, chapResponse(target.secret, asked)))
    throw denied('the target does not know the secret that is its own', 'target-unproven')
  if (target.name !== undefined && answer.name !== target.name)
    throw denied('the target proved another name than was asked for', 'target-name')
}

/**
 * Checks names and secrets before they are used.
 * @throws NbError `argument-invalid`
 */
export function checkChapSecrets(own: ChapIdentity, target?: { readonly secret: string }): void {
  const secrets = [own.secret, ...(target === undefined ? [] : [target.secret])]
  for (const secret of secrets)
    if (Buffer.byteLength(secret, 'utf8') < 12)
      throw new NbError('argument-invalid', 'a CHAP secret must have at least 12 bytes', {
        details: { field: 'chap.secret' },
      })
  if (own.name === '')
    throw new NbError('argument-invalid', 'a CHAP name must not be empty', {
      details: { field: 'chap.name' },
    })
  if (target !== undefined && target.secret === own.secret)
    throw new NbError('argument-invalid', "the target's CHAP secret must not be the initiator's", {
      details: { field: 'chap.target.secret' },
    })
}

/** A challenge of the target from its keys CHAP_I and CHAP_C. */
export function parseChallenge(id: string, challenge: string): ChapChallenge {
  const number = Number(id)
  if (!/^(\d{1,3}|0[xX][0-9a-fA-F]{1,2})$/.test(id) || number > 255)
    throw malformed('a CHAP identifier that is none', {})
  const bytes = parseBinary(challenge)
  if (bytes.length === 0) throw malformed('an empty CHAP challenge', {})
  return { id: number, challenge: bytes }
}

/** An answer of the target from its key CHAP_R. */
export function parseResponse(response: string): Buffer {
  const bytes = parseBinary(response)
  if (bytes.length !== md5Bytes)
    throw malformed('a CHAP response of the wrong length', { bytes: bytes.length })
  return bytes
}

/** Bytes as text keys carry them (RFC 7143, 6.1). */
export function printBinary(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`
}

/** Hexadecimal or base64 constants (RFC 7143, 6.1). */
export function parseBinary(value: string): Buffer {
  const bytes = /^0[xX]([0-9a-fA-F]{2})*$/.test(value)
    ? Buffer.from(value.slice(2), 'hex')
    : /^0[bB][A-Za-z0-9+/]*={0,2}$/.test(value)
      ? Buffer.from(value.slice(2), 'base64')
      : undefined
  if (bytes === undefined) throw malformed('a binary value that is neither hexadecimal nor base64', {})
  if (bytes.length > longestBinary)
    throw malformed('a binary value that is too long', { bytes: bytes.length })
  return bytes
}

function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

function denied(why: string, reason: string): NbError {
  return new NbError('scsi-access-denied', why, { details: { reason } })
}
