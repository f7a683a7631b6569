import type { Clock } from '@nb/contracts'
import { callerAt } from '../connect.ts'
import type { HttpCaller } from '../calls/http-caller.ts'
import type { PortName, Ports } from '../contracts/ports.ts'
import type { HostIdentity } from '../identity/identity.ts'
import { hostPort, hostUnknown } from './host-port.ts'

/** What {@link locateHosts} works with. */
export interface LocateHostsComponents {
  /** What this host proves itself with. */
  readonly identity: HostIdentity
  /** Where a host is: `host`, `host:port` or `[v6]:port`; `undefined` for one that is not known. Asked before a call, and for each name only now and then. */
  readonly locate: (name: string) => Promise<string | undefined>
  /** Tells how old an answer of `locate` is. */
  readonly clock: Clock
}

/** Options of {@link locateHosts}. */
export interface LocateHostsOptions {
  /** How long an answer of `locate` counts, milliseconds, 0 or more. @default 30000 */
  readonly rememberMs?: number
  /** As for `connect`. @default 10000 */
  readonly heartbeatMs?: number
}

/** One port of hosts that are looked up, by name. */
export interface LocatedHosts<Port> {
  /** The port of a host, whether it is known or not. */
  get(name: string): Port
  /** Cuts all connections. */
  close(): void
}

interface Located {
  readonly at: number
  readonly address: string
  readonly caller: HttpCaller
}

/**
 * One port of other hosts, each looked up when it is called: the clients of a media server, which only the master knows. Whoever answers must have the
 * host's name in its certificate. Calls fail with `client-unknown`, `media-server-unknown` or (other ports) `not-found` for a host that is not known,
 * `client-unreachable`, `media-server-unreachable` or `server-unreachable` while it is not there, and as `locate` does.
 */
export function locateHosts<Name extends PortName>(
  port: Name,
  { identity, locate, clock }: LocateHostsComponents,
  { rememberMs = 30_000, ...options }: LocateHostsOptions = {},
): LocatedHosts<Ports[Name]> {
  const located = new Map<string, Located>()
  const find = async (name: string): Promise<HttpCaller> => {
    const known = located.get(name)
    if (known !== undefined && clock.now() - known.at <= rememberMs) return known.caller
    const address = await locate(name)
    if (address === undefined) {
      located.delete(name)
      throw hostUnknown(port, name)
    }
    // Calls that are under way to an old address go on there.
    const isSame = known !== undefined && known.address === address
    const caller = isSame ? known.caller : callerAt({ address, identity, expect: { name }, ...options })
    located.set(name, { at: clock.now(), address, caller })
    return caller
  }
  return {
    get: (name) => hostPort(port, name, () => find(name)),
    close: () => {
      for (const { caller } of located.values()) caller.close()
      located.clear()
    },
  }
}
