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
