import { NbError } from '@nb/contracts'
import type { PortContract } from '../contracts/port-contract.ts'
import { portContracts, type PortName, type Ports } from '../contracts/ports.ts'
import { portCaller } from '../wire/call-port.ts'
import { checked } from '../wire/message-invalid.ts'
import { createHttpCaller, type HttpCaller } from './http-caller.ts'
import { infoPath, type ServerInfo, serverInfo, wireVersion } from './server-info.ts'
import type { SocketHolder } from './claim-socket.ts'

/** Options of {@link connect}. */
export interface ConnectOptions {
  /** The Unix socket of the server. */
  readonly socketPath: string
  /** Gives up connecting; calls have signals of their own. */
  readonly signal?: AbortSignal
  /** How long the server may take to say what it is, milliseconds, 1–2147483647. @default 30000 */
  readonly timeoutMs?: number
}

/** The ports of a server. Those it does not serve answer `not-supported`. */
export interface Connection extends Ports {
  readonly server: ServerInfo
  /** Lets go of the server; calls under way fail. Idempotent. */
  readonly close: () => void
}

/**
 * The ports of the server that listens on a Unix socket, the same as those of the objects it serves.
 *
 * Rejects with `server-unreachable` where nothing listens, nothing of ours, or what does not answer in time; `version-unsupported` for a server whose
 * calls are of another version.
 */
export async function connect({
  socketPath,
  signal,
  timeoutMs = 30_000,
}: ConnectOptions): Promise<Connection> {
  const caller = createHttpCaller(socketPath)
  try {
    const server = await readInfo(caller, socketPath, {
      timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    })
    return { ...allPorts(caller), server, close: caller.close }
  } catch (error) {
    caller.close()
    throw error
  }
}

/** What is known of the process that serves a socket; nothing, if it does not say. */
export async function askServerInfo(socketPath: string): Promise<SocketHolder> {
  const caller = createHttpCaller(socketPath)
  try {
    return await readInfo(caller, socketPath, { timeoutMs: 30_000 })
  } catch {
    return {}
  } finally {
    caller.close()
  }
}

function allPorts(caller: HttpCaller): Ports {
  const port = <Name extends PortName>(name: Name): Ports[Name] =>
    portCaller(name, portContracts[name] as unknown as PortContract<Ports[Name]>, caller)
  return {
    scheduler: port('scheduler'),
    jobs: port('jobs'),
    jobRegistry: port('jobRegistry'),
    jobSessions: port('jobSessions'),
    jobLog: port('jobLog'),
    broker: port('broker'),
    media: port('media'),
    catalog: port('catalog'),
    mediaServer: port('mediaServer'),
    clientAgent: port('clientAgent'),
    restores: port('restores'),
  }
}

/** How long to wait for an answer. */
interface Patience {
  readonly signal?: AbortSignal
  readonly timeoutMs: number
}

async function readInfo(caller: HttpCaller, socketPath: string, patience: Patience): Promise<ServerInfo> {
  const told = parsed((await ask(caller, socketPath, patience)).body)
  if (!isOurs(told))
    throw new NbError('server-unreachable', `what listens on ${socketPath} is not a server of nb`, {
      details: { socketPath },
      retryable: false,
    })
  if (told.wire !== wireVersion)
    throw new NbError(
      'version-unsupported',
      `the server on ${socketPath} speaks version ${told.wire} of the calls, this program ${wireVersion}; use programs of one release`,
      { details: { socketPath, server: told.wire, client: wireVersion } },
    )
  return checked(serverInfo, told, `what ${socketPath} tells about itself`)
}

async function ask(
  caller: HttpCaller,
  socketPath: string,
  { signal, timeoutMs }: Patience,
): Promise<{ readonly body: string }> {
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    return await caller.get(infoPath, signal === undefined ? timeout : AbortSignal.any([signal, timeout]))
  } catch (cause) {
    signal?.throwIfAborted()
    if (timeout.aborted)
      throw new NbError(
        'server-unreachable',
        `the server on ${socketPath} has not answered for ${timeoutMs / 1000} s; see whether it is overloaded or hangs`,
        { details: { socketPath }, cause },
      )
    throw new NbError(
      'server-unreachable',
      `no server listens on ${socketPath} (${(cause as NodeJS.ErrnoException).code ?? String(cause)}); start it, or name its socket or state directory`,
      { details: { socketPath }, cause },
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
