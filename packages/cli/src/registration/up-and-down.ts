import type { Command } from 'commander'
import type { Ports } from '@nb/remote'
import type { UpOrDownOptions } from '../commands/storage-state.ts'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { examples, own, type Registration } from './registration.ts'

/** `up` and `down` of something, with the reason. */
export function addUpAndDown(
  { run }: Registration,
  parent: Command,
  what: string,
  act: (ports: Ports, options: UpOrDownOptions, output: Output) => Promise<ExitCode>,
): void {
  for (const state of ['up', 'down'] as const)
    parent
      .command(state)
      .description(state === 'up' ? `let jobs use it again` : `start nothing more on it; running jobs go on`)
      .argument('<NAME...>', `the ${what}s`)
      .option('--reason <TEXT>', 'why; lists and waiting jobs tell it')
      .addHelpText('after', examples(`nb ${parent.name()} ${state} NAME --reason 'new cable'`))
      .action((names: string[], options: { reason?: string }, command: Command) =>
        run(
          (ports, output, call) => act(ports, { names, state, ...own(options), ...call }, output),
          command.optsWithGlobals(),
        ),
      )
}
