import { Argument, type Command } from 'commander'
import { completeCommand } from '../commands/complete.ts'
import { completionScripts, type Shell, shells } from '../completion/scripts.ts'
import { examples, type Registration } from './registration.ts'

/** `completion`, and `complete`, which its scripts call. */
export function addCompletionCommands({ program, runAlone, askQuietly, cwd }: Registration): void {
  program
    .command('completion')
    .description('print what has a shell complete commands, options and names: nb completion --help')
    .addArgument(new Argument('<SHELL>', 'your shell').choices(shells))
    .addHelpText(
      'after',
      `
For yourself alone: eval "$(nb completion bash)" in ~/.bashrc, eval "$(nb completion zsh)" in ~/.zshrc behind compinit.
Names of policies, clients, jobs, images, volumes, … are those of the server that the command line, NB_MASTER or NB_STATE names.
${examples(
  'nb completion bash > /etc/bash_completion.d/nb',
  'nb completion zsh > /usr/local/share/zsh/site-functions/_nb',
  'nb completion fish > ~/.config/fish/completions/nb.fish',
)}`,
    )
    .action((shell: Shell, _options: object, command: Command) =>
      runAlone(async (output) => {
        await output.line(completionScripts[shell].trimEnd())
        return 0
      }, command.optsWithGlobals()),
    )
  program
    .command('complete', { hidden: true })
    .description('tell what the last of some words may become; for the scripts of nb completion')
    .argument('[WORD...]', 'the words of a command line behind nb, behind --')
    .addHelpText('after', examples('nb complete -- policy sh'))
    .action((words: string[], _options: object, command: Command) =>
      runAlone(
        (output) => completeCommand({ program, askQuietly, cwd }, words, output),
        command.optsWithGlobals(),
      ),
    )
}
