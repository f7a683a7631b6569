import { join } from 'node:path'
import type { CallOptions, JobState } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { Command, InvalidArgumentError, Option } from 'commander'
import { backupCommand } from './commands/backup.ts'
import { cancelCommand } from './commands/cancel.ts'
import { imagesCommand } from './commands/images.ts'
import { jobCommand } from './commands/job.ts'
import { jobsCommand } from './commands/jobs.ts'
import { listCommand } from './commands/list.ts'
import { policiesCommand } from './commands/policies.ts'
import { restoreCommand } from './commands/restore.ts'
import { whyCommand } from './commands/why.ts'
import type { ExitCode } from './exit-code.ts'
import type { Output } from './output.ts'
import { parsePath } from './path-argument.ts'
import { parseTime } from './time-argument.ts'

/** Options that every command takes. */
export interface GlobalOptions {
  readonly socket?: string
  readonly state?: string
  readonly json?: boolean
}

/** A command, ready to run on the ports of a server. */
export type Action = (ports: Ports, output: Output, call: CallOptions) => Promise<ExitCode>

/** How {@link createProgram} hands over what the command line asks for. */
export type Run = (action: Action, options: GlobalOptions) => Promise<void>

/** What the command line is read with. */
export interface ProgramComponents {
  /** Where relative paths begin. */
  readonly cwd: string
  /** Runs what the command line asks for. */
  readonly run: Run
  /** What `--version` tells. */
  readonly version: string
}

/** Where the server's socket is: `--socket`, else `nb.sock` in `--state`, in `NB_STATE`, in `var/nb`. */
export function socketPathOf(
  { socket, state }: GlobalOptions,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): string {
  return socket ?? join(state ?? env['NB_STATE'] ?? join(cwd, 'var/nb'), 'nb.sock')
}

/** The command line of `nb`, read by commander. */
export function createProgram({ cwd, run, version }: ProgramComponents): Command {
  const program = new Command('nb')
    .description('Back up, restore, and watch jobs of a running nb server of this host.')
    .version(version, '-V, --version', 'tell the version')
    .option('--socket <PATH>', "the server's socket")
    .option(
      '--state <DIR>',
      "the server's state folder, whose nb.sock is used (default: $NB_STATE, or var/nb)",
    )
    .option('--json', 'print JSON, one value a line')
    .addHelpText('after', programHelp)
    .showHelpAfterError('(nb --help lists the commands, nb COMMAND --help its options and examples)')
  const path = (text: string): ReturnType<typeof parsePath> => parsePath(text, cwd)
  addJobCommands(program, run)
  addBackupCommands(program, run, path)
  addCatalogCommands(program, run, path)
  return program
}

type ParsePath = (text: string) => ReturnType<typeof parsePath>

function addJobCommands(program: Command, run: Run): void {
  program
    .command('jobs')
    .description('list jobs, newest first')
    .addOption(new Option('--state-is <STATE>', 'only jobs in this state').choices(jobStates))
    .option('--policy <NAME>', 'only jobs of this policy')
    .option('--client <NAME>', 'only jobs of this client')
    .option('--limit <N>', 'the newest so many, 0 for all', wholeNumber, 50)
    .option('--follow', 'go on with every change until Ctrl-C')
    .addHelpText(
      'after',
      examples(
        'nb jobs',
        'nb jobs --state-is active',
        'nb jobs --policy nightly --limit 5',
        'nb jobs --follow',
      ),
    )
    .action((options: JobsFlags, command: Command) =>
      run(
        (ports, output, call) =>
          jobsCommand(ports, { ...withoutGlobals(options), ...state(options.stateIs), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('job')
    .description('show a job: its fields and its log, with the steps of the flow')
    .argument('<ID>', 'the job')
    .option('--follow', 'go on with the log until the job has ended')
    .addHelpText('after', examples('nb job 12', 'nb job 12 --follow', 'nb job 12 --json | jq .text'))
    .action((jobId: string, options: { follow?: boolean }, command: Command) =>
      run(
        (ports, output, call) => jobCommand(ports, { jobId, ...options, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('cancel')
    .description('ask jobs to end (status 150)')
    .argument('<ID...>', 'the jobs')
    .option('--reason <TEXT>', 'why; stands in the log of the job')
    .addHelpText('after', examples('nb cancel 12', "nb cancel 12 13 --reason 'tape needed elsewhere'"))
    .action((jobIds: string[], options: { reason?: string }, command: Command) =>
      run(
        (ports, output, call) => cancelCommand(ports, { jobIds, ...options, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('why')
    .description('tell what a job waits for, and what would free it')
    .argument('<ID>', 'the job')
    .addHelpText('after', examples('nb why 12'))
    .action((jobId: string, _options: object, command: Command) =>
      run((ports, output, call) => whyCommand(ports, { jobId, ...call }, output), command.optsWithGlobals()),
    )
}

function addBackupCommands(program: Command, run: Run, path: ParsePath): void {
  program
    .command('backup')
    .description('start the jobs of a policy now, whatever its windows say')
    .argument('<POLICY>', 'the policy')
    .option('--client <NAME>', 'only for this client (default: all of the policy)')
    .option('--schedule <NAME>', 'with this schedule (default: the fullest)')
    .option('--wait', 'wait for the end, with progress; the exit code is that of the jobs')
    .addHelpText('after', examples('nb backup nightly', 'nb backup nightly --schedule daily --wait'))
    .action(
      (policy: string, options: { client?: string; schedule?: string; wait?: boolean }, command: Command) =>
        run(
          (ports, output, call) => backupCommand(ports, { policy, ...options, ...call }, output),
          command.optsWithGlobals(),
        ),
    )
  program
    .command('restore')
    .description('bring files and directories back')
    .argument('<PATH...>', 'what to bring back, as it was backed up', collectPaths(path))
    .option('--client <NAME>', 'whose backup (default: the only client there is, or this host)')
    .option('--to-client <NAME>', 'who receives the files (default: the client that was backed up)')
    .option('--at <TIME>', 'as it was then (default: now)', parseTime)
    .option('--image <ID>', 'from this image (default: the newest at that time)')
    .option('--policy <NAME>', 'from the images of this policy')
    .option('--to <DIR>', 'to this directory (default: where the files came from)', path)
    .option('--strip <PREFIX>', 'with --to: take this off the front of every path', path)
    .addOption(
      new Option('--if-exists <WHAT>', 'where a file is in the way')
        .choices(['overwrite', 'skip', 'fail'])
        .default('fail'),
    )
    .option('--preview', 'only tell what would be read and written')
    .option('--wait', 'wait for the end, with progress; the exit code is that of the job')
    .addHelpText(
      'after',
      examples(
        'nb restore /home/ann/thesis.txt --if-exists overwrite --wait',
        "nb restore /home/ann --at '2026-03-01 18:00' --to /tmp/ann --strip /home/ann --wait",
        'nb restore /srv --image web1_1767225600 --to /restore --preview',
        "nb restore '/srv/caf\\xe9.txt' --to /tmp/found",
      ) + pathHelp,
    )
    .action((paths: RestorePaths, options: RestoreFlags, command: Command) =>
      run(
        (ports, output, call) => restoreCommand(ports, { paths, ...options, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

function addCatalogCommands(program: Command, run: Run, path: ParsePath): void {
  program
    .command('list')
    .description('list what was backed up')
    .argument('[PATH]', 'a directory or file (default: /)', path)
    .option('--client <NAME>', 'whose backup (default: the only client there is, or this host)')
    .option('--at <TIME>', 'as it was then (default: now)', parseTime)
    .option('--image <ID>', 'in this image (default: the newest at that time)')
    .option('--policy <NAME>', 'in the images of this policy')
    .option('--recursive', 'all below, not only what is directly in it')
    .option('--versions', 'the states of this one path over all backups')
    .addHelpText(
      'after',
      examples(
        'nb list',
        'nb list /home/ann --at 2026-03-01',
        'nb list /srv --recursive --json',
        'nb list /home/ann/thesis.txt --versions',
      ) + pathHelp,
    )
    .action((from: ReturnType<ParsePath> | undefined, options: ListFlags, command: Command) =>
      run(
        (ports, output, call) =>
          listCommand(ports, { ...options, ...(from === undefined ? {} : { path: from }), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('images')
    .description('list backup images, newest first')
    .option('--client <NAME>', 'only of this client')
    .option('--policy <NAME>', 'only of this policy')
    .option(
      '--all',
      'also those in progress, expired, or discarded and not yet cleaned up (then they are gone)',
    )
    .option('--limit <N>', 'the newest so many, 0 for all', wholeNumber, 50)
    .addHelpText(
      'after',
      examples('nb images', 'nb images --client web1 --limit 0', 'nb images --all --json'),
    )
    .action((options: ImagesFlags, command: Command) =>
      run(
        (ports, output, call) => imagesCommand(ports, { ...options, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('policies')
    .description('list policies, and when they run next')
    .addHelpText('after', examples('nb policies', 'nb policies --json'))
    .action((_options: object, command: Command) =>
      run((ports, output, call) => policiesCommand(ports, call, output), command.optsWithGlobals()),
    )
}

interface JobsFlags {
  readonly stateIs?: JobState
  readonly policy?: string
  readonly client?: string
  readonly limit?: number
  readonly follow?: boolean
}

type RestorePaths = ReturnType<ParsePath>[]
type RestoreFlags = Omit<Parameters<typeof restoreCommand>[1], 'paths' | 'signal'>
type ListFlags = Omit<Parameters<typeof listCommand>[1], 'path' | 'signal'>
type ImagesFlags = Omit<Parameters<typeof imagesCommand>[1], 'signal'>

const jobStates: readonly JobState[] = [
  'queued',
  'active',
  'waiting-for-retry',
  'suspended',
  'incomplete',
  'done',
]

function withoutGlobals({ stateIs: _stateIs, ...rest }: JobsFlags): Omit<JobsFlags, 'stateIs'> {
  return rest
}

function state(stateIs: JobState | undefined): { readonly state?: JobState } {
  return stateIs === undefined ? {} : { state: stateIs }
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('A whole number, 0 or more.')
  return value
}

function collectPaths(path: ParsePath): (text: string, so: RestorePaths | undefined) => RestorePaths {
  return (text, so = []) => [...so, path(text)]
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`
}

const pathHelp = `
A relative path begins in the working directory. In a path \\xHH is the byte HH, for names that
are not UTF-8, as nb list shows them; \\\\ is a backslash. Times are local: 2026-03-01 is the end of
that day, '2026-03-01 22:15' or '2026-03-01 22:15:09' a moment, and ISO 8601 with an offset is taken too.
`

const programHelp = `
Examples:
  nb jobs
  nb backup nightly --wait
  nb list /home/ann
  nb restore /home/ann/thesis.txt --if-exists overwrite --wait
  nb why 12

Exit codes: 0 done; 1 the request failed, or a job ended with a status above 1 (what it means and what
to do is printed); 2 the command line is wrong.
`
