import { type Command, Option } from 'commander'
import { mediaServerSetCommand } from '../commands/media-server-set.ts'
import { mediaServerStateCommand } from '../commands/media-server-state.ts'
import { mediaServersCommand } from '../commands/media-servers.ts'
import { orphansCommand } from '../commands/orphans.ts'
import { requestDenyCommand } from '../commands/request-deny.ts'
import { requestsCommand } from '../commands/requests.ts'
import { robotInjectCommand } from '../commands/robot-inject.ts'
import { robotInventoryCommand } from '../commands/robot-inventory.ts'
import { robotStateCommand } from '../commands/robot-state.ts'
import { robotsCommand } from '../commands/robots.ts'
import { addStorageCommands } from './storage.ts'
import { addUpAndDown } from './up-and-down.ts'
import { addVolumeCommands } from './volumes.ts'
import { collect, examples, jobNumber, limitOrNone, own, type Registration } from './registration.ts'

/** Storage units, media servers, robots, drives, pools and volumes. */
export function addMediaCommands(registration: Registration): void {
  addStorageCommands(registration)
  addMediaServers(registration)
  addRobots(registration)
  addRequests(registration)
  addVolumeCommands(registration)
  addOrphans(registration)
}

function addMediaServers(registration: Registration): void {
  const { program, run } = registration
  program
    .command('media-servers')
    .description('list media servers, their limits, and how busy they are')
    .addHelpText('after', examples('nb media-servers'))
    .action((_options: object, command: Command) =>
      run((ports, output, call) => mediaServersCommand(ports, call, output), command.optsWithGlobals()),
    )
  const one = program
    .command('media-server')
    .description('bring media servers up or down, or limit them: nb media-server --help')
  addUpAndDown(registration, one, 'media server', mediaServerStateCommand)
  one
    .command('set')
    .description('limit how many jobs move data through a media server at once')
    .argument('<NAME>', 'the media server')
    .requiredOption('--max-jobs <N>', 'most jobs at once, or none for no limit', limitOrNone)
    .addHelpText('after', examples('nb media-server set local --max-jobs 8'))
    .action((name: string, options: { maxJobs: number | 'none' }, command: Command) =>
      run(
        (ports, output, call) => mediaServerSetCommand(ports, { name, ...own(options), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

function addRobots(registration: Registration): void {
  const { program, run } = registration
  program
    .command('robots')
    .description('list robots')
    .addHelpText('after', examples('nb robots'))
    .action((_options: object, command: Command) =>
      run((ports, output, call) => robotsCommand(ports, call, output), command.optsWithGlobals()),
    )
  const one = program
    .command('robot')
    .description('bring robots up or down, see what is in them, take volumes in: nb robot --help')
  addUpAndDown(registration, one, 'robot', robotStateCommand)
  one
    .command('inventory')
    .description('show what is in the places of a robot, beside what the media manager says')
    .argument('<NAME>', 'the robot')
    .option('--preview', 'only what an update would do')
    .addOption(
      new Option('--update', 'add new volumes by their barcodes, and correct places').conflicts('preview'),
    )
    .addHelpText('after', examples('nb robot inventory robot1', 'nb robot inventory robot1 --update'))
    .action((robot: string, { preview, update }: InventoryFlags, command: Command) => {
      const mode = update === true ? 'update' : preview === true ? 'preview' : 'show'
      return run(
        (ports, output, call) => robotInventoryCommand(ports, { robot, mode, ...call }, output),
        command.optsWithGlobals(),
      )
    })
  one
    .command('inject')
    .description('take in what lies in the mail slots, and take stock')
    .argument('<NAME...>', 'the robots')
    .addHelpText('after', examples('nb robot inject robot1'))
    .action((robots: string[], _options: object, command: Command) =>
      run(
        (ports, output, call) => robotInjectCommand(ports, { robots, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

function addRequests({ program, run }: Registration): void {
  program
    .command('requests')
    .description('list the volumes that jobs wait for and that you have to bring')
    .addHelpText('after', examples('nb requests'))
    .action((_options: object, command: Command) =>
      run((ports, output, call) => requestsCommand(ports, call, output), command.optsWithGlobals()),
    )
  program
    .command('request')
    .description('say that a volume will not be brought: nb request --help')
    .command('deny')
    .description('end the wait of jobs for a volume that will not be brought')
    .argument('<JOB...>', 'the jobs', collect(jobNumber))
    .option('--reason <TEXT>', 'why; the job tells it')
    .addHelpText('after', examples("nb request deny 12 --reason 'the tape is lost'"))
    .action((jobIds: string[], options: { reason?: string }, command: Command) =>
      run(
        (ports, output, call) => requestDenyCommand(ports, { jobIds, ...own(options), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

function addOrphans({ program, run }: Registration): void {
  program
    .command('orphans')
    .description('find what is set aside and belongs to no job, or is leased and not set aside')
    .option('--repair', 'give it back')
    .addHelpText('after', examples('nb orphans', 'nb orphans --repair'))
    .action((options: { repair?: boolean }, command: Command) =>
      run(
        (ports, output, call) => orphansCommand(ports, { ...own(options), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

interface InventoryFlags {
  readonly preview?: boolean
  readonly update?: boolean
}
