import type { HostIdentity } from '../identity/identity.ts'
import type { AccessControl } from '../access/access.ts'
import { throwawayIdentity } from './throwaway-identity.ts'

/** The address on which twins listen: nobody but this host reaches them. */
export const twinAddress = '127.0.0.1'

/** Two hosts of one process: `near` is where a test is, `far` where what it tests is. */
export interface TwinHosts {
  readonly near: HostIdentity
  readonly far: HostIdentity
}

const hosts = new Map<string, Promise<TwinHosts>>()

/**
 * The two hosts of this process; their certificates are made once for each name.
 *
 * @param near - what the one is called. Default `near`.
 */
export function twinHosts(near = 'near'): Promise<TwinHosts> {
  const made = hosts.get(near) ?? makeHosts(near)
  hosts.set(near, made)
  return made
}

/** Both may do everything: a conformance suite is about ports, not about who may call them. */
export const everyCall: AccessControl = { admit: async () => undefined }

async function makeHosts(name: string): Promise<TwinHosts> {
  const [near, far] = await Promise.all([
    throwawayIdentity(name, ['client']),
    throwawayIdentity('far', ['master']),
  ])
  return { near, far }
}
