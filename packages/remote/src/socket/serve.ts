import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Clock, debugLogger, type Logger, systemClock } from '@nb/contracts'
import { BodyLimitPlugin, RPCHandler } from '@orpc/server/node'
import type { PortContract } from '../contracts/port-contract.ts'
import { portContracts, portNames, type PortName, type Ports } from '../contracts/ports.ts'
import { withReadableRequests, withWireErrors } from '../wire/interceptors.ts'
import { type PortProcedures, portProcedures, serverStopping, type WireContext } from '../wire/serve-port.ts'
import { claimSocket } from './claim-socket.ts'
import { askServerInfo } from './connect.ts'
import { infoPath, rpcPrefix, type ServerInfo, wireVersion } from './server-info.ts'

/** Options of {@link serve}. */
export interface ServeOptions {
  /** The Unix socket, a path of at most about 90 bytes. It is made with mode 0600, its directory with 0700 if missing. */
  readonly socketPath: string
  /** How long calls under way may take to finish when the server stops, milliseconds, 0 or more. @default 1000 */
  readonly graceMs?: number
  /** The largest argument of a call in bytes, 1 KiB or more. @default 16 MiB */
  readonly maxArgumentBytes?: number
  /** @default systemClock() */
  readonly clock?: Clock
  /** @default debugLogger('nb:remote:server') */
  readonly log?: Logger
}

/** A server that listens. */
export interface PortServer {
  readonly socketPath: string
  /**
   * Stops listening, ends open streams with `server-unreachable`, gives calls under way their grace and cuts what is
   * left. Idempotent; resolves when nothing of it is left, the socket included.
   */
  readonly stop: () => Promise<void>
}

/**
 * Serves ports on a Unix socket, over HTTP: `POST /rpc/<port>/<method>` with `{"json": argument}`, streams as
 * server-sent events, `GET /nb` for what is served. Only processes of this user can open the socket.
 *
 * Rejects with `store-locked`, naming the process, where another server listens on the socket already;
 * `argument-invalid` for a path the kernel does not take; `already-exists` where something else than a socket is in the way.
 */
export async function serve(ports: Partial<Ports>, options: ServeOptions): Promise<PortServer> {
  const { socketPath, graceMs = 1000, clock = systemClock() } = options
  if (!(graceMs >= 0)) throw new TypeError(`graceMs must be 0 or more, not ${graceMs}`)
  const log = options.log ?? debugLogger('nb:remote:server')
  const ending = new AbortController()
  const server = createServer(listener(ports, options, ending.signal, log))
  server.keepAliveTimeout = 0
  server.requestTimeout = 0
  server.on('clientError', (error, socket) => {
    log.error('a request could not be read: %o', error)
    socket.destroy()
  })
  // A stream's connection is kept for the next call; when stopping there is none.
  server.on('request', (_request, response: ServerResponse) =>
    response.once('close', () => ending.signal.aborted && setImmediate(() => server.closeIdleConnections())),
  )
  const unclaim = await claimSocket(server, socketPath, askServerInfo)
  log('serving %s on %s', Object.keys(ports).join(', '), socketPath)

  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    await unclaim()
    ending.abort(serverStopping())
    const closed = closeServer(server)
    const cancel = clock.setTimer(graceMs, () => server.closeAllConnections(), { keepAlive: true })
    await closed.finally(cancel)
  }
  return { socketPath, stop: () => (stopped ??= stop()) }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)))
    server.closeIdleConnections()
  })
}

function listener(
  ports: Partial<Ports>,
  { maxArgumentBytes = 16 * 2 ** 20 }: ServeOptions,
  ending: AbortSignal,
  log: Logger,
): (request: IncomingMessage, response: ServerResponse) => void {
  const served = portNames.filter((name) => ports[name] !== undefined)
  const handler = new RPCHandler<WireContext>(procedures(ports, served, log), {
    plugins: [new BodyLimitPlugin({ maxBodySize: maxArgumentBytes })],
    clientInterceptors: [withWireErrors],
    interceptors: [withReadableRequests],
  })
  const info = JSON.stringify(aboutMe(served))
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (ending.aborted) response.setHeader('connection', 'close')
    if (request.method === 'GET' && request.url === infoPath) {
      response.setHeader('content-type', 'application/json')
      response.end(info)
      return
    }
    const { matched } = await handler.handle(request, response, {
      prefix: rpcPrefix,
      context: { ending },
    })
    if (matched) return
    response.statusCode = 404
    response.setHeader('content-type', 'application/json')
    response.end('{"json":{"defined":false,"code":"NOT_FOUND","status":404,"message":"not served here"}}')
  }
  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      log.error('%s %s failed: %o', request.method, request.url, error)
      response.destroy()
    })
  }
}

function procedures(
  ports: Partial<Ports>,
  served: readonly PortName[],
  log: Logger,
): Record<string, PortProcedures> {
  const all: Record<string, PortProcedures> = {}
  for (const name of served)
    all[name] = portProcedures(portContracts[name] as PortContract<unknown>, ports[name], log)
  return all
}

function aboutMe(ports: readonly PortName[]): ServerInfo {
  return { service: 'nb', wire: wireVersion, pid: process.pid, ports }
}
