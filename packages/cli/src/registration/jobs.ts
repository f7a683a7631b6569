import type { JobOrigin, JobState, JobType } from '@nb/contracts'
import type { Command } from 'commander'
import { cancelCommand } from '../commands/cancel.ts'
import { jobCommand } from '../commands/job.ts'
import { jobsCommand, type JobsOptions } from '../commands/jobs.ts'
import { priorityCommand } from '../commands/priority.ts'
import { purgeCommand } from '../commands/purge.ts'
import { queueCommand } from '../commands/queue.ts'
import { restartCommand } from '../commands/restart.ts'
import { resumeCommand } from '../commands/resume.ts'
import { suspendCommand } from '../commands/suspend.ts'
import { whyCommand } from '../commands/why.ts'
import { parsePeriod } from '../period-argument.ts'
import { parseSince, type RelativeTime } from '../time-argument.ts'
import {
  collect,
  collectOneOf,
  examples,
  jobNumber,
  ofOwnClient,
  own,
  type Registration,
  wholeNumber,
} from './registration.ts'

/** `jobs`, `job`, and what is done to jobs. */
export function addJobCommands(registration: Registration): void {
  addJobLists(registration)
  addJobOperations(registration)
  addWaiting(registration)
}

function addJobLists({ program, run }: Registration): void {
  program
    .command('jobs')
    .description('list jobs, newest first; the parts of a job stand below it')
    .option(
      '--state-is <STATE>',
      `only jobs in this state: ${jobStates.join(', ')}; may be repeated`,
      collectOneOf(jobStates),
    )
    .option(
      '--type <TYPE>',
      `only jobs of this type: ${jobTypes.join(', ')}; may be repeated`,
      collectOneOf(jobTypes),
    )
    .option('--failed', 'only jobs that ended with a status above 1')
    .option('--status <N>', 'only jobs that ended with this status; may be repeated', collect(wholeNumber))
    .option(
      '--origin <ORIGIN>',
      `only jobs that came to be so: ${origins.join(', ')}; may be repeated`,
      collectOneOf(origins),
    )
    .option('--parent <ID>', 'only the parts of this job', jobNumber)
    .option('--policy <NAME>', 'only jobs of this policy')
    .option('--schedule <NAME>', 'only jobs of a schedule of this name')
    .option('--client <NAME>', 'only jobs of this client (default: all; asked by a client, its own)')
    .option('--since <TIME>', 'submitted then or later; a period such as 12h is that long ago', parseSince)
    .option('--until <TIME>', 'submitted before; a period such as 12h is that long ago', parseSince)
    .option('--limit <N>', 'the newest so many, 0 for all', wholeNumber, 50)
    .option('--follow', 'go on with every change until Ctrl-C')
    .addHelpText(
      'after',
      examples(
        'nb jobs',
        'nb jobs --state-is active --state-is queued',
        'nb jobs --failed --since 24h',
        'nb jobs --policy nightly --status 196 --limit 5',
        'nb jobs --follow',
      ),
    )
    .action((options: JobsFlags, command: Command) => {
      const { stateIs, type, status, origin, parent, since, until, ...rest } = own(options)
      return run((ports, output, call) => {
        const now = output.now()
        const given = {
          ...rest,
          ...(stateIs === undefined ? {} : { states: stateIs }),
          ...(type === undefined ? {} : { types: type }),
          ...(status === undefined ? {} : { statuses: status }),
          ...(origin === undefined ? {} : { origins: origin }),
          ...(parent === undefined ? {} : { parentId: parent }),
          ...(since === undefined ? {} : { since: since(now) }),
          ...(until === undefined ? {} : { until: until(now) }),
        }
        return jobsCommand(ports, { ...ofOwnClient(ports, given), ...call }, output)
      }, command.optsWithGlobals())
    })
  program
    .command('job')
    .description('show a job: its fields, its tries, and its log with the steps of the flow')
    .argument('<ID>', 'the job', jobNumber)
    .option('--attempts', 'only the tries of the job')
    .option('--attempt <N>', "only this try's part of the log", wholeNumber)
    .option('--follow', 'go on with the log until the job has ended')
    .addHelpText(
      'after',
      examples(
        'nb job 12',
        'nb job 12 --attempt 1',
        'nb job 12 --attempts --json',
        'nb job 12 --follow',
        'nb job 12 --json | jq .text',
      ),
    )
    .action((jobId: string, options: JobFlags, command: Command) =>
      run(
        (ports, output, call) => jobCommand(ports, { jobId, ...own(options), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

function addJobOperations({ program, run }: Registration): void {
  program
    .command('cancel')
    .description('ask jobs to end (status 150)')
    .argument('<ID...>', 'the jobs', collect(jobNumber))
    .option('--reason <TEXT>', 'why; stands in the log of the job')
    .addHelpText('after', examples('nb cancel 12', "nb cancel 12 13 --reason 'tape needed elsewhere'"))
    .action((jobIds: readonly string[], options: { reason?: string }, command: Command) =>
      run(
        (ports, output, call) => cancelCommand(ports, { jobIds, ...own(options), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('suspend')
    .description(
      'take jobs off the queue, or end their try at its last checkpoint, and hold them until resumed',
    )
    .argument('<ID...>', 'the jobs', collect(jobNumber))
    .option('--reason <TEXT>', 'why; stands in the log of the job')
    .addHelpText(
      'after',
      examples('nb suspend 12', "nb suspend 12 --reason 'the drive is needed for a restore'"),
    )
    .action((jobIds: readonly string[], options: { reason?: string }, command: Command) =>
      run(
        (ports, output, call) => suspendCommand(ports, { jobIds, ...own(options), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('resume')
    .description(
      'put suspended or incomplete jobs back on the queue; a backup goes on from its last checkpoint',
    )
    .argument('<ID...>', 'the jobs', collect(jobNumber))
    .addHelpText('after', examples('nb resume 12'))
    .action((jobIds: readonly string[], _options: object, command: Command) =>
      run(
        (ports, output, call) => resumeCommand(ports, { jobIds, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('restart')
    .description('ask for the same again, as a new job, for jobs that are done')
    .argument('<ID...>', 'the jobs', collect(jobNumber))
    .option('--wait', 'wait for the end, with progress; the exit code is that of the jobs')
    .addHelpText('after', examples('nb restart 12', 'nb restart 12 --wait'))
    .action((jobIds: readonly string[], options: { wait?: boolean }, command: Command) =>
      run(
        (ports, output, call) => restartCommand(ports, { jobIds, ...own(options), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('priority')
    .description(
      'give a job another priority, 0-99999, higher goes first; a queued job takes its new place at once',
    )
    .argument('<ID>', 'the job', jobNumber)
    .argument('<N>', 'the priority', wholeNumber)
    .addHelpText('after', examples('nb priority 12 90000'))
    .action((jobId: string, priority: number, _options: object, command: Command) =>
      run(
        (ports, output, call) => priorityCommand(ports, { jobId, priority, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  program
    .command('purge')
    .description('remove jobs that ended long ago from the list, with their logs; images stay')
    .requiredOption(
      '--older-than <PERIOD>',
      'jobs that ended longer ago than this: 12h, 30d, 2w',
      parsePeriod,
    )
    .addHelpText('after', examples('nb purge --older-than 30d'))
    .action((options: { olderThan: number }, command: Command) =>
      run(
        (ports, output, call) => purgeCommand(ports, { olderThanMs: options.olderThan, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

function addWaiting({ program, run }: Registration): void {
  program
    .command('why')
    .description('tell what a job waits for, and what would free it')
    .argument('<ID>', 'the job', jobNumber)
    .addHelpText('after', examples('nb why 12', 'nb why 12 --json'))
    .action((jobId: string, _options: object, command: Command) =>
      run((ports, output, call) => whyCommand(ports, { jobId, ...call }, output), command.optsWithGlobals()),
    )
  program
    .command('queue')
    .description('list the waiting requests in the order of service, and what each waits for')
    .option('--limit <N>', 'the first so many, 0 for all', wholeNumber, 50)
    .option('--reasons', 'a sentence for everything that each waits for, instead of the table')
    .addHelpText('after', examples('nb queue', 'nb queue --reasons', 'nb queue --limit 10 --json'))
    .action((options: { limit?: number; reasons?: boolean }, command: Command) =>
      run(
        (ports, output, call) => queueCommand(ports, { ...own(options), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

interface JobsFlags extends Pick<
  JobsOptions,
  'failed' | 'policy' | 'schedule' | 'client' | 'limit' | 'follow'
> {
  readonly stateIs?: readonly JobState[]
  readonly type?: readonly JobType[]
  readonly status?: readonly number[]
  readonly origin?: readonly JobOrigin[]
  readonly parent?: string
  readonly since?: RelativeTime
  readonly until?: RelativeTime
}

type JobFlags = Omit<Parameters<typeof jobCommand>[1], 'jobId' | 'signal'>

const jobStates: readonly JobState[] = [
  'queued',
  'active',
  'waiting-for-retry',
  'suspended',
  'incomplete',
  'done',
]

const jobTypes: readonly JobType[] = [
  'backup',
  'archive',
  'restore',
  'verify',
  'duplicate',
  'import',
  'catalog-backup',
  'image-cleanup',
  'label',
  'erase',
  'inventory',
  'clean',
]

const origins: readonly JobOrigin[] = ['scheduled', 'immediate', 'user']
