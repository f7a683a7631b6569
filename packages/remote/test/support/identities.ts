import { X509Certificate } from 'node:crypto'
import { systemClock } from '@nb/contracts'
import type { HostIdentity, IdentityMaterial, Role } from '../../src/identity/identity.ts'
import { makeKey, publicKeyOf } from '../../src/identity/x509/keys.ts'
import { throwawayAuthority } from '../../src/twins/throwaway-identity.ts'

/** An authority that lasts as long as the test, and what it certifies. */
export interface TestAuthority {
  readonly certificate: string
  readonly identity: (
    name: string,
    roles: readonly Role[],
    options?: { readonly expired?: boolean },
  ) => Promise<IdentityMaterial>
  /** A list of revoked certificates with that of an identity. */
  readonly revoking: (
    material: IdentityMaterial,
  ) => Promise<Required<Pick<IdentityMaterial, 'revocations' | 'revoked'>>>
}

export async function testAuthority(): Promise<TestAuthority> {
  const authority = await throwawayAuthority()
  const { certificate: authorities } = authority
  return {
    certificate: authorities,
    identity: async (name, roles, { expired = false } = {}) => {
      const privateKey = await makeKey()
      const publicKey = publicKeyOf(privateKey)
      const { certificate } = await authority.issue({
        ...{ name, roles, publicKey },
        ...(expired ? { notAfter: systemClock().now() - 60_000 } : {}),
      })
      return { certificate, privateKey, authorities }
    },
    revoking: async ({ certificate }) => {
      const now = systemClock().now()
      const serial = new X509Certificate(certificate).serialNumber.toLowerCase()
      const revocations = await authority.signRevocations({
        ...{ revoked: [{ serial, revokedAt: now }], number: 1, nextUpdate: now + 3_600_000 },
      })
      return { revocations, revoked: new Set([serial]) }
    },
  }
}

/** An identity that a test renews by hand. */
export function held(material: IdentityMaterial): HostIdentity & { become(next: IdentityMaterial): void } {
  let now = material
  const listeners = new Set<() => void>()
  return {
    current: () => now,
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    become: (next) => {
      now = next
      for (const listener of listeners) listener()
    },
  }
}
