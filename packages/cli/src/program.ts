import { Command } from 'commander'
import { parsePath } from './path-argument.ts'
import { addBackupCommands } from './registration/backups.ts'
import { addCatalogCommands } from './registration/catalog.ts'
import { addApiCommand } from './registration/api.ts'
import { addCompletionCommands } from './registration/completion.ts'
import { addCopyCommands } from './registration/copies.ts'
import { addHelpCommand } from './registration/help.ts'
import { addHostCommands } from './registration/hosts.ts'
import { addJobCommands } from './registration/jobs.ts'
import { addMediaCommands } from './registration/media.ts'
import { addPolicyCommands } from './registration/policies.ts'
import { addStatusCommand } from './registration/status.ts'
import {
  type AskQuietly,
  notEmpty,
  type Registration,
  type Run,
  type RunAlone,
} from './registration/registration.ts'

export type { Action, GlobalOptions, Run, RunAlone } from './registration/registration.ts'

/** What the command line is read with. */
export interface ProgramComponents {
  /** Where relative paths begin. */
  readonly cwd: string
  /** The environment; `NB_MASTER` of it counts. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Runs what the command line asks for. */
  readonly run: Run
  /** Runs what needs no server. */
  readonly runAlone: RunAlone
  /** Asks for what completes a word. */
  readonly askQuietly: AskQuietly
  /** What `--version` tells. */
  readonly version: string
}

/** The command line of `nb`, read by commander. */
export function createProgram({ cwd, env, run, runAlone, askQuietly, version }: ProgramComponents): Command {
  const program = new Command('nb')
    .description('Back up, restore, and watch jobs, policies and media of a running nb server.')
    .version(version, '-V, --version', 'tell the version')
    .option('--socket <PATH>', "the server's socket", notEmpty('The path of a socket, not an empty one.'))
    .option(
      '--state <DIR>',
      "the server's state folder, whose nb.sock is used (default: $NB_STATE, or var/nb)",
      notEmpty('The path of a folder, not an empty one.'),
    )
    .option(
      '--master <HOST[:PORT]>',
      'the master server of another host (default: $NB_MASTER, or the server of this host)',
      notEmpty('An address, not an empty one.'),
    )
    .option(
      '--identity <DIR>',
      'with --master: your identity, as nb host enrol made it (default: $NB_IDENTITY, or ~/.config/nb/identity)',
      notEmpty('The path of a folder, not an empty one.'),
    )
    .option('--json', 'print JSON, one value a line')
    .addHelpText('after', programHelp)
    .showHelpAfterError('(nb --help lists the commands, nb COMMAND --help its options and examples)')
  const registration: Registration = {
    program,
    run,
    runAlone,
    askQuietly,
    cwd,
    env,
    path: (text) => parsePath(text, cwd),
  }
  program.commandsGroup('Jobs:')
  addJobCommands(registration)
  program.commandsGroup('Backups and restores:')
  addBackupCommands(registration)
  addCatalogCommands(registration)
  addCopyCommands(registration)
  program.commandsGroup('Policies:')
  addPolicyCommands(registration)
  program.commandsGroup('Storage and media:')
  addMediaCommands(registration)
  program.commandsGroup('Hosts and persons:')
  addHostCommands(registration)
  program.commandsGroup('Help:')
  addStatusCommand(registration)
  addHelpCommand(registration)
  addCompletionCommands(registration)
  addApiCommand(registration)
  return program
}

const programHelp = `
Examples:
  nb jobs
  nb backup nightly --wait
  nb list /home/ann
  nb restore /home/ann/thesis.txt --if-exists overwrite --wait
  nb why 12

nb help bpbackup tells what does here what an old command did; nb help old-names lists them.

Exit codes: 0 done; 1 the request failed, or a job ended with a status above 1 (what it means and what
to do is printed); 2 the command line is wrong; 3 the server does not answer; 4 you may not, or your
identity is no good.
`
