import { createPrivateKey, sign, X509Certificate } from 'node:crypto'
import { MemoryLevel } from 'memory-level'
import {
  createPowerLossStorage,
  createVirtualClock,
  type FaultPlan,
  type IdentityFixture,
  type KeyToCertify,
  type PowerLossStorage,
} from '@nb/test-kit'
import { type CertificateAuthority, openAuthority } from '../../src/identity/authority.ts'
import { renewalText } from '../../src/identity/enrolment.ts'
import { createIdentityDirectory, type IdentityDirectory } from '../../src/identity/identity-directory.ts'
import { peerIdentityOf } from '../../src/identity/peer-identity.ts'
import { parseToken } from '../../src/identity/token.ts'
import { makeKey } from '../../src/identity/x509/keys.ts'
import { makeRequest } from '../../src/identity/x509/request.ts'
import { readRevocations } from '../../src/identity/x509/revocation-list.ts'

/** A directory with an authority of its own, in memory. */
export interface DirectoryFixture extends IdentityFixture {
  readonly directory: IdentityDirectory
  readonly authority: CertificateAuthority
  readonly storage: PowerLossStorage
}

export const startOf2026 = Date.UTC(2026, 0, 1)

/** Makes it. */
export async function directoryFixture(): Promise<DirectoryFixture> {
  const clock = createVirtualClock(startOf2026)
  const storage = createPowerLossStorage()
  const authority = await openAuthority({ clock, directory: '/master/authority', files: storage.files })
  const directory = createIdentityDirectory({ store: new MemoryLevel(), clock, authority })
  await directory.start()
  return {
    directory,
    authority,
    storage,
    clock,
    hosts: directory.hosts,
    enrolment: directory.enrolment,
    makeKey: keyToCertify,
    secretOf: (token) => parseToken(token).secret,
    namedBy: (certificate) => {
      const { name, roles } = peerIdentityOf(new X509Certificate(certificate))
      return { name, roles }
    },
    revokedBy: async (list) =>
      (await readRevocations(list, authority.certificate)).revoked.map(({ serial }) => serial),
  }
}

/** A key that whoever has it may have certified. */
export async function keyToCertify(): Promise<KeyToCertify & { readonly privateKey: string }> {
  const privateKey = await makeKey()
  return {
    privateKey,
    request: await makeRequest(privateKey),
    again: () => makeRequest(privateKey),
    prove: (request) => sign('sha256', renewalText(request), createPrivateKey(privateKey)).toString('base64'),
  }
}

/** A storage that loses its power at its n-th operation that changes something. */
export function storageThatFailsAt(n: number): PowerLossStorage {
  let operations = 0
  const faults: FaultPlan = {
    hit: () => (operations += 1) === n,
    pending: [],
    assertAllHit: () => {},
  }
  return createPowerLossStorage({ faults })
}
