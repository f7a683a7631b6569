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

let hosts: Promise<TwinHosts> | undefined

/** The two hosts of this process; their certificates are made once. */
export function twinHosts(): Promise<TwinHosts> {
  return (hosts ??= makeHosts())
}

/** Both may do everything: a conformance suite is about ports, not about who may call them. */
export const everyCall: AccessControl = { admit: async () => undefined }

async function makeHosts(): Promise<TwinHosts> {
  const [near, far] = await Promise.all([
    throwawayIdentity('near', ['client']),
    throwawayIdentity('far', ['master']),
  ])
  return { near, far }
}
