import { X509Certificate } from 'node:crypto'
import { NbError, type Role } from '@nb/contracts'
import { isIdentityName, isRole, kindOfRoles } from './names.ts'

/** Who a peer proved to be. */
export interface PeerIdentity {
  /** The host's name, as policies name it, or the person's. */
  readonly name: string
  /** What it may be; at least one, either all of hosts or all of persons. */
  readonly roles: readonly Role[]
  /** SHA-256 of the certificate: 64 hexadecimal digits in lower case. */
  readonly fingerprint: string
}

/**
 * Names and roles stand in a certificate as URIs (RFC 5280 4.2.1.6): one `urn:nb:host:NAME` or `urn:nb:person:NAME`, and
 * a `urn:nb:role:ROLE` for each role. Common names and DNS names say nothing here.
 */
const identityUri = /^urn:nb:(host|person|role):([A-Za-z0-9._-]+)$/

/**
 * Who the holder of a certificate is, by what our authority wrote into it. Whether the authority is ours, the certificate is of now
 * and the holder has its key is the connection's to check, before. Throws `identity-invalid` for a certificate
 * that names nobody, more than one, or in any other way than ours do.
 *
 * @param certificate - the certificate, or its DER
 */
export function peerIdentityOf(certificate: X509Certificate | Uint8Array): PeerIdentity {
  const read = certificate instanceof X509Certificate ? certificate : parse(certificate)
  const fingerprint = fingerprintOf(read)
  if (read.ca) throw invalid('it is the certificate of an authority, which is nobody', fingerprint)
  const said = uris(read.subjectAltName, fingerprint)
  const names = said.filter(({ kind }) => kind !== 'role')
  const [named] = names
  if (named === undefined || names.length > 1)
    throw invalid(named === undefined ? 'it names nobody' : 'it has several names', fingerprint)
  if (!isIdentityName(named.value)) throw invalid('its name is none', fingerprint)
  const roles = said.filter(({ kind }) => kind === 'role').map(({ value }) => value)
  if (!roles.every(isRole)) throw invalid('it has a role that this version does not know', fingerprint)
  if (new Set(roles).size < roles.length) throw invalid('it has a role twice', fingerprint)
  if (kindOfRoles(roles) !== named.kind)
    throw invalid(`its roles are not those of a ${named.kind}`, fingerprint)
  return { name: named.value, roles, fingerprint }
}

/** SHA-256 of a certificate: 64 hexadecimal digits in lower case. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

function parse(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der)
  } catch (cause) {
    throw new NbError('identity-invalid', 'the certificate that was shown can not be read', { cause })
  }
}

/**
 * Node gives the alternative names as one text, and what it would be ambiguous in (a comma, a quote) in quotes. Ours need none, so
 * that a text with one is not ours, and splitting is safe.
 */
function uris(names: string | undefined, fingerprint: string): { kind: string; value: string }[] {
  if (names === undefined) throw invalid('it names nobody', fingerprint)
  if (names.includes('"')) throw invalid('it has a name that is not written as ours are', fingerprint)
  return names.split(', ').flatMap((entry) => {
    if (entry.startsWith('DNS:')) return []
    const uri = entry.startsWith('URI:') ? identityUri.exec(entry.slice(4)) : null
    if (uri === null) throw invalid('it has a name that is not written as ours are', fingerprint)
    return [{ kind: uri[1] as string, value: uri[2] as string }]
  })
}

function invalid(why: string, fingerprint: string): NbError {
  return new NbError('identity-invalid', `the certificate that was shown is not an identity of nb: ${why}`, {
    details: { fingerprint },
  })
}
