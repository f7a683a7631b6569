import { createServer } from 'node:http'
import type { Server } from 'node:https'
import { userInfo } from 'node:os'
import type { TLSSocket } from 'node:tls'
import { type Clock, debugLogger, type Logger, NbError, systemClock } from '@nb/contracts'
import type { AccessControl } from './access/access.ts'
import { createCallHandler } from './calls/call-handler.ts'
import { createHttpService } from './calls/http-service.ts'
import { askServerInfo } from './connect.ts'
import type { Ports } from './contracts/ports.ts'
import type { HostIdentity, PeerIdentity } from './identity/identity.ts'
import { claimSocket } from './socket/claim-socket.ts'
import { createAdmission } from './tls/admission.ts'
import type { TlsChannels } from './tls/tls-channels.ts'
import { createTlsServer, usualConnections } from './tls/tls-server.ts'
import type { PortCall } from './wire/serve-port.ts'

/** What every server of ports may be told. */
export interface CommonServeOptions {
  /** How long calls under way may take to finish when the server stops, milliseconds, 0 or more. @default 1000 */
  readonly graceMs?: number
  /**
   * The largest argument of a call in bytes, 1 KiB or more. Of a caller that is a client and nothing else it is 1 MiB, of one
   * without a certificate 64 KiB, where that is less. What a caller sends at once may be twice as much, what all do sixteen times. @default 16 MiB
   */
  readonly maxArgumentBytes?: number
  /** @default systemClock() */
  readonly clock?: Clock
  /** @default debugLogger('nb:remote:server') */
  readonly log?: Logger
}

/** Options of {@link serve} for programs of the same user on this host. */
export interface ServeOptions extends CommonServeOptions {
  /** The Unix socket, a path of at most about 90 bytes. It is made with mode 0600, its directory with 0700 if missing. */
  readonly socketPath: string
  /** Decides about each call, and notes it; the caller is the user of this process, an administrator. @default everything is allowed, nothing noted */
  readonly access?: AccessControl
}

/** Options of {@link serve} for other hosts. */
export interface TlsServeOptions extends CommonServeOptions {
  /** The TCP port, 0 for any that is free. */
  readonly port: number
  /** The address to listen on. @default every address of this host */
  readonly host?: string
  /** What this host proves itself with, and whom it trusts. */
  readonly identity: HostIdentity
  /** Decides who may call what. */
  readonly access: AccessControl
  /** Data channels that are reached on the same port. @default connections for data are refused */
  readonly channels?: Pick<TlsChannels, 'admit' | 'close'>
  /** How many connections the holder of a name may have at once, 1 or more, masters and media servers 16 times as many; further ones are refused. @default 256 */
  readonly maxConnectionsPerCaller?: number
}

/** A server that listens on a Unix socket. */
export interface PortServer {
  readonly socketPath: string
  /**
   * Stops listening, ends open streams with `server-unreachable`, gives calls under way their grace and cuts what is
   * left. Idempotent; resolves when nothing of it is left, the socket included.
   */
  readonly stop: () => Promise<void>
}

/** A server that listens for other hosts. */
export interface TlsPortServer {
  /** The TCP port it listens on. */
  readonly port: number
  /** As that of {@link PortServer}; its data channels are closed too. */
  readonly stop: () => Promise<void>
}

/**
 * Serves ports over HTTP: `POST /rpc/<port>/<method>` with `{"json": argument}`, streams as server-sent events,
 * `GET /nb` for what is served.
 *
 * On a Unix socket that only processes of this user can open. Rejects with `store-locked`, naming the process, where another server listens on
 * the socket already; `argument-invalid` for a path the kernel does not take; `already-exists` where something else than a
 * socket is in the way.
 *
 * Or on a TCP port, by TLS 1.3: both sides prove who they are, and `access` decides what a caller may do. Calls and data channels
 * share the port; the handshake tells which it is. Rejects with `store-locked` where another process has the port.
 */
export function serve(ports: Partial<Ports>, options: ServeOptions): Promise<PortServer>
export function serve(ports: Partial<Ports>, options: TlsServeOptions): Promise<TlsPortServer>
export async function serve(
  ports: Partial<Ports>,
  options: ServeOptions | TlsServeOptions,
): Promise<PortServer | TlsPortServer> {
  return 'socketPath' in options ? serveSocket(ports, options) : serveTls(ports, options)
}

async function serveSocket(
  ports: Partial<Ports>,
  { socketPath, access, ...options }: ServeOptions,
): Promise<PortServer> {
  const { log, service, handlerOptions } = common(options)
  const peer: PeerIdentity = { name: userInfo().username, roles: ['administrator'], fingerprint: '' }
  const admission =
    access &&
    (() => ({
      ...{ caller: peer.name, most: handlerOptions.maxArgumentBytes },
      admit: (call: PortCall) => access.admit({ ...call, peer }),
    }))
  const server = createServer(
    createCallHandler(ports, { ...handlerOptions, ...(admission && { admission }) }),
  )
  server.keepAliveTimeout = 0
  server.requestTimeout = 0
  service.attach(server)
  const unclaim = await claimSocket(server, socketPath, askServerInfo)
  log('serving %s on %s', Object.keys(ports).join(', '), socketPath)
  let stopped: Promise<void> | undefined
  return { socketPath, stop: () => (stopped ??= unclaim().then(service.stop)) }
}

async function serveTls(
  ports: Partial<Ports>,
  {
    port,
    host,
    identity,
    access,
    channels,
    maxConnectionsPerCaller: mostConnections = usualConnections,
    ...options
  }: TlsServeOptions,
): Promise<TlsPortServer> {
  const { clock, log, service, handlerOptions } = common(options)
  const takeData = (socket: TLSSocket, peer: PeerIdentity): void =>
    channels === undefined ? void socket.destroy() : channels.admit(socket, peer)
  const tls = createTlsServer({ identity, clock, log, takeData, mostConnections })
  tls.server.on(
    'request',
    createCallHandler(ports, {
      ...handlerOptions,
      admission: createAdmission(tls, access, handlerOptions.maxArgumentBytes),
    }),
  )
  service.attach(tls.server)
  await listen(tls.server, port, host)
  const bound = portOf(tls.server)
  log('serving %s on port %d', Object.keys(ports).join(', '), bound)
  const stop = async (): Promise<void> => {
    tls.close()
    await Promise.all([service.stop(), channels?.close()])
  }
  let stopped: Promise<void> | undefined
  return { port: bound, stop: () => (stopped ??= stop()) }
}

function common({
  graceMs = 1000,
  maxArgumentBytes = 16 * 2 ** 20,
  clock = systemClock(),
  log = debugLogger('nb:remote:server'),
}: CommonServeOptions) {
  const service = createHttpService({ graceMs, clock, log })
  return { clock, log, service, handlerOptions: { maxArgumentBytes, ending: service.ending, log } }
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') reject(error)
      reject(
        new NbError('store-locked', `another process listens on port ${port}; stop it, or use another port`, {
          details: { port },
          cause: error,
        }),
      )
    })
    server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve)
  })
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return address.port
}
