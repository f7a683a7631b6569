import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { asNbError, type Logger, NbError } from '@nb/contracts'
import { RPCHandler } from '@orpc/server/node'
import { describePorts } from '../api/open-api.ts'
import type { PortContract } from '../contracts/port-contract.ts'
import { portContracts, portNames, type PortName, type Ports } from '../contracts/ports.ts'
import { withReadableRequests, withWireErrors } from '../wire/interceptors.ts'
import { type AdmitCall, type PortProcedures, portProcedures, type WireContext } from '../wire/serve-port.ts'
import { type ArgumentLimits, ArgumentRoom, readArgument } from './read-argument.ts'
import { nothingAt, otherMethod, type Refusal, toldRefusal } from './refusal.ts'
import {
  infoPath,
  openApiPath,
  rpcPrefix,
  type ServerInfo,
  versionHeader,
  wireVersion,
} from './server-info.ts'

/** What the calls of a server are answered with. */
export interface CallHandlerOptions {
  /** The largest argument of a call, bytes. */
  readonly maxArgumentBytes: number
  /** Aborts when the server stops: streams end, connections are not kept. */
  readonly ending: AbortSignal
  /** Is told of requests that failed in another way than by an error of a port. */
  readonly log: Logger
  /** Who makes the calls of a request, or why it is not even read. @default everybody who reaches the server may make all */
  readonly admission?: (request: IncomingMessage) => Admission | NbError
}

/** Whose a request is. */
export interface Admission extends Omit<ArgumentLimits, 'room'> {
  /** Decides about each of its calls. */
  readonly admit?: AdmitCall
  /** Aborts when it is nobody's any more; its calls and streams end at once, with the reason. @default it never does */
  readonly until?: AbortSignal
}

/** What arguments may take in memory at once, in longest arguments. */
const mostArguments = 16

/** Answers HTTP requests with the methods of ports: `POST /rpc/<port>/<method>`, `GET /nb` with what is served, and `GET /nb/openapi.json` with its description. */
export function createCallHandler(
  ports: Partial<Ports>,
  { maxArgumentBytes, ending, log, admission }: CallHandlerOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const served = portNames.filter((name) => ports[name] !== undefined)
  const handler = new RPCHandler<WireContext>(procedures(ports, served, log), {
    clientInterceptors: [withWireErrors],
    interceptors: [withReadableRequests],
  })
  const room = new ArgumentRoom(mostArguments * maxArgumentBytes)
  const everybody: Admission = { caller: '', most: maxArgumentBytes }
  const info = JSON.stringify(aboutMe(served))
  let described: string | undefined
  const told: Readonly<Record<string, () => string>> = {
    [infoPath]: () => info,
    [openApiPath]: () => (described ??= JSON.stringify(describePorts(served))),
  }
  const methods = new Set(
    served.flatMap((name) => Object.keys(portContracts[name]).map((call) => `${rpcPrefix}/${name}/${call}`)),
  )
  const misdirected = (path: string, method: string | undefined, isTold: boolean): Refusal | undefined => {
    if (isTold) return otherMethod(path, method, 'GET')
    if (!methods.has(path)) return nothingAt(path)
    return method === 'POST' ? undefined : otherMethod(path, method, 'POST')
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (ending.aborted) response.setHeader('connection', 'close')
    const admitted = admission?.(request) ?? everybody
    if (admitted instanceof NbError) {
      refuse(request, response, { error: admitted })
      return
    }
    const path = pathOf(request)
    const text = Object.hasOwn(told, path) ? told[path] : undefined
    if (text !== undefined && request.method === 'GET') {
      response.setHeader('content-type', 'application/json')
      response.end(text())
      return
    }
    const version = request.headers[versionHeader]
    if (version !== undefined && version !== String(wireVersion)) {
      refuse(request, response, { error: otherVersion(String(version)) })
      return
    }
    const refusal = misdirected(path, request.method, text !== undefined)
    if (refusal !== undefined) {
      refuse(request, response, refusal)
      return
    }
    // Where the handler looks for what was read already.
    const read: IncomingMessage & { body?: unknown } = request
    try {
      read.body = await bodyOf(request, path, { ...admitted, room })
    } catch (error) {
      if (request.destroyed && !request.complete) return
      refuse(request, response, { error: asNbError(error) })
      return
    }
    const { admit, until } = admitted
    const context = {
      ending,
      ...(admit === undefined ? {} : { admit }),
      ...(until === undefined ? {} : { until }),
    }
    await handler.handle(request, response, { prefix: rpcPrefix, context })
    // The request lives as long as its connection.
    delete read.body
  }
  /** The last answer on each connection. */
  const answers = new WeakMap<Socket, ServerResponse>()
  return (request, response) => {
    // Each connection has one call at a time: what is asked ahead would all be begun at once.
    const isAhead = answers.get(request.socket)?.writableEnded === false
    answers.set(request.socket, response)
    if (isAhead) {
      log.error('%s asks before it was answered', request.socket.remoteAddress)
      request.socket.destroy()
      return
    }
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

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? ''
}

/** The argument of a call, in its envelope. */
async function bodyOf(request: IncomingMessage, path: string, limits: ArgumentLimits): Promise<unknown> {
  const what = path.split('/').slice(-2).join('.')
  const body = await readArgument(request, what, limits)
  refuseNotes(body, what)
  return body
}

/** Arguments are plain data: what oRPC's form could say of values that JSON does not have nobody of ours says. */
function refuseNotes(body: unknown, what: string): void {
  if (typeof body !== 'object' || body === null) return
  const field = Object.keys(body).find((key) => key !== 'json')
  if (field !== undefined)
    throw new NbError('message-invalid', `the argument of ${what}, field ${field}: unknown beside json`, {
      details: { field },
    })
}

/** Answers as a call that failed is answered. What else comes of the request is not read. */
function refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  response.shouldKeepAlive = false
  const { status, body } = toldRefusal(refusal)
  response.statusCode = status
  response.setHeader('content-type', 'application/json')
  if (refusal.allow !== undefined) response.setHeader('allow', refusal.allow)
  response.end(body)
  // The answer is with the kernel by now. Waiting until it is known to be, megabytes would be parsed that have come already, in whatever tiny chunks.
  if (!request.complete && request.headers['transfer-encoding'] !== undefined) request.socket.destroy()
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
