import { BitString, Integer, OctetString, Utf8String } from 'asn1js'
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  ExtKeyUsage,
  Extension,
  GeneralName,
  GeneralNames,
  GeneralSubtree,
  NameConstraints,
  RelativeDistinguishedNames,
} from 'pkijs'

/** The extensions of RFC 5280 4.2 that ours have, by their object identifiers. */
const id = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
} as const

const purposes = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' } as const

/** Bits of a key's usage (RFC 5280 4.2.1.3), the first octet. */
const usages = { digitalSignature: 0x80, keyCertSign: 0x04, cRLSign: 0x02 } as const

/** Tags of general names (RFC 5280 4.2.1.6). */
const tag = { email: 1, dns: 2, uri: 6, ip: 7 } as const

/** A name of one part, as certificates have it; for people who read them. At most 64 characters of it (RFC 5280 A.1). */
export function commonName(text: string): RelativeDistinguishedNames {
  const value = new Utf8String({ value: text.slice(0, 64) })
  return new RelativeDistinguishedNames({
    typesAndValues: [new AttributeTypeAndValue({ type: '2.5.4.3', value })],
  })
}

/** Whether the key may certify others, and then only holders of keys that may not. */
export function basicConstraints(isAuthority: boolean): Extension {
  const value = isAuthority ? { cA: true, pathLenConstraint: 0 } : { cA: false }
  return extension(id.basicConstraints, true, new BasicConstraints(value).toSchema())
}

/** What the key may sign. */
export function keyUsage(...used: readonly (keyof typeof usages)[]): Extension {
  const bits = used.reduce((sum, usage) => sum | usages[usage], 0)
  // Trailing zero bits are no part of it (X.690 11.2.2).
  const unusedBits = (31 - Math.clz32(bits & -bits)) as 1 | 2 | 7
  return extension(id.keyUsage, true, new BitString({ valueHex: Uint8Array.of(bits).buffer, unusedBits }))
}

/** Which end of a connection the holder may be. */
export function extendedKeyUsage(...ends: readonly (keyof typeof purposes)[]): Extension {
  const keyPurposes = ends.map((end) => purposes[end])
  return extension(id.extKeyUsage, true, new ExtKeyUsage({ keyPurposes }).toSchema())
}

/** Names and roles as URIs, and the host's name in DNS where it has one. */
export function alternativeNames(uris: readonly string[], dnsNames: readonly string[]): Extension {
  const names = [
    ...uris.map((value) => new GeneralName({ type: tag.uri, value })),
    ...dnsNames.map((value) => new GeneralName({ type: tag.dns, value })),
  ]
  return extension(id.subjectAltName, false, new GeneralNames({ names }).toSchema())
}

/**
 * The names that the authority may certify (RFC 5280 4.2.1.10): of those in DNS only what is below `domain`, and no
 * address of IP or mail. URIs have no constraint, since those of ours have no host.
 */
export function nameConstraints(domain: string): Extension {
  const everyAddress = (bytes: number): GeneralName =>
    new GeneralName({ type: tag.ip, value: new OctetString({ valueHex: new Uint8Array(2 * bytes).buffer }) })
  const subtree = (base: GeneralName): GeneralSubtree => new GeneralSubtree({ base })
  const value = new NameConstraints({
    permittedSubtrees: [subtree(new GeneralName({ type: tag.dns, value: domain }))],
    excludedSubtrees: [
      everyAddress(4),
      everyAddress(16),
      new GeneralName({ type: tag.email, value: '' }),
    ].map(subtree),
  })
  return extension(id.nameConstraints, true, value.toSchema())
}

/** By which others find the certificate of this key. */
export function subjectKeyIdentifier(keyId: Uint8Array): Extension {
  return extension(
    id.subjectKeyIdentifier,
    false,
    new OctetString({ valueHex: Uint8Array.from(keyId).buffer }),
  )
}

/** By whose key this was signed. */
export function authorityKeyIdentifier(keyId: Uint8Array): Extension {
  const keyIdentifier = new OctetString({ valueHex: Uint8Array.from(keyId).buffer })
  return extension(id.authorityKeyIdentifier, false, new AuthorityKeyIdentifier({ keyIdentifier }).toSchema())
}

/** Number of a revocation list; each is higher than those before (RFC 5280 5.2.3). */
export function crlNumber(value: number): Extension {
  return extension(id.crlNumber, false, new Integer({ value }))
}

function extension(extnID: string, critical: boolean, value: { toBER(): ArrayBuffer }): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER() })
}
