import {
  type Clock,
  debugLogger,
  type Files,
  type Lifecycle,
  type Logger,
  type Observable,
  systemFiles,
} from '@nb/contracts'
import { type HostPortsConnection, portsAt } from '../connect.ts'
import { type KeptIdentity, openHostIdentity } from '../identity/host-identity.ts'
import { checkOwn, type ExpectedSelf } from '../identity/check-own.ts'
import type { HostIdentity } from '../identity/identity.ts'
import { followMaster, type MasterEvents } from './follow-master.ts'

/** What an enrolled host is opened with. */
export interface HostComponents {
  readonly clock: Clock
  /** Where `enrolAt` has put its identity. */
  readonly directory: string
  /** The master's address: `host`, `host:port` or `[v6]:port`. */
  readonly master: string
  /** @default systemFiles() */
  readonly files?: Files
  /** @default debugLogger('nb:remote:identity') */
  readonly log?: Logger
}

/** Options of {@link openHost}. */
export interface OpenHostOptions {
  /** As for `connect`. @default 10000 */
  readonly heartbeatMs?: number
  /** Who this host is to be, as its program is told. @default whoever the certificate names */
  readonly expect?: ExpectedSelf
}

/**
 * A host that has enrolled, or a person. `start` and `stop` are those of its identity; `stop` cuts the connections to the master too. Between them it is told how the
 * way to the master is.
 */
export interface OpenedHost extends Required<Lifecycle>, Observable<MasterEvents> {
  /** Renews itself between `start` and `stop`. */
  readonly identity: KeptIdentity
  /** The master's ports. Nothing is connected before a call. */
  readonly master: HostPortsConnection
}

/**
 * Opens the identity of a host, and the way to its master. Rejects with `identity-invalid` where there is no identity, or it can't be
 * read, or is not that of who is expected; `argument-invalid` for an address that is none.
 */
export async function openHost(
  {
    clock,
    directory,
    master: address,
    files = systemFiles(),
    log = debugLogger('nb:remote:identity'),
  }: HostComponents,
  { expect, ...options }: OpenHostOptions = {},
): Promise<OpenedHost> {
  // A host that was off for longer than its list of revoked certificates says something could not ask for the next one, were it held
  // to that list in asking. What it gets is signed.
  const unlisted: HostIdentity = {
    current: () => {
      const { revocations: _, ...material } = identity.current()
      return material
    },
    onChange: (listener) => identity.onChange(listener),
  }
  const renewal = portsAt({ address, identity: unlisted, ...options })
  const identity = await openHostIdentity({ clock, files, directory, enrolment: renewal.enrolment, log })
  if (expect !== undefined) checkOwn(identity.own(), directory, expect)
  const master = portsAt({ address, identity, ...options })
  return {
    ...followMaster(identity, clock, log),
    identity,
    master,
    start: identity.start,
    stop: async () => {
      await identity.stop()
      renewal.close()
      master.close()
    },
  }
}
