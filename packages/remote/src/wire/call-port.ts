import { type CallOptions, type NbError, throwIfAborted } from '@nb/contracts'
import { z } from 'zod'
import type { CallContract, PortContract, StreamContract } from '../contracts/port-contract.ts'
import { list } from '../schemas/schema.ts'
import { checked } from './message-invalid.ts'
import { fromWireError } from './wire-error.ts'

/** How calls get to the other side. */
export interface Caller {
  /** The other side, for messages. */
  readonly peer: string
  readonly call: (path: readonly string[], input: unknown, options: CallOptions) => Promise<unknown>
  /** The error for a peer that gives no answer. @default `server-unreachable` */
  readonly unreachable?: (cause: unknown) => NbError
}

/**
 * A port whose methods are calls on the other side. What arrives is checked; errors are those of the
 * implementation, and `server-unreachable` when nobody answers.
 */
export function portCaller<Port>(name: string, contract: PortContract<Port>, caller: Caller): Port {
  const port: Record<string, unknown> = {}
  for (const [method, its] of Object.entries<AnyMethodContract>(contract as AnyContract)) {
    const path = [name, method]
    port[method] =
      its.kind === 'call'
        ? (input: unknown, options?: CallOptions) => callOnce(path, its, caller, input, options)
        : (input: unknown, options?: CallOptions) => receive(path, its, caller, input, options)
  }
  return Object.freeze(port) as Port
}

const anyItems = list(z.unknown())

type AnyContract = Readonly<Record<string, AnyMethodContract>>
type AnyMethodContract = CallContract<unknown, unknown> | StreamContract<unknown, unknown>

async function callOnce(
  path: readonly string[],
  contract: CallContract<unknown, unknown>,
  caller: Caller,
  input: unknown,
  options: CallOptions = {},
): Promise<unknown> {
  throwIfAborted(options)
  try {
    const answer = await caller.call(path, input, options)
    return checked(contract.output, answer, `the answer of ${path.join('.')}`)
  } catch (error) {
    throwIfAborted(options)
    throw fromWireError(error, path.join('.'), caller.peer, caller.unreachable)
  }
}

async function* receive(
  path: readonly string[],
  contract: StreamContract<unknown, unknown>,
  caller: Caller,
  input: unknown,
  options: CallOptions = {},
): AsyncGenerator<unknown, void, undefined> {
  throwIfAborted(options)
  try {
    const batches = (await caller.call(path, input, options)) as AsyncIterable<unknown>
    for await (const batch of batches)
      for (const item of checked(anyItems, batch, `the items of ${path.join('.')}`))
        yield checked(contract.item, item, `an item of ${path.join('.')}`)
    throwIfAborted(options)
  } catch (error) {
    throwIfAborted(options)
    throw fromWireError(error, path.join('.'), caller.peer, caller.unreachable)
  }
}
