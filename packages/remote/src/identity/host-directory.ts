import { type HostDirectory, NbError, type Role, tokenValidity } from '@nb/contracts'
import { checkAddresses, checkName, checkRoles, checkSources, checkValidity } from './directory-checks.ts'
import { type DirectoryState, toldHost } from './directory-state.ts'
import type { StoredHost } from './directory-store.ts'
import { hashOfSecret, makeSecret, printToken } from './token.ts'

/** The port of those who administer hosts and persons. */
export function hostDirectory(state: DirectoryState): HostDirectory {
  const { store, clock } = state
  const known = async (name: string): Promise<StoredHost> => {
    const host = await store.host(name)
    if (host === undefined) throw unknown(name)
    return host
  }
  return {
    async *list({ kind, role, state: wanted }, options) {
      for await (const host of store.hosts()) {
        options?.signal?.throwIfAborted()
        const isWanted =
          (kind === undefined || host.kind === kind) &&
          (role === undefined || host.roles.includes(role)) &&
          (wanted === undefined || host.state === wanted)
        if (isWanted) yield toldHost(host, clock.now())
      }
    },
    get: async ({ name }) => {
      const host = await store.host(name)
      return host === undefined ? undefined : toldHost(host, clock.now())
    },
    createToken: ({ name, roles, addresses, validForMs = tokenValidity.usualMs }) =>
      state.change(async () => {
        checkName(name)
        const kind = checkRoles(roles)
        checkAddresses(addresses ?? [])
        checkValidity(validForMs)
        const before = await store.host(name)
        if (before === undefined) await refuseOtherCase(state, name)
        if (before !== undefined && before.kind !== kind) throw otherKind(before)
        const secret = makeSecret()
        const token = { hash: hashOfSecret(secret), expiresAt: clock.now() + validForMs, roles: [...roles] }
        const host: StoredHost = {
          ...(before ?? newHost(name, kind, roles)),
          ...(addresses === undefined ? {} : { addresses: [...addresses] }),
          token,
        }
        const voided = before?.token === undefined ? {} : { [before.token.hash]: undefined }
        await store.write({ hosts: { [name]: host }, tokens: { ...voided, [token.hash]: name } })
        return {
          token: printToken({ secret, authority: state.authority.fingerprint }),
          expiresAt: token.expiresAt,
        }
      }),
    update: ({ name, roles, addresses, sources }) =>
      state.change(async () => {
        const before = await known(name)
        if (roles !== undefined) checkNewRoles(before, roles)
        if (addresses !== undefined) checkAddresses(addresses)
        if (sources !== undefined) checkSources(sources)
        const host: StoredHost = {
          ...before,
          ...(roles === undefined ? {} : { roles: [...roles] }),
          ...(addresses === undefined ? {} : { addresses: [...addresses] }),
          ...(sources === undefined ? {} : { sources: [...new Set(sources)] }),
        }
        await store.write({ hosts: { [name]: host } })
        state.events.emit('host:changed', { name })
        return toldHost(host, clock.now())
      }),
    revoke: ({ name, reason }) =>
      state.change(async () => {
        const before = await known(name)
        if (isMaster(before))
          throw notMaster(name, 'revoked: whoever has its authority has every key to this site')
        if (before.state === 'revoked' && before.token === undefined) return
        const { token, certificates, ...rest } = before
        const host: StoredHost = {
          ...rest,
          certificates: [],
          state: 'revoked',
          revoked: before.revoked ?? { at: clock.now(), reason: reason.slice(0, 1000) },
        }
        await state.revoke(certificates, {
          hosts: { [name]: host },
          tokens: token === undefined ? {} : { [token.hash]: undefined },
        })
        const fingerprints = certificates.map(({ fingerprint }) => fingerprint)
        state.events.emit('host:revoked', { name, fingerprints })
      }),
    remove: ({ name }) =>
      state.change(async () => {
        const host = await store.host(name)
        if (host === undefined) return
        if (host.state === 'enrolled')
          throw new NbError('state-conflict', `${name} is enrolled: revoke it first`, { details: { name } })
        const tokens = host.token === undefined ? {} : { [host.token.hash]: undefined }
        await store.write({ hosts: { [name]: undefined }, tokens })
      }),
  }
}

function newHost(name: string, kind: StoredHost['kind'], roles: readonly Role[]): StoredHost {
  return {
    version: 1,
    name,
    kind,
    roles: [...roles],
    addresses: [],
    sources: [],
    state: 'invited',
    certificates: [],
  }
}

const isMaster = ({ roles, state }: StoredHost): boolean => state === 'enrolled' && roles.includes('master')

function checkNewRoles(before: StoredHost, roles: readonly Role[]): void {
  const kind = checkRoles(roles)
  if (kind !== before.kind) throw otherKind(before)
  if (before.roles.includes('master') !== roles.includes('master'))
    throw notMaster(before.name, 'given or taken as a role: a host is a master by the token it enrolled with')
}

/** `Web1` and `web1` would be one host in DNS. */
async function refuseOtherCase({ store }: DirectoryState, name: string): Promise<void> {
  for await (const { name: other } of store.hosts())
    if (other.toLowerCase() === name.toLowerCase())
      throw new NbError('already-exists', `${name} differs from ${other} in the case of letters alone`, {
        details: { name, other },
      })
}

function otherKind({ name, kind }: StoredHost): NbError {
  return new NbError('state-conflict', `${name} is a ${kind}: revoke and remove it, or choose another name`, {
    details: { name, kind },
  })
}

function notMaster(name: string, what: string): NbError {
  return new NbError('state-conflict', `the master ${name} can not be ${what}`, { details: { name } })
}

function unknown(name: string): NbError {
  return new NbError('not-found', `there is no host or person named ${name}; list those that there are`, {
    details: { name },
  })
}
