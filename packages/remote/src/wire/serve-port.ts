import { type CallOptions, type Logger, NbError } from '@nb/contracts'
import { oc } from '@orpc/contract'
import { type AnyProcedure, implement } from '@orpc/server'
import type { PortName } from '../contracts/ports.ts'
import type { CallContract, PortContract, StreamContract } from '../contracts/port-contract.ts'
import { nothing, type Schema } from '../schemas/schema.ts'
import { orAborted } from '../channels/deferred.ts'
import { Batches } from './batches.ts'
import { type Looked, lookAt } from './message-invalid.ts'
import { toWireError } from './wire-error.ts'

/** What every call on the serving side comes with. */
export interface WireContext {
  /** Aborts when the server wants streams to end; its reason is the error they end with. */
  readonly ending?: AbortSignal
  /** Asked before the implementation sees a call. @default every call is admitted */
  readonly admit?: AdmitCall
  /** Aborts when the caller may nothing any more: calls and streams end with its reason. */
  readonly until?: AbortSignal
}

/** Told how a call that was admitted has ended: its result or its last item is awaited first; its error, or its result, is given. */
export type CallEnded = (error?: unknown, result?: unknown) => Promise<void>

/** Decides whether a call may be made; throws what its caller is answered with, `access-denied` mostly. May want to be told of the end. */
export type AdmitCall = (call: PortCall) => Promise<CallEnded | undefined>

/** A call that has arrived, its argument checked. */
export interface PortCall {
  readonly port: PortName
  readonly method: string
  readonly input: unknown
}

type Method = (input: unknown, options: CallOptions) => unknown

/** The procedures that let calls off a wire reach the methods of a port. */
export type PortProcedures = Readonly<Record<string, AnyProcedure>>

// Results are checked where they arrive, so checking them here too would only cost time.
const config = { initialInputValidationIndex: 0, initialOutputValidationIndex: Number.NaN }

/**
 * Makes the procedures of a port. Arguments are checked before the implementation sees them; its errors leave as
 * {@link toWireError} says; a call whose caller is gone has its signal aborted.
 */
export function portProcedures<Port>(
  port: PortName,
  contract: PortContract<Port>,
  implementation: Port,
  log: Logger,
): PortProcedures {
  const procedures: Record<string, AnyProcedure> = {}
  for (const [name, method] of Object.entries<AnyMethodContract>(contract as AnyContract)) {
    const target = (implementation as Record<string, Method>)[name]
    if (typeof target !== 'function')
      throw new TypeError(`the implementation has no method ${name}, which its port asks for`)
    const run: Method = target.bind(implementation)
    procedures[name] =
      method.kind === 'call'
        ? callProcedure({ port, method: name }, method, run)
        : streamProcedure({ port, method: name }, method, run, log)
  }
  return procedures
}

type AnyContract = Readonly<Record<string, AnyMethodContract>>
type AnyMethodContract = CallContract<unknown, unknown> | StreamContract<unknown, unknown>

type Called = Omit<PortCall, 'input'>

function callProcedure(
  called: Called,
  { input, output }: CallContract<unknown, unknown>,
  run: Method,
): AnyProcedure {
  return implement(oc.input(arriving(input)), config)
    .$context<WireContext>()
    .handler(async ({ input: argument, signal, context: { admit, until } }) => {
      const ended = await admit?.({ ...called, input: argument })
      const result = await told(ended, async () => {
        until?.throwIfAborted()
        const running = Promise.resolve(run(argument, optionsOf(anyOf(signal, until))))
        return orAborted(running, until, () => undefined)
      })
      return output === nothing ? undefined : result
    })
}

function streamProcedure(
  called: Called,
  { input }: StreamContract<unknown, unknown>,
  run: Method,
  log: Logger,
): AnyProcedure {
  return implement(oc.input(arriving(input)), config)
    .$context<WireContext>()
    .handler(async ({ input: argument, signal, context, path }) => {
      const ended = await context.admit?.({ ...called, input: argument })
      const either = anyOf(signal, context.ending, context.until)
      const items = run(argument, optionsOf(either)) as AsyncIterable<unknown>
      return send(ended === undefined ? items : toldItems(ended, items), either, path.join('.'), log)
    })
}

/** A schema as oRPC asks it: an argument with very many faults costs no more than one with a few. */
function arriving(schema: Schema<unknown>) {
  const validate = (value: unknown): Looked<unknown> => lookAt(schema, value)
  return { '~standard': { version: 1, vendor: 'nb', validate } } as const
}

/**
 * Sends items as the reader takes them, those that are there in one turn of the event loop together. When the signal
 * aborts it ends at once, whether or not the implementation notices, so that nothing of the wire waits for it.
 */
async function* send(
  items: AsyncIterable<unknown>,
  signal: AbortSignal | undefined,
  method: string,
  log: Logger,
): AsyncGenerator<readonly unknown[], void, undefined> {
  const batches = new Batches(items)
  try {
    for (let batch = await batches.next(signal); batch !== undefined; batch = await batches.next(signal))
      yield batch
  } catch (error) {
    throw toWireError(error, method)
  } finally {
    batches.leave((error) => log.error('%s failed while ending: %o', method, error))
  }
}

async function told<Result>(ended: CallEnded | undefined, work: () => Promise<Result>): Promise<Result> {
  if (ended === undefined) return work()
  let result: Result
  try {
    result = await work()
  } catch (error) {
    await ended(error)
    throw error
  }
  await ended(undefined, result)
  return result
}

/** A reader that leaves early ends the call well: it has what it wanted. */
async function* toldItems(
  ended: CallEnded,
  items: AsyncIterable<unknown>,
): AsyncGenerator<unknown, void, undefined> {
  let failure: unknown
  try {
    yield* items
  } catch (error) {
    failure = error
    throw error
  } finally {
    await ended(failure)
  }
}

function anyOf(...signals: readonly (AbortSignal | undefined)[]): AbortSignal | undefined {
  const given = signals.filter((one) => one !== undefined)
  return given.length > 1 ? AbortSignal.any(given) : given[0]
}

function optionsOf(signal: AbortSignal | undefined): CallOptions {
  return signal === undefined ? {} : { signal }
}

/** Refuses, for a server that is about to end. */
export function serverStopping(): NbError {
  return new NbError('server-unreachable', 'the server is stopping; try again when it is up')
}
