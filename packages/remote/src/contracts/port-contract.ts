import type { Schema } from '../schemas/schema.ts'

/** A method that answers once. */
export interface CallContract<Input, Output> {
  readonly kind: 'call'
  readonly input: Schema<Input>
  readonly output: Schema<Output>
}

/** A method that answers with a row of items. */
export interface StreamContract<Input, Item> {
  readonly kind: 'stream'
  readonly input: Schema<Input>
  readonly item: Schema<Item>
}

/** What travels for a method of a port, by its type. */
export type MethodContract<Method> = Method extends (
  input: infer Input,
  ...rest: never[]
) => AsyncIterable<infer Item>
  ? StreamContract<Input, Item>
  : Method extends (input: infer Input, ...rest: never[]) => Promise<infer Output>
    ? CallContract<Input, Output>
    : never

/** What travels for a whole port: every method of it, no other. */
export type PortContract<Port> = { readonly [Name in keyof Port]: MethodContract<Port[Name]> }

/** The input of a port's method. */
export type InputOf<Port, Name extends keyof Port> = Port[Name] extends (
  input: infer Input,
  ...rest: never[]
) => unknown
  ? Input
  : never

/** The result of a port's method, or its item. */
export type OutputOf<Port, Name extends keyof Port> = Port[Name] extends (
  ...rest: never[]
) => Promise<infer Output>
  ? Output
  : never

/** A method that answers once. */
export function call<Input, Output>(
  input: Schema<Input>,
  output: Schema<Output>,
): CallContract<Input, Output> {
  return { kind: 'call', input, output }
}

/** A method that answers with a row of items. */
export function stream<Input, Item>(input: Schema<Input>, item: Schema<Item>): StreamContract<Input, Item> {
  return { kind: 'stream', input, item }
}
