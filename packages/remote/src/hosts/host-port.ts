import { type ErrorCode, NbError } from '@nb/contracts'
import type { HttpCaller } from '../calls/http-caller.ts'
import type { PortContract } from '../contracts/port-contract.ts'
import { portContracts, type PortName, type Ports } from '../contracts/ports.ts'
import { portCaller } from '../wire/call-port.ts'
import { reasonOf, unreachable } from '../wire/wire-error.ts'

/** How it is told that a host is away, or not known at all. */
interface HostKind {
  readonly what: string
  readonly away: ErrorCode
  readonly unknown: ErrorCode
}

/** By the port that is wanted of it: jobs end with what these say. */
const kinds: { readonly [Name in PortName]?: HostKind } = {
  clientAgent: { what: 'client', away: 'client-unreachable', unknown: 'client-unknown' },
  mediaServer: {
    what: 'media server',
    away: 'media-server-unreachable',
    unknown: 'media-server-unknown',
  },
}

/** One port of a host that is known by its name. What can't be called is told by that name, and by what the host is. */
export function hostPort<Name extends PortName>(
  port: Name,
  host: string,
  find: () => Promise<HttpCaller>,
): Ports[Name] {
  const kind = kinds[port]
  let peer = host
  return portCaller(port, portContracts[port] as unknown as PortContract<Ports[Name]>, {
    peer: host,
    call: async (path, input, call) => {
      const caller = await find()
      peer = caller.peer
      return caller.call(path, input, call)
    },
    unreachable: (cause) =>
      kind === undefined
        ? unreachable(`${host} at ${peer}`, cause)
        : new NbError(kind.away, `${kind.what} ${host} can't be reached at ${peer}: ${reasonOf(cause)}`, {
            details: { host, address: peer },
            cause,
          }),
  })
}

/** A host that the master does not know, or not any more, or has no address of. */
export function hostUnknown(port: PortName, host: string): NbError {
  const { what = 'host', unknown = 'not-found' } = kinds[port] ?? {}
  return new NbError(
    unknown,
    `${what} ${host} is not known to the master, or has no address there: enrol it, or nb host set ${host} --address HOST:PORT`,
    {
      details: { host },
    },
  )
}
