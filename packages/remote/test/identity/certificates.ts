import { join } from 'node:path'
import type { PowerLossStorage } from '@nb/test-kit'
import { makeKey, publicKeyOf } from '../../src/identity/x509/keys.ts'
import { pemTexts } from '../../src/identity/x509/pem.ts'
import {
  alternativeNames,
  basicConstraints,
  commonName,
  signCertificate,
  signerOf,
} from '../../src/identity/x509/x509.ts'
import { startOf2026 } from './directory-fixture.ts'

/** What the authority of a fixture would not sign by itself. */
export interface OddCertificate {
  readonly uris?: readonly string[]
  readonly dnsNames?: readonly string[]
  readonly isAuthority?: boolean
  readonly notBefore?: number
  readonly notAfter?: number
}

/** Signs with the key of the authority in a storage whatever is asked for; gives PEM and key. */
export async function signOdd(
  { files }: PowerLossStorage,
  {
    uris,
    dnsNames = [],
    isAuthority = false,
    notBefore = startOf2026,
    notAfter = startOf2026 + 86_400_000,
  }: OddCertificate,
): Promise<{ readonly certificate: string; readonly privateKey: string }> {
  const text = (await files.readFile(join('/master/authority', 'authority.pem')))?.toString() ?? ''
  const [key] = pemTexts('PRIVATE KEY', text)
  const [authority] = pemTexts('CERTIFICATE', text)
  const privateKey = await makeKey()
  const certificate = await signCertificate(
    {
      subject: commonName('odd'),
      publicKey: publicKeyOf(privateKey),
      serial: '4142',
      notBefore,
      notAfter,
      extensions: [
        basicConstraints(isAuthority),
        ...(uris === undefined ? [] : [alternativeNames(uris, dnsNames)]),
      ],
    },
    signerOf(authority ?? '', key ?? ''),
  )
  return { certificate, privateKey }
}
