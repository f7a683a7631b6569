import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { debugLogger, type Logger } from '@nb/contracts'
import { RPCLink } from '@orpc/client/message-port'
import { oc } from '@orpc/contract'
import { type AnyRouter, implement } from '@orpc/server'
import { RPCHandler } from '@orpc/server/message-port'
import { type PortContract } from './contracts/port-contract.ts'
import { portContracts, type PortName, type Ports } from './contracts/ports.ts'
import { closed, count, text } from './schemas/schema.ts'
import { type CallContext, type Caller, portCaller } from './wire/call-port.ts'
import { FlowWindows, morePath, streamHeader } from './wire/flow-window.ts'
import { withReadableRequests, withWireErrors } from './wire/interceptors.ts'
import { portProcedures, type WireContext } from './wire/serve-port.ts'

/** A port behind a wire, and the way to cut it. */
export interface WireTwin<Port> {
  /** The same port; every argument, result, item and error of it has been text in between. */
  readonly port: Port
  /** Cuts the wire: calls under way on the implementation are aborted, those of the twin fail with `server-unreachable`. */
  readonly close: () => Promise<void>
}

/** Options of {@link createWireTwin}. */
export interface WireTwinOptions {
  /** @default debugLogger('nb:remote:twin') */
  readonly log?: Logger
}

/**
 * Puts an implementation of a port behind a wire inside this process: a `MessageChannel` over which everything
 * goes as JSON text and is checked on arrival. What passes a port's conformance suite through its twin can live on
 * another host. Streams have back-pressure: the implementation is at most 64 items ahead of the reader.
 */
export function createWireTwin<Name extends PortName>(
  name: Name,
  implementation: Ports[Name],
  { log = debugLogger('nb:remote:twin') }: WireTwinOptions = {},
): WireTwin<Ports[Name]> {
  const contract = portContracts[name] as unknown as PortContract<Ports[Name]>
  const { port1: near, port2: far } = new MessageChannel()
  servePort(far, { [name]: portProcedures(name, contract, implementation, log) })
  const port = portCaller(name, contract, callerOver(near, `the twin of ${name}`))
  return {
    port,
    close: async () => {
      const cut = [near, far].map((end) => new Promise<void>((resolve) => end.once('close', () => resolve())))
      near.close()
      await Promise.all(cut)
    },
  }
}

/** {@link createWireTwin} by the name of the port. */
export const twinOf: {
  readonly [Name in PortName]: (
    implementation: Ports[Name],
    options?: WireTwinOptions,
  ) => WireTwin<Ports[Name]>
} = {
  scheduler: (implementation, options) => createWireTwin('scheduler', implementation, options),
  jobs: (implementation, options) => createWireTwin('jobs', implementation, options),
  jobRegistry: (implementation, options) => createWireTwin('jobRegistry', implementation, options),
  jobSessions: (implementation, options) => createWireTwin('jobSessions', implementation, options),
  jobLog: (implementation, options) => createWireTwin('jobLog', implementation, options),
  broker: (implementation, options) => createWireTwin('broker', implementation, options),
  media: (implementation, options) => createWireTwin('media', implementation, options),
  devices: (implementation, options) => createWireTwin('devices', implementation, options),
  catalog: (implementation, options) => createWireTwin('catalog', implementation, options),
  mediaServer: (implementation, options) => createWireTwin('mediaServer', implementation, options),
  clientAgent: (implementation, options) => createWireTwin('clientAgent', implementation, options),
  restores: (implementation, options) => createWireTwin('restores', implementation, options),
  enrolment: (implementation, options) => createWireTwin('enrolment', implementation, options),
  hosts: (implementation, options) => createWireTwin('hosts', implementation, options),
  audit: (implementation, options) => createWireTwin('audit', implementation, options),
}

/** A `MessagePort` has no back-pressure, so readers say how far they are. */
function servePort(end: MessagePort, procedures: Record<string, AnyRouter>): void {
  const windows = new FlowWindows()
  const more = implement(oc.input(closed<MoreInput>({ streamId: text, items: count })))
    .$context<WireContext>()
    .handler(async ({ input }) => windows.more(input.streamId, input.items))
  const handler = new RPCHandler<WireContext>(
    { ...procedures, flow: { more } },
    {
      clientInterceptors: [withWireErrors],
      interceptors: [withReadableRequests],
      rootInterceptors: [
        (options) => {
          const streamId = options.request.headers[streamHeader]
          const context = typeof streamId === 'string' ? { windows, streamId } : { windows }
          return options.next({ ...options, context })
        },
      ],
    },
  )
  handler.upgrade(end, { context: { windows } })
  end.start()
}

interface MoreInput {
  readonly streamId: string
  readonly items: number
}

function callerOver(end: MessagePort, peer: string): Caller {
  const link = new RPCLink<CallContext>({
    port: end,
    headers: ({ context }): Record<string, string> =>
      context.streamId === undefined ? {} : { [streamHeader]: context.streamId },
  })
  end.start()
  const call: Caller['call'] = (path, input, options) => link.call(path, input, options)
  return {
    peer,
    call,
    more: async (streamId, items) => void (await call(morePath, { streamId, items }, { context: {} })),
  }
}
