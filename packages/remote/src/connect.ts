import { NbError } from '@nb/contracts'
import { createHttpCaller, type HttpCaller } from './calls/http-caller.ts'
import { infoPath, type ServerInfo, serverInfo, wireVersion } from './calls/server-info.ts'
import { watchPeer } from './calls/watch-peer.ts'
import type { PortContract } from './contracts/port-contract.ts'
import { portContracts, portNames, type PortName, type Ports } from './contracts/ports.ts'
import type { HostIdentity } from './identity/identity.ts'
import type { SocketHolder } from './socket/claim-socket.ts'
import { socketPeer } from './socket/socket-peer.ts'
import type { ExpectedPeer } from './tls/dial.ts'
import { parseTlsAddress } from './tls/tls-address.ts'
import { tlsPeer } from './tls/tls-peer.ts'
import { portCaller } from './wire/call-port.ts'
import { checked } from './wire/message-invalid.ts'
import { usualHeartbeatMs } from './wire/silence.ts'
import { fromRefusal } from './wire/wire-error.ts'

/** How long {@link connect} waits. */
export interface ConnectPatience {
  /** Gives up connecting; calls have signals of their own. */
  readonly signal?: AbortSignal
  /** How long the server may take to say what it is, milliseconds, 1–2147483647. @default 30000 */
  readonly timeoutMs?: number
}

/** Options of {@link connect} for a server of this host. */
export interface ConnectOptions extends ConnectPatience {
  /** The Unix socket of the server. */
  readonly socketPath: string
}

/** Options of {@link connect} for a server of another host. */
export interface TlsConnectOptions extends ConnectPatience {
  /** `host`, `host:port` or `[v6]:port`. */
  readonly address: string
  /** What this host or person proves itself with, and whom it trusts. */
  readonly identity: HostIdentity
  /** Who must answer. Nobody else hears anything. @default `{ role: 'master' }` */
  readonly expect?: ExpectedPeer
  /** How often the server is asked whether it lives while calls are under way, milliseconds, 1 or more; after five times that without a word calls end. @default 10000 */
  readonly heartbeatMs?: number
}

/** The ports of a server. Those it does not serve answer `not-supported`. */
export interface HostPortsConnection extends Ports {
  /** Lets go of the server; calls under way fail. Idempotent. */
  readonly close: () => void
}

/** The ports of a server that has told what it is. */
export interface Connection extends HostPortsConnection {
  readonly server: ServerInfo
}

/**
 * The ports of a server, the same as those of the objects it serves: of the one that listens on a Unix socket, or of one of another host.
 * Calls to another host that has become silent end with `server-unreachable`.
 *
 * Rejects with `server-unreachable` where nothing listens, nothing of ours, or what does not answer in time; `version-unsupported` for a server whose
 * calls are of another version; `identity-invalid` where another answers than was expected, or one of the two certificates is refused;
 * `argument-invalid` for an address that is none.
 */
export async function connect({
  signal,
  timeoutMs = 30_000,
  ...place
}: ConnectOptions | TlsConnectOptions): Promise<Connection> {
  const caller = callerAt(place)
  try {
    const server = await readInfo(caller, { timeoutMs, ...(signal === undefined ? {} : { signal }) })
    return { ...allPorts(caller), server, close: caller.close }
  } catch (error) {
    caller.close()
    throw error
  }
}

/**
 * The ports of a server of another host, without a look whether it is there: each call finds out. As {@link connect} else; a server of another
 * version refuses each call with `version-unsupported`. Throws `argument-invalid` for an address that is none.
 */
export function portsAt(place: Omit<TlsConnectOptions, keyof ConnectPatience>): HostPortsConnection {
  const caller = callerAt(place)
  return { ...allPorts(caller), close: caller.close }
}

/** Calls to a server; nothing is connected before the first. */
export function callerAt(
  place: Omit<ConnectOptions, keyof ConnectPatience> | Omit<TlsConnectOptions, keyof ConnectPatience>,
): HttpCaller {
  if ('socketPath' in place) return createHttpCaller(socketPeer(place.socketPath))
  const { address, identity, expect = { role: 'master' }, heartbeatMs = usualHeartbeatMs } = place
  return createHttpCaller(watchPeer(tlsPeer(parseTlsAddress(address), identity, expect), heartbeatMs))
}

/** What is known of the process that serves a socket; nothing, if it does not say. */
export async function askServerInfo(socketPath: string): Promise<SocketHolder> {
  const caller = createHttpCaller(socketPeer(socketPath))
  try {
    return await readInfo(caller, { timeoutMs: 30_000 })
  } catch {
    return {}
  } finally {
    caller.close()
  }
}

function allPorts(caller: HttpCaller): Ports {
  const port = <Name extends PortName>(name: Name): Ports[Name] =>
    portCaller(name, portContracts[name] as unknown as PortContract<Ports[Name]>, caller)
  return Object.fromEntries(portNames.map((name) => [name, port(name)])) as unknown as Ports
}

/** How long to wait for an answer. */
interface Patience {
  readonly signal?: AbortSignal
  readonly timeoutMs: number
}

async function readInfo(caller: HttpCaller, patience: Patience): Promise<ServerInfo> {
  const { peer } = caller
  const { status, body } = await ask(caller, patience)
  const told = parsed(body)
  if (status === 403) throw fromRefusal(told, peer)
  if (!isOurs(told))
    throw new NbError('server-unreachable', `what listens on ${peer} is not a server of nb`, {
      details: { peer },
      retryable: false,
    })
  if (told.wire !== wireVersion)
    throw new NbError(
      'version-unsupported',
      `the server on ${peer} speaks version ${told.wire} of the calls, this program ${wireVersion}; use programs of one release`,
      { details: { peer, server: told.wire, client: wireVersion } },
    )
  return checked(serverInfo, told, `what ${peer} tells about itself`)
}

async function ask(
  caller: HttpCaller,
  { signal, timeoutMs }: Patience,
): Promise<{ readonly status: number; readonly body: string }> {
  const { peer } = caller
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    return await caller.get(infoPath, signal === undefined ? timeout : AbortSignal.any([signal, timeout]))
  } catch (cause) {
    signal?.throwIfAborted()
    if (timeout.aborted)
      throw new NbError(
        'server-unreachable',
        `the server on ${peer} has not answered for ${timeoutMs / 1000} s; see whether it is overloaded or hangs`,
        { details: { peer }, cause },
      )
    if (cause instanceof NbError) throw cause
    throw new NbError(
      'server-unreachable',
      `no server listens on ${peer} (${(cause as NodeJS.ErrnoException).code ?? String(cause)}); start it, or name its ${peer.startsWith('/') ? 'socket or state directory' : 'address'}`,
      { details: { peer }, cause },
    )
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

function isOurs(told: unknown): told is { readonly wire: number } {
  return (
    typeof told === 'object' &&
    told !== null &&
    'service' in told &&
    told.service === 'nb' &&
    'wire' in told &&
    typeof told.wire === 'number'
  )
}
