import type { Command } from 'commander'

/**
 * Before any help is printed: `help` and `--help` of a command that is not there name the mistake instead, and `help` of a
 * command's command prints that one's. Commander itself prints the help of what it has understood by then.
 */
export function answerHelpFor(program: Command): void {
  program.addHelpText('beforeAll', ({ command }) => {
    const named = program.args.filter((word) => !word.startsWith('-'))
    const wanted = named[0] === 'help' ? commandOf(program, named.slice(1)) : command
    if (wanted !== command) wanted.help()
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
    if (below === undefined) {
      const place = found.parent === null ? '' : ` of ${found.name()}`
      return found.error(`error: unknown command '${name}'${place}`, { code: 'commander.unknownCommand' })
    }
    found = below
  }
  return found
}
