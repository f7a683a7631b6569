import type { Command } from 'commander'
import { statusCommand } from '../commands/status.ts'
import { examples, type Registration, wholeNumber } from './registration.ts'

/** `status`. */
export function addStatusCommand({ program, runAlone }: Registration): void {
  program
    .command('status')
    .description('tell what a status means and what to do about it; asks no server')
    .argument('[N]', 'the status (default: list all)', wholeNumber)
    .addHelpText('after', examples('nb status 196', 'nb status'))
    .action((status: number | undefined, _options: object, command: Command) =>
      runAlone(
        (output) => statusCommand(status === undefined ? {} : { status }, output),
        command.optsWithGlobals(),
      ),
    )
}
