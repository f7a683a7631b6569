import type { PortName, Ports } from '../contracts/ports.ts'
import type { HttpCaller } from '../calls/http-caller.ts'
import { callerAt } from '../connect.ts'
import type { HostIdentity } from '../identity/identity.ts'
import { hostPort } from './host-port.ts'

/** Where hosts are, by name: `host`, `host:port` or `[v6]:port`. What it says may change. */
export type AddressBook = Pick<ReadonlyMap<string, string>, 'get' | 'has' | 'keys'>

/** What {@link reachHosts} works with. */
export interface ReachHostsComponents {
  /** What this host proves itself with. */
  readonly identity: HostIdentity
  /** A host that comes, goes or moves is noticed at the next look. */
  readonly addresses: AddressBook
}

/** Options of {@link reachHosts}. */
export interface ReachHostsOptions {
  /** As for `connect`. @default 10000 */
  readonly heartbeatMs?: number
}

/** One port of many hosts, by name. */
export interface ReachedHosts<Port> {
  /** The port of a host; nothing is connected before it is called. `undefined` for a host without an address. */
  get(name: string): Port | undefined
  /** Whether the host has an address. */
  has(name: string): boolean
  /** The names of all hosts. */
  keys(): IterableIterator<string>
  /** Cuts all connections. */
  close(): void
}

interface Reached<Port> {
  readonly address: string
  readonly caller: HttpCaller
  readonly port: Port
}

/**
 * One port of other hosts: the media servers of a master, the clients of a media server. Whoever answers at a host's address must have the host's name in its
 * certificate. Calls fail with `client-unreachable`, `media-server-unreachable` or (other ports) `server-unreachable` while a host is not there, and go through
 * again when it is.
 */
export function reachHosts<Name extends PortName>(
  port: Name,
  { identity, addresses }: ReachHostsComponents,
  options: ReachHostsOptions = {},
): ReachedHosts<Ports[Name]> {
  const reached = new Map<string, Reached<Ports[Name]>>()
  return {
    get: (name) => {
      const address = addresses.get(name)
      const known = reached.get(name)
      if (known !== undefined && known.address === address) return known.port
      // What is under way goes on to the old address and ends there; its connections are not kept.
      reached.delete(name)
      if (address === undefined) return undefined
      const caller = callerAt({ address, identity, expect: { name }, ...options })
      const its = hostPort(port, name, async () => caller)
      reached.set(name, { address, caller, port: its })
      return its
    },
    has: (name) => addresses.has(name),
    keys: () => addresses.keys(),
    close: () => {
      for (const { caller } of reached.values()) caller.close()
      reached.clear()
    },
  }
}
