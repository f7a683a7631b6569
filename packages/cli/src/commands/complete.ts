import type { Command } from 'commander'
import { type Candidate, expectedAt } from '../completion/expected.ts'
import { namesAt } from '../completion/names.ts'
import type { ExitCode } from '../exit-code.ts'
import { oldNames } from '../old-names.ts'
import type { Output } from '../output.ts'
import { asMeant } from '../other-spellings.ts'
import type { AskQuietly } from '../registration/registration.ts'

/** What `nb complete` works with. */
export interface CompleteComponents {
  /** The whole command line of `nb`. */
  readonly program: Command
  readonly askQuietly: AskQuietly
  /** Where relative paths begin. */
  readonly cwd: string
}

/**
 * `nb complete -- WORD...`: what the last word may become, a line each, with a tab and what it is about where there is something to say. A line with
 * nothing before the tab and `files` behind it asks the shell for its own files. For the scripts of `nb completion`.
 */
export async function completeCommand(
  { program, askQuietly, cwd }: CompleteComponents,
  line: readonly string[],
  output: Output,
): Promise<ExitCode> {
  const typedBefore = asMeant(program, line.slice(0, -1))
  const { words, kind, before, typed, globals } = expectedAt(program, [...typedBefore, line.at(-1) ?? ''])
  const known = [...words, ...(kind === 'commands' ? commandsOf(program) : [])]
  const found = known.filter(({ word }) => word.startsWith(typed))
  if (kind !== undefined && kind !== 'files' && kind !== 'commands') {
    const { client } = globals as { readonly client?: string }
    const where = { typed, cwd, ...(client === undefined ? {} : { client }) }
    found.push(...((await askQuietly(globals, (ports, call) => namesAt(ports, kind, where, call))) ?? []))
  }
  for (const { word, about } of found)
    await output.line(about === undefined ? before + word : `${before}${word}\t${oneLine(about)}`)
  if (kind === 'files' || (kind === 'backed-up' && found.length === 0)) await output.line('\tfiles')
  return 0
}

function commandsOf(program: Command): Candidate[] {
  return [
    ...program.commands.map((each) => ({ word: each.name(), about: each.description() })),
    ...oldNames.map(({ name, was }) => ({ word: name, about: was })),
  ]
}

/** As much of a text as stands beside a word. */
function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 70 ? `${line.slice(0, 69)}…` : line
}
