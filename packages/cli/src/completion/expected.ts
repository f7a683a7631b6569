import type { Argument, Command, Option } from 'commander'
import { type GlobalOptions, wordsOf } from '../registration/registration.ts'
import { kindOfArgument, kindOfOption, type NameKind } from './name-kind.ts'

/** A word that may stand there, and what it means. */
export interface Candidate {
  readonly word: string
  readonly about?: string
}

/** What may stand where the last word of a command line is. */
export interface Expected {
  /** What the command line itself offers. */
  readonly words: readonly Candidate[]
  /** What else may stand there: names that the server knows. */
  readonly kind?: NameKind
  /** What the word begins with that is no part of the candidate: `--policy=`. */
  readonly before: string
  /** What has been typed of the candidate. */
  readonly typed: string
  /** What the command line says of the server. */
  readonly globals: GlobalOptions
}

/** Reads a command line as far as it is typed, without its program's name; the last word is the one that is to be completed. */
export function expectedAt(program: Command, line: readonly string[]): Expected {
  const typed = line.at(-1) ?? ''
  const given: Record<string, string> = {}
  let command = program
  let operands = 0
  let isOver = false
  let awaiting: Option | undefined
  for (const word of line.slice(0, -1)) {
    if (awaiting !== undefined) {
      given[awaiting.attributeName()] = word
      awaiting = undefined
    } else if (!isOver && word === '--') isOver = true
    else if (!isOver && word.startsWith('-')) {
      const [name = '', ...value] = word.split('=')
      const option = optionOf(command, name)
      if (value.length > 0 && option !== undefined) given[option.attributeName()] = value.join('=')
      else if (option?.required === true || option?.optional === true) awaiting = option
    } else {
      const below = operands === 0 ? command.commands.find((each) => each.name() === word) : undefined
      if (below === undefined) operands += 1
      else command = below
    }
  }
  const globals = given as GlobalOptions
  if (awaiting !== undefined) return { ...valuesOf(awaiting), before: '', typed, globals }
  const assigned = /^(--[a-z-]+)=(.*)$/s.exec(typed)
  const option = isOver || assigned === null ? undefined : optionOf(command, assigned[1] ?? '')
  if (option !== undefined)
    return { ...valuesOf(option), before: `${assigned?.[1] ?? ''}=`, typed: assigned?.[2] ?? '', globals }
  if (!isOver && typed.startsWith('-')) return { words: optionsOf(command), before: '', typed, globals }
  return { ...operandsOf(command, operands), before: '', typed, globals }
}

function optionOf(command: Command, name: string): Option | undefined {
  for (let at: Command | null = command; at !== null; at = at.parent) {
    const found = at.options.find((option) => option.long === name || option.short === name)
    if (found !== undefined) return found
  }
  return undefined
}

function optionsOf(command: Command): Candidate[] {
  const found: Candidate[] = [{ word: '--help', about: 'tell about this command' }]
  for (let at: Command | null = command; at !== null; at = at.parent)
    for (const { long, description, hidden } of at.options)
      if (
        long !== undefined &&
        long !== null &&
        !hidden &&
        (at.parent !== null || at === command || long !== '--version')
      )
        found.push({ word: long, about: description })
  return found
}

function valuesOf(option: Option): Pick<Expected, 'words' | 'kind'> {
  const words = wordsOf(option)
  const kind = kindOfOption(option)
  return { words: words.map((word) => ({ word })), ...(kind === undefined ? {} : { kind }) }
}

function operandsOf(command: Command, before: number): Pick<Expected, 'words' | 'kind'> {
  const isFirst = before === 0
  const words = isFirst
    ? command
        .createHelp()
        .visibleCommands(command)
        .filter((each) => each.name() !== 'help' || command.parent === null)
        .map((each): Candidate => ({ word: each.name(), about: each.description() }))
    : []
  const argument = argumentAt(command, before)
  const kind = argument === undefined ? undefined : kindOfArgument(command, argument)
  words.push(...(argument?.argChoices ?? []).map((word) => ({ word })))
  return { words, ...(kind === undefined ? {} : { kind }) }
}

function argumentAt({ registeredArguments }: Command, at: number): Argument | undefined {
  const last = registeredArguments.at(-1)
  return registeredArguments[at] ?? (last?.variadic === true ? last : undefined)
}
