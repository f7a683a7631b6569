import { createPublicKey, type KeyObject } from 'node:crypto'
import { NbError } from '@nb/contracts'
import { CertificationRequest, PublicKeyInfo } from 'pkijs'
import { commonName } from './extensions.ts'
import { isP256, publicKeyOf, signingKey, spkiOf } from './keys.ts'
import { fromPem, toPem } from './pem.ts'

/** A request to certify a key (PKCS #10), which proves that who asks has it. Its subject says nothing to our authority. */
export async function makeRequest(privateKey: string): Promise<string> {
  const request = new CertificationRequest({
    version: 0,
    subject: commonName('nb enrolment'),
    subjectPublicKeyInfo: PublicKeyInfo.fromBER(Uint8Array.from(publicKeyOf(privateKey))),
  })
  await request.sign(await signingKey(privateKey), 'SHA-256')
  return toPem('CERTIFICATE REQUEST', new Uint8Array(request.toSchema(true).toBER()))
}

/**
 * The key that is to be certified: SubjectPublicKeyInfo in DER. Throws `argument-invalid` where the request can't be read, is of
 * another kind of key than ECDSA on P-256, or was not signed with that key.
 */
export async function readRequest(pem: string): Promise<Buffer> {
  const der = fromPem('CERTIFICATE REQUEST', pem)
  if (der === undefined) throw refused('is not a PKCS #10 request in PEM')
  let request: CertificationRequest
  let key: KeyObject
  try {
    request = CertificationRequest.fromBER(Uint8Array.from(der))
    const spki = Buffer.from(request.subjectPublicKeyInfo.toSchema().toBER())
    key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch (cause) {
    throw refused('can not be read', cause)
  }
  if (!isP256(key)) throw refused('is not of an ECDSA key on P-256')
  const isSigned = await request.verify().catch(() => false)
  if (!isSigned) throw refused('is not signed with the key that it is for')
  return spkiOf(key)
}

function refused(why: string, cause?: unknown): NbError {
  return new NbError('argument-invalid', `the request for a certificate ${why}`, {
    details: { field: 'request' },
    cause,
  })
}
