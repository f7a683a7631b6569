import { type Role, systemClock } from '@nb/contracts'
import { authorityOf, type CertificateAuthority } from '../identity/authority.ts'
import { makeAuthoritySecret, readAuthoritySecret } from '../identity/authority-secret.ts'
import type { HostIdentity } from '../identity/identity.ts'
import { makeKey, publicKeyOf } from '../identity/x509/keys.ts'

let authority: Promise<CertificateAuthority> | undefined

/**
 * An identity that is good in this process alone: its key and that of its authority are never written down, and nobody else trusts
 * them. All that are made in one process trust each other.
 */
export async function throwawayIdentity(name: string, roles: readonly Role[]): Promise<HostIdentity> {
  const signer = await (authority ??= throwawayAuthority())
  const privateKey = await makeKey()
  const { certificate } = await signer.issue({ name, roles, publicKey: publicKeyOf(privateKey) })
  const material = { certificate, privateKey, authorities: signer.certificate }
  return { current: () => material, onChange: () => () => undefined }
}

/** An authority of this process alone. */
export async function throwawayAuthority(): Promise<CertificateAuthority> {
  const clock = systemClock()
  const now = clock.now()
  const secret = await makeAuthoritySecret(now - 3_600_000)
  return authorityOf(readAuthoritySecret(secret, 'the authority of this process', now), clock)
}
