import { X509Certificate } from 'node:crypto'
import { NbError } from '@nb/contracts'
import type { Sequence } from 'asn1js'
import { Certificate, CertificateRevocationList, Extensions, RevokedCertificate } from 'pkijs'
import { serialInteger, type Signer, time } from './certificate.ts'
import { authorityKeyIdentifier, crlNumber } from './extensions.ts'
import { signingKey } from './keys.ts'
import { fromPem, toPem } from './pem.ts'

/** A certificate that is not good any more. */
export interface Revocation {
  /** Hexadecimal digits. */
  readonly serial: string
  /** Milliseconds since the epoch. */
  readonly revokedAt: number
}

/** What a revocation list says. Times are milliseconds since the epoch. */
export interface RevocationList {
  readonly revoked: readonly Revocation[]
  readonly thisUpdate: number
  /** After this it says nothing any more. */
  readonly nextUpdate: number
}

/** A revocation list, version 2, signed with ECDSA and SHA-256, as PEM. */
export async function signRevocations(
  { revoked, thisUpdate, nextUpdate, number }: RevocationList & { readonly number: number },
  signer: Signer,
): Promise<string> {
  const list = new CertificateRevocationList({
    version: 1,
    issuer: signer.name,
    thisUpdate: time(thisUpdate),
    nextUpdate: time(nextUpdate),
    crlExtensions: new Extensions({ extensions: [authorityKeyIdentifier(signer.keyId), crlNumber(number)] }),
  })
  // RFC 5280 5.1.2.6: absent where nothing is revoked.
  if (revoked.length > 0)
    list.revokedCertificates = revoked.map(
      ({ serial, revokedAt }) =>
        new RevokedCertificate({ userCertificate: serialInteger(serial), revocationDate: time(revokedAt) }),
    )
  await list.sign(await signingKey(signer.privateKey), 'SHA-256')
  return toPem('X509 CRL', new Uint8Array((list.toSchema(true) as Sequence).toBER()))
}

/** What a list says. Throws `identity-invalid` where it can't be read or the authority has not signed it. */
export async function readRevocations(pem: string, authority: string): Promise<RevocationList> {
  const der = fromPem('X509 CRL', pem)
  const list = der === undefined ? undefined : parse(der)
  const issuerCertificate = Certificate.fromBER(Uint8Array.from(new X509Certificate(authority).raw))
  const isSigned = await list?.verify({ issuerCertificate }).catch(() => false)
  if (list?.nextUpdate === undefined || isSigned !== true)
    throw new NbError('identity-invalid', 'the list of revoked certificates is not signed by the authority')
  return {
    revoked: (list.revokedCertificates ?? []).map(({ userCertificate, revocationDate }) => ({
      serial: serialText(userCertificate.valueBlock.valueHexView),
      revokedAt: revocationDate.value.getTime(),
    })),
    thisUpdate: list.thisUpdate.value.getTime(),
    nextUpdate: list.nextUpdate.value.getTime(),
  }
}

function parse(der: Uint8Array): CertificateRevocationList | undefined {
  try {
    return CertificateRevocationList.fromBER(Uint8Array.from(der))
  } catch {
    return undefined
  }
}

const serialText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
