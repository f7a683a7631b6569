import { randomBytes, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { type Clock, type Files, NbError, type Role, systemFiles } from '@nb/contracts'
import { loadX509 } from './load-x509.ts'
import { type IdentityKind, kindOfRoles } from './names.ts'
import { fingerprintOf } from './peer-identity.ts'
import { readSecret, writeSecret } from './secret-file.ts'
import { makeKey, publicKeyOf } from './x509/keys.ts'
import { pemTexts } from './x509/pem.ts'
import type { Revocation } from './x509/revocation-list.ts'

/**
 * The domain of the DNS names in certificates, `web1.nb.internal`: reserved for private use, so that our authority is good for no
 * name that anyone else has, even where somebody trusts it for everything.
 */
export const identityDomain = 'nb.internal'

/** What is certified. Times are milliseconds since the epoch. */
export interface CertificateOrder {
  readonly name: string
  /** At least one, all of hosts or all of persons. */
  readonly roles: readonly Role[]
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  /** @default 30 days from now, and never after the authority's own end */
  readonly notAfter?: number
}

/** A certificate that was made. */
export interface IssuedCertificate {
  /** PEM. */
  readonly certificate: string
  /** Hexadecimal digits in lower case. */
  readonly serial: string
  readonly fingerprint: string
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
}

/** Signs certificates and revocation lists, and remembers neither. */
export interface CertificateAuthority {
  /** Its own certificate, PEM. */
  readonly certificate: string
  /** SHA-256 of it: 64 hexadecimal digits in lower case. */
  readonly fingerprint: string
  /** Certifies a key for a name and its roles. */
  issue(order: CertificateOrder): Promise<IssuedCertificate>
  /** A list of revoked certificates of now, PEM. `number` is higher than that of each list before. */
  signRevocations(list: {
    readonly revoked: readonly Revocation[]
    readonly number: number
    readonly nextUpdate: number
  }): Promise<string>
}

/** What an authority is made of. */
export interface CertificateAuthorityComponents {
  readonly clock: Clock
  /** Where its key is: made with mode 0700 where it is not there. */
  readonly directory: string
  /** @default systemFiles() */
  readonly files?: Files
}

/** Options of {@link openAuthority}. */
export interface CertificateAuthorityOptions {
  /** Life of a certificate, milliseconds, 60000 to 34560000000. @default 2592000000 (30 days) */
  readonly certificateMs?: number
  /** How much earlier than now certificates and lists begin, for hosts whose clocks are slow, milliseconds. @default 3600000 */
  readonly clockSkewMs?: number
}

const dayMs = 86_400_000
const authorityMs = 3652 * dayMs

/**
 * The authority whose key is in a directory; makes it there, for ten years, when there is none. The file `authority.pem` has key and
 * certificate, mode 0600. Rejects with `identity-invalid` for a file that is not one, or an authority whose time is over.
 */
export async function openAuthority(
  { clock, directory, files = systemFiles() }: CertificateAuthorityComponents,
  { certificateMs = 30 * dayMs, clockSkewMs = 3_600_000 }: CertificateAuthorityOptions = {},
): Promise<CertificateAuthority> {
  if (!(certificateMs >= 60_000 && certificateMs <= 400 * dayMs))
    throw new TypeError(`certificateMs must be 60000 to ${400 * dayMs}, not ${certificateMs}`)
  const path = join(directory, 'authority.pem')
  const known = await readSecret(files, path)
  const text = known ?? (await makeAuthority(clock.now() - clockSkewMs))
  const { certificate, privateKey, end, fingerprint } = readAuthority(text, path)
  if (clock.now() >= end)
    throw invalid(
      path,
      `the authority ended on ${new Date(end).toISOString()}; move the file away to make another`,
    )
  const x509 = await loadX509()
  const signer = x509.signerOf(certificate, privateKey)
  if (known === undefined) await writeSecret(files, path, text)
  return {
    certificate,
    fingerprint,
    issue: async ({ name, roles, publicKey, notAfter = clock.now() + certificateMs }) => {
      const kind = kindOfRoles(roles)
      if (kind === undefined) throw new TypeError('an identity has roles, all of hosts or all of persons')
      const serial = randomSerial()
      const content = {
        subject: x509.commonName(`nb ${kind} ${name}`),
        publicKey,
        serial,
        notBefore: clock.now() - clockSkewMs,
        notAfter: Math.min(notAfter, end),
        extensions: [
          x509.basicConstraints(false),
          x509.keyUsage('digitalSignature'),
          x509.extendedKeyUsage(
            ...(kind === 'host' ? (['serverAuth', 'clientAuth'] as const) : (['clientAuth'] as const)),
          ),
          x509.alternativeNames(urisOf(kind, name, roles), kind === 'host' ? [dnsNameOf(name)] : []),
        ],
      }
      const issued = await x509.signCertificate(content, signer)
      const read = new X509Certificate(issued)
      return {
        certificate: issued,
        serial,
        fingerprint: fingerprintOf(read),
        notBefore: Date.parse(read.validFrom),
        notAfter: Date.parse(read.validTo),
      }
    },
    signRevocations: (list) =>
      x509.signRevocations({ ...list, thisUpdate: clock.now() - clockSkewMs }, signer),
  }
}

/** The host's name as DNS has it in its certificate, to connect by with programs that check such names. */
export function dnsNameOf(name: string): string {
  return `${name.toLowerCase()}.${identityDomain}`
}

function urisOf(kind: IdentityKind, name: string, roles: readonly Role[]): string[] {
  return [`urn:nb:${kind}:${name}`, ...roles.map((role) => `urn:nb:role:${role}`)]
}

/** Key and certificate of a new authority, PEM. */
async function makeAuthority(notBefore: number): Promise<string> {
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

function readAuthority(
  text: string,
  path: string,
): { certificate: string; privateKey: string; fingerprint: string; end: number } {
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

/** 127 random bits, the first of them set, so that all are of one length (RFC 5280 4.1.2.2). */
function randomSerial(): string {
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
