import type { HostDirectory, Lifecycle, Role } from '@nb/contracts'
import type { IdentityDirectory } from '../identity/identity-directory.ts'

/** Where hosts are, by name; the first address of each. */
export interface FollowedAddresses extends Required<Lifecycle> {
  readonly addresses: ReadonlyMap<string, string>
}

/**
 * Follows the master's directory: the addresses of all enrolled hosts of a role, as they are now. For `reachHosts`. `start` reads the
 * directory, which must be open then.
 */
export function followAddresses(
  directory: { readonly hosts: Pick<HostDirectory, 'list'> } & Pick<IdentityDirectory, 'on' | 'off'>,
  role: Role,
): FollowedAddresses {
  const addresses = new Map<string, string>()
  let reading: Promise<void> = Promise.resolve()
  const read = async (): Promise<void> => {
    const found = new Map<string, string>()
    for await (const { name, addresses: all } of directory.hosts.list({ role, state: 'enrolled' }))
      if (all[0] !== undefined) found.set(name, all[0])
    for (const name of addresses.keys()) if (!found.has(name)) addresses.delete(name)
    for (const [name, address] of found) addresses.set(name, address)
  }
  // One reading after another: what changed during one is seen by the next.
  const changed = (): void => void (reading = reading.then(read))
  return {
    addresses,
    start: async () => {
      for (const event of events) directory.on(event, changed)
      changed()
      await reading
    },
    stop: async () => {
      for (const event of events) directory.off(event, changed)
      await reading
    },
  }
}

const events = ['host:enrolled', 'host:changed', 'host:revoked'] as const
