import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { type Clock, type Files, type Role, systemFiles } from '@nb/contracts'
import {
  type AuthoritySecret,
  makeAuthoritySecret,
  randomSerial,
  readAuthoritySecret,
} from './authority-secret.ts'
import { loadX509 } from './load-x509.ts'
import { dnsNameOf, type IdentityKind, kindOfRoles } from './names.ts'
import { fingerprintOf } from './peer-identity.ts'
import { readSecret, writeSecret } from './secret-file.ts'
import type { Revocation } from './x509/revocation-list.ts'

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
const usualClockSkewMs = 3_600_000

/**
 * The authority whose key is in a directory; makes it there, for ten years, when there is none. The file `authority.pem` has key and
 * certificate, mode 0600. Rejects with `identity-invalid` for a file that is not one, or an authority whose time is over.
 */
export async function openAuthority(
  { clock, directory, files = systemFiles() }: CertificateAuthorityComponents,
  options: CertificateAuthorityOptions = {},
): Promise<CertificateAuthority> {
  const { clockSkewMs = usualClockSkewMs } = options
  const path = join(directory, 'authority.pem')
  const known = await readSecret(files, path)
  const text = known ?? (await makeAuthoritySecret(clock.now() - clockSkewMs))
  const authority = await authorityOf(readAuthoritySecret(text, path, clock.now()), clock, options)
  if (known === undefined) await writeSecret(files, path, text)
  return authority
}

/** The authority that has a key. */
export async function authorityOf(
  { certificate, privateKey, end, fingerprint }: AuthoritySecret,
  clock: Clock,
  { certificateMs = 30 * dayMs, clockSkewMs = usualClockSkewMs }: CertificateAuthorityOptions = {},
): Promise<CertificateAuthority> {
  if (!(certificateMs >= 60_000 && certificateMs <= 400 * dayMs))
    throw new TypeError(`certificateMs must be 60000 to ${400 * dayMs}, not ${certificateMs}`)
  const x509 = await loadX509()
  const signer = x509.signerOf(certificate, privateKey)
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

function urisOf(kind: IdentityKind, name: string, roles: readonly Role[]): string[] {
  return [`urn:nb:${kind}:${name}`, ...roles.map((role) => `urn:nb:role:${role}`)]
}
