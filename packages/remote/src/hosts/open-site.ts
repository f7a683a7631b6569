import { join } from 'node:path'
import {
  type Clock,
  debugLogger,
  type Files,
  type Lifecycle,
  type Logger,
  type Store,
  systemFiles,
} from '@nb/contracts'
import { checkOwn } from '../identity/check-own.ts'
import { openAuthority } from '../identity/authority.ts'
import { enrolHost } from '../identity/enrol-host.ts'
import { type KeptIdentity, openHostIdentity } from '../identity/host-identity.ts'
import { createIdentityDirectory, type IdentityDirectory } from '../identity/identity-directory.ts'
import { IdentityFiles } from '../identity/identity-files.ts'

/** What a site is opened with. */
export interface SiteComponents {
  /** Holds what is known of hosts and persons. */
  readonly store: Store
  readonly clock: Clock
  /** Where the authority's key and the master's own identity are kept: made with mode 0700 where it is not there. */
  readonly directory: string
  /** @default systemFiles() */
  readonly files?: Files
  /** @default debugLogger('nb:remote:identity') */
  readonly log?: Logger
}

/** The master's own entry. */
export interface SiteOptions {
  /** The master's name. */
  readonly name: string
  /** Where others reach it, each `host:port`. */
  readonly addresses: readonly string[]
}

/** What a master has for the hosts and persons of its site. `start` and `stop` are those of its identity. */
export interface Site
  extends Pick<IdentityDirectory, 'hosts' | 'enrolment' | 'on' | 'off' | 'once'>, Required<Lifecycle> {
  readonly identity: KeptIdentity
}

/**
 * The authority of a site, its directory of hosts and persons, and the identity of the master, which its own authority certifies. Makes all
 * of it the first time. Rejects with `identity-invalid` for files that are none or the identity of another name, `version-unsupported` for a newer store.
 */
export async function openSite(
  { store, clock, directory, files = systemFiles(), log = debugLogger('nb:remote:identity') }: SiteComponents,
  { name, addresses }: SiteOptions,
): Promise<Site> {
  const authority = await openAuthority({ clock, files, directory: join(directory, 'authority') })
  const known = createIdentityDirectory({ store, clock, authority, log })
  await known.start()
  const own = join(directory, 'identity')
  if ((await new IdentityFiles(files, own).read()) === undefined) {
    const { token } = await known.hosts.createToken({ name, roles: ['master'], addresses })
    await enrolHost({ enrolment: known.enrolment, directory: own, files }, { token, addresses })
  }
  const { hosts, enrolment, on, once, off } = known
  const identity = await openHostIdentity({ clock, enrolment, directory: own, files, log })
  checkOwn(identity.own(), own, { name, role: 'master' })
  // Other hosts hear of it within a minute; on the master its connections are cut now.
  on('host:revoked', () => {
    identity
      .refresh()
      .catch((error: unknown) => log.error('the list of revoked certificates was not read: %o', error))
  })
  return { hosts, enrolment, identity, on, once, off, start: identity.start, stop: identity.stop }
}
