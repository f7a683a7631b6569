import { type Command, InvalidArgumentError, type Option } from 'commander'
import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import type { parsePath } from '../path-argument.ts'

/** Options that every command takes. */
export interface GlobalOptions {
  readonly socket?: string
  readonly state?: string
  readonly master?: string
  readonly identity?: string
  readonly json?: boolean
}

/** The ports of a server, and for whom they are called. */
export interface AskedPorts extends Ports {
  /** The client that asks, where it is a client and nothing else: it may see what is its own. @default who asks may see more */
  readonly ownClient?: string
}

/** A command, ready to run on the ports of a server. */
export type Action = (ports: AskedPorts, output: Output, call: CallOptions) => Promise<ExitCode>

/** How {@link createProgram} hands over what the command line asks for. */
export type Run = (action: Action, options: GlobalOptions) => Promise<void>

/** The same for what needs no server. */
export type RunAlone = (
  action: (output: Output) => Promise<ExitCode>,
  options: GlobalOptions,
) => Promise<void>

/** Asks a server for what completes a word: gives up soon, and says nothing. Resolves with `undefined` where that is not to be had. */
export type AskQuietly = <Answer>(
  options: GlobalOptions,
  ask: (ports: AskedPorts, call: CallOptions) => Promise<Answer>,
) => Promise<Answer | undefined>

/** Reads a path as typed. */
export type ParsePath = (text: string) => ReturnType<typeof parsePath>

/** What the commands of an area are registered with. */
export interface Registration {
  readonly program: Command
  readonly run: Run
  readonly runAlone: RunAlone
  readonly askQuietly: AskQuietly
  readonly path: ParsePath
  /** Where relative file names begin. */
  readonly cwd: string
  /** The environment. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Only what was given on the command line of the command itself, without what is meant for every command. */
export function own<Flags extends object>(flags: Flags & GlobalOptions): Flags {
  const { socket: _socket, state: _state, master: _master, identity: _identity, json: _json, ...rest } = flags
  return rest as unknown as Flags
}

/** What was given, with the client that asks where no other is named. */
export function ofOwnClient<Options extends { readonly client?: string }>(
  { ownClient }: Pick<AskedPorts, 'ownClient'>,
  options: Options,
): Options {
  return options.client !== undefined || ownClient === undefined ? options : { ...options, client: ownClient }
}

/** A count as typed: 0 or more. */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('A whole number, 0 or more.')
  return value
}

/** A whole number within bounds, as typed. */
export function wholeNumberWithin(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`A whole number, ${least}-${most}.`)
    return value
  }
}

/** The number of a job as typed. */
export function jobNumber(text: string): string {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Jobs have numbers; nb jobs lists them.')
  return text
}

/** A text as typed: not empty, as a variable of a script may be by mistake; else `problem` is told. */
export function notEmpty(problem: string): (text: string) => string {
  return (text) => {
    if (text === '') throw new InvalidArgumentError(problem)
    return text
  }
}

/** The name of a file as typed. */
export const fileName: (text: string) => string = notEmpty('The name of a file, not an empty one.')

/** A limit as typed: a count, or `none`. */
export function limitOrNone(text: string): number | 'none' {
  return text === 'none' ? 'none' : wholeNumber(text)
}

/** Gathers an option or argument that may be given several times. */
export function collect<T>(parse: (text: string) => T): (text: string, so?: readonly T[]) => readonly T[] {
  return (text, so = []) => [...so, parse(text)]
}

/** One of some words, several times. */
export function collectOneOf<T extends string>(
  words: readonly T[],
): (text: string, so?: readonly T[]) => readonly T[] {
  const parse = collect((text) => {
    if (!(words as readonly string[]).includes(text))
      throw new InvalidArgumentError(`Allowed choices are ${words.join(', ')}.`)
    return text as T
  })
  return Object.assign(parse, { words })
}

/** The words that an option takes, where it takes no others. */
export function wordsOf({ argChoices, parseArg }: Option): readonly string[] {
  return argChoices ?? (parseArg as { readonly words?: readonly string[] } | undefined)?.words ?? []
}

/** The end of a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`
}
