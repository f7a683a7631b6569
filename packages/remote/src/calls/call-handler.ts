import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Logger, NbError } from '@nb/contracts'
import { BodyLimitPlugin, RPCHandler } from '@orpc/server/node'
import type { PortContract } from '../contracts/port-contract.ts'
import { portContracts, portNames, type PortName, type Ports } from '../contracts/ports.ts'
import { withReadableRequests, withWireErrors } from '../wire/interceptors.ts'
import { type AdmitCall, type PortProcedures, portProcedures, type WireContext } from '../wire/serve-port.ts'
import { toWireError } from '../wire/wire-error.ts'
import { infoPath, rpcPrefix, type ServerInfo, versionHeader, wireVersion } from './server-info.ts'

/** What the calls of a server are answered with. */
export interface CallHandlerOptions {
  /** The largest argument of a call, bytes. */
  readonly maxArgumentBytes: number
  /** Aborts when the server stops: streams end, connections are not kept. */
  readonly ending: AbortSignal
  /** Is told of requests that failed in another way than by an error of a port. */
  readonly log: Logger
  /** Who may make the calls of a request, or why it is not even read. @default everybody who reaches the server */
  readonly admission?: (request: IncomingMessage) => AdmitCall | NbError
}

/** Answers HTTP requests with the methods of ports: `POST /rpc/<port>/<method>`, and `GET /nb` with what is served. */
export function createCallHandler(
  ports: Partial<Ports>,
  { maxArgumentBytes, ending, log, admission }: CallHandlerOptions,
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
    const admit = admission?.(request)
    if (admit instanceof NbError) {
      response.shouldKeepAlive = false
      refuse(response, admit)
      return
    }
    if (request.method === 'GET' && request.url === infoPath) {
      response.setHeader('content-type', 'application/json')
      response.end(info)
      return
    }
    const version = request.headers[versionHeader]
    if (version !== undefined && version !== String(wireVersion)) {
      refuse(response, otherVersion(String(version)))
      return
    }
    const { matched } = await handler.handle(request, response, {
      prefix: rpcPrefix,
      context: admit === undefined ? { ending } : { ending, admit },
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

function otherVersion(theirs: string): NbError {
  return new NbError(
    'version-unsupported',
    `this server speaks version ${wireVersion} of the calls, the caller ${theirs}; use programs of one release`,
    { details: { server: wireVersion, client: theirs } },
  )
}

/** Answers as a call that failed is answered. */
function refuse(response: ServerResponse, error: NbError): void {
  const wireError = toWireError(error, 'any call')
  response.statusCode = wireError.status
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ json: wireError.toJSON() }))
}

function procedures(
  ports: Partial<Ports>,
  served: readonly PortName[],
  log: Logger,
): Record<string, PortProcedures> {
  const all: Record<string, PortProcedures> = {}
  for (const name of served)
    all[name] = portProcedures(name, portContracts[name] as PortContract<unknown>, ports[name], log)
  return all
}

function aboutMe(ports: readonly PortName[]): ServerInfo {
  return { service: 'nb', wire: wireVersion, pid: process.pid, ports }
}
