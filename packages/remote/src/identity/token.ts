import { createHash, randomBytes } from 'node:crypto'
import { NbError } from '@nb/contracts'

/** What an administrator hands to whoever is to enrol. */
export interface EnrolmentToken {
  /** 256 random bits; it is shown to the authority of this fingerprint alone. */
  readonly secret: string
  /** SHA-256 of the authority's certificate: 64 hexadecimal digits. */
  readonly authority: string
}

/** A new secret: 43 characters. */
export function makeSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** By what a secret is found; the secret itself is kept nowhere. */
export function hashOfSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

/** One word, to be copied: `nb1.SECRET.FINGERPRINT`. */
export function printToken({ secret, authority }: EnrolmentToken): string {
  return `nb1.${secret}.${authority}`
}

/** Reads the word. Throws `token-invalid` where it is not one, or not whole. */
export function parseToken(text: string): EnrolmentToken {
  const found = /^nb1\.([A-Za-z0-9_-]{43})\.([0-9a-f]{64})$/.exec(text.trim())
  if (found === null)
    throw new NbError(
      'token-invalid',
      'this is not a token to enrol with, or not all of it: copy it as the administrator was given it',
    )
  return { secret: found[1] as string, authority: found[2] as string }
}
