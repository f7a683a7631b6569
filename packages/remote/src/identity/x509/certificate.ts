import { createHash, X509Certificate } from 'node:crypto'
import { Integer } from 'asn1js'
import {
  Certificate,
  type Extension,
  PublicKeyInfo,
  type RelativeDistinguishedNames,
  Time,
  TimeType,
} from 'pkijs'
import { signingKey, spkiOf } from './keys.ts'
import { toPem } from './pem.ts'
import { authorityKeyIdentifier, subjectKeyIdentifier } from './extensions.ts'

/** Who signs: its name, and its key with the key's identifier. */
export interface Signer {
  readonly name: RelativeDistinguishedNames
  /** PKCS #8 PEM. */
  readonly privateKey: string
  readonly keyId: Uint8Array
}

/** What is to be certified. */
export interface CertificateContent {
  readonly subject: RelativeDistinguishedNames
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  /** Hexadecimal digits of a positive number of at most 20 bytes. */
  readonly serial: string
  /** Milliseconds since the epoch; a certificate knows seconds. */
  readonly notBefore: number
  readonly notAfter: number
  /** Without the identifiers of the keys, which are added. */
  readonly extensions: readonly Extension[]
}

/** A certificate, version 3, signed with ECDSA and SHA-256, as PEM. */
export async function signCertificate(content: CertificateContent, signer: Signer): Promise<string> {
  const certificate = new Certificate({
    version: 2,
    serialNumber: serialInteger(content.serial),
    issuer: signer.name,
    subject: content.subject,
    notBefore: time(content.notBefore),
    notAfter: time(content.notAfter),
    subjectPublicKeyInfo: PublicKeyInfo.fromBER(Uint8Array.from(content.publicKey)),
    extensions: [
      ...content.extensions,
      subjectKeyIdentifier(keyIdOf(content.publicKey)),
      authorityKeyIdentifier(signer.keyId),
    ],
  })
  await certificate.sign(await signingKey(signer.privateKey), 'SHA-256')
  return toPem('CERTIFICATE', new Uint8Array(certificate.toSchema(true).toBER()))
}

/** The signer whose certificate and key these are. */
export function signerOf(certificate: string, privateKey: string): Signer {
  const { raw, publicKey } = new X509Certificate(certificate)
  return {
    name: Certificate.fromBER(Uint8Array.from(raw)).subject,
    privateKey,
    keyId: keyIdOf(spkiOf(publicKey)),
  }
}

/** SHA-1 of the public key's bits: a name for it, no protection (RFC 5280 4.2.1.2, method 1). */
export function keyIdOf(spki: Uint8Array): Buffer {
  const { subjectPublicKey } = PublicKeyInfo.fromBER(Uint8Array.from(spki))
  return createHash('sha1').update(subjectPublicKey.valueBlock.valueHexView).digest()
}

/** A serial number as DER has it. */
export function serialInteger(serial: string): Integer {
  return new Integer({ valueHex: Uint8Array.from(Buffer.from(serial, 'hex')).buffer })
}

/** A time as RFC 5280 4.1.2.5 wants it: with two digits of the year until 2049. */
export function time(at: number): Time {
  const value = new Date(at)
  return new Time({
    type: value.getUTCFullYear() < 2050 ? TimeType.UTCTime : TimeType.GeneralizedTime,
    value,
  })
}
