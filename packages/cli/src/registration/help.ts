import type { Command } from 'commander'
import { oldNameCommand, oldNamesCommand } from '../commands/old-name.ts'
import { oldName, oldNames } from '../old-names.ts'
import { asMeant } from '../other-spellings.ts'
import { suggest } from '../suggest.ts'
import { examples, type Registration } from './registration.ts'

/** The word for all old names at once. */
const everyOldName = 'old-names'

/**
 * `help`: of all commands, of one of ours, or of the command of an old name. Where a command is not there, here or in `nb COMMAND --help`, the mistake is named, with
 * what may have been meant: commander itself would print the help of what it has understood by then.
 */
export function addHelpCommand({ program, runAlone }: Registration): void {
  program
    .helpCommand(false)
    .command('help')
    .description('tell about a command, or what does here what an old command did')
    .argument('[COMMAND...]', `a command; an old name such as bpbackup; or ${everyOldName}: all of them`)
    .addHelpText(
      'after',
      examples('nb help restore', 'nb help policy import', 'nb help bpdbjobs', 'nb help old-names'),
    )
    .action((names: string[], _options: object, command: Command) => {
      const [first = ''] = names
      const old = oldName(first)
      if (names.length === 0) program.help()
      if (first === everyOldName) return runAlone(oldNamesCommand, command.optsWithGlobals())
      if (old !== undefined)
        return runAlone((output) => oldNameCommand(old, output), command.optsWithGlobals())
      return commandOf(program, asMeant(program, names)).help()
    })
  program.on('command:*', (words: string[]) => unknownCommand(program, words[0] ?? ''))
  program.addHelpText('beforeAll', ({ command }) => {
    const named = program.args.filter((word) => !word.startsWith('-'))
    if (command === program && named[0] !== undefined && named[0] !== 'help') commandOf(program, named)
    if (named[0] !== 'help') commandOf(command, operandsOf(command))
    return ''
  })
}

/** What is left for a command that has others below it: the name of one that it does not know. */
function operandsOf(command: Command): string[] {
  if (command.commands.length === 0) return []
  const words = command.args.filter((word) => !word.startsWith('-'))
  return words[0] === 'help' ? words.slice(1) : words
}

/** The command of that name, with the names below it. Ends the program for one that is not there. */
function commandOf(from: Command, names: readonly string[]): Command {
  let found = from
  for (const name of names) {
    const below = found.commands.find((each) => each.name() === name || each.aliases().includes(name))
    if (below === undefined) return unknownCommand(found, name)
    found = below
  }
  return found
}

function unknownCommand(under: Command, name: string): never {
  const isTop = under.parent === null
  const old = isTop ? oldName(name) : undefined
  const words = under.commands
    .map((each) => each.name())
    .concat(isTop ? oldNames.map((each) => each.name) : [])
  const meant = suggest(name, words)
  const hint =
    old !== undefined
      ? `\n(nb help ${old.name} tells what does its work here)`
      : meant.length === 0
        ? ''
        : `\n(Did you mean ${meant.map((word) => (oldName(word) && isTop ? `nb help ${word}` : word)).join(', or ')}?)`
  const place = isTop ? '' : ` of ${under.name()}`
  under.error(`error: unknown command '${name}'${place}${hint}`, { code: 'commander.unknownCommand' })
}
