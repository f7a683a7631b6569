import { randomBytes, X509Certificate } from 'node:crypto'
import { NbError } from '@nb/contracts'
import { loadX509 } from './load-x509.ts'
import { identityDomain } from './names.ts'
import { fingerprintOf } from './peer-identity.ts'
import { makeKey, publicKeyOf } from './x509/keys.ts'
import { pemTexts } from './x509/pem.ts'

/** What an authority is: a key, and the certificate that others know it by. */
export interface AuthoritySecret {
  /** PEM. */
  readonly certificate: string
  /** PKCS #8, PEM. */
  readonly privateKey: string
  readonly fingerprint: string
  /** When its certificate ends, milliseconds since the epoch. */
  readonly end: number
}

const authorityMs = 3652 * 86_400_000

/** Key and certificate of a new authority, PEM; for ten years. */
export async function makeAuthoritySecret(notBefore: number): Promise<string> {
  const x509 = await loadX509()
  const privateKey = await makeKey()
  const publicKey = publicKeyOf(privateKey)
  const keyId = x509.keyIdOf(publicKey)
  // Two sites' authorities differ by name too, for programs that look them up by it.
  const name = x509.commonName(`nb authority ${keyId.toString('hex', 0, 8)}`)
  const content = {
    subject: name,
    publicKey,
    serial: randomSerial(),
    notBefore,
    notAfter: notBefore + authorityMs,
    extensions: [
      x509.basicConstraints(true),
      x509.keyUsage('keyCertSign', 'cRLSign'),
      x509.nameConstraints(identityDomain),
    ],
  }
  return privateKey + (await x509.signCertificate(content, { name, privateKey, keyId }))
}

/**
 * Reads what {@link makeAuthoritySecret} has made. Throws `identity-invalid`, naming `path`, for what is no such text, or an authority whose time is
 * over at `now`.
 */
export function readAuthoritySecret(text: string, path: string, now: number): AuthoritySecret {
  const secret = parseAuthoritySecret(text, path)
  if (now < secret.end) return secret
  const ended = new Date(secret.end).toISOString()
  throw invalid(path, `the authority ended on ${ended}; move the file away to make another`)
}

function parseAuthoritySecret(text: string, path: string): AuthoritySecret {
  const [certificate] = pemTexts('CERTIFICATE', text)
  const [privateKey] = pemTexts('PRIVATE KEY', text)
  if (certificate === undefined || privateKey === undefined)
    throw invalid(path, 'it has no certificate and private key in PEM')
  try {
    const read = new X509Certificate(certificate)
    if (read.ca && publicKeyOf(privateKey).equals(read.publicKey.export({ type: 'spki', format: 'der' })))
      return { certificate, privateKey, fingerprint: fingerprintOf(read), end: Date.parse(read.validTo) }
  } catch (cause) {
    throw invalid(path, 'its certificate or key can not be read', cause)
  }
  throw invalid(path, 'its key is not that of a certificate of an authority')
}

/** A serial number: 127 random bits, the first of them set, so that all are of one length (RFC 5280 4.1.2.2). */
export function randomSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40
  return bytes.toString('hex')
}

function invalid(path: string, why: string, cause?: unknown): NbError {
  return new NbError('identity-invalid', `${path} is not the authority of a site: ${why}`, {
    details: { path },
    cause,
  })
}
