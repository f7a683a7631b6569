import { type Command, Option } from 'commander'
import type { StorageUnitGroup } from '@nb/contracts'
import { groupRemoveCommand } from '../commands/group-remove.ts'
import { groupSetCommand } from '../commands/group-set.ts'
import { storageAddCommand, type StorageAddRequest } from '../commands/storage-add.ts'
import { storageSetCommand, type StorageSetOptions } from '../commands/storage-set.ts'
import { storageStateCommand } from '../commands/storage-state.ts'
import { storageCommand } from '../commands/storage.ts'
import { examples, own, type Registration, wholeNumber, wholeNumberWithin } from './registration.ts'
import { addUpAndDown } from './up-and-down.ts'

/** `storage` and `group`. */
export function addStorageCommands(registration: Registration): void {
  const { program, run } = registration
  const storage = program
    .command('storage')
    .description('list storage units and groups; nb storage --help tells how to change them')
    .addHelpText('after', examples('nb storage', "nb storage down disk1 --reason 'file system check'"))
    .action((_options: object, command: Command) =>
      run((ports, output, call) => storageCommand(ports, call, output), command.optsWithGlobals()),
    )
  addUpAndDown(registration, storage, 'storage unit', storageStateCommand)
  storage
    .command('add')
    .description('add a disk or tape storage unit of a media server')
    .argument('<NAME>', 'the storage unit')
    .requiredOption('--media-server <NAME>', 'whose disk or drives it is')
    .option('--robot <NAME>', 'it is tape: the drives that the media server has in this robot')
    .option('--max-jobs <N>', 'disk: most jobs at once, 0-10000 (default: 4)', wholeNumber)
    .option(
      '--max-drives <N>',
      'tape: most drives that write at once, 0-10000 (default: all of the robot)',
      wholeNumber,
    )
    .option(
      '--max-streams <N>',
      'tape: most jobs that write to one drive at once, 1-32 (default: 1)',
      wholeNumber,
    )
    .option(
      '--max-fragment <MIB>',
      'largest piece of an image in MiB, up to 1 PiB (default: 524288)',
      wholeNumberWithin(1, 2 ** 30),
    )
    .addOption(
      new Option(
        '--used <WHEN>',
        'by any policy, or only when one names it (default: disk by-any, tape when-named)',
      ).choices(['by-any', 'when-named']),
    )
    .addHelpText(
      'after',
      examples(
        'nb storage add disk1 --media-server media1',
        'nb storage add tape1 --media-server media1 --robot media1-robot1 --max-streams 4',
      ),
    )
    .action((name: string, flags: StorageAddFlags, command: Command) => {
      const { maxFragment, used, ...rest } = own(flags)
      const request: StorageAddRequest = {
        ...{ name, ...rest },
        ...(maxFragment === undefined ? {} : { maxFragmentBytes: maxFragment * 2 ** 20 }),
        ...(used === undefined ? {} : { onDemandOnly: used === 'when-named' }),
      }
      return run(
        (ports, output, call) => storageAddCommand(ports, request, call, output),
        command.optsWithGlobals(),
      )
    })
  storage
    .command('set')
    .description('change the limits of a storage unit')
    .argument('<NAME>', 'the storage unit')
    .option('--max-jobs <N>', 'disk: most jobs at once, 0-10000; 0 disables it', wholeNumber)
    .option('--max-drives <N>', 'tape: most drives that write at once, 0-10000; 0 disables it', wholeNumber)
    .option('--max-streams <N>', 'tape: most jobs that write to one drive at once, 1-32', wholeNumber)
    .option(
      '--max-fragment <MIB>',
      'largest piece of an image in MiB, up to 1 PiB',
      wholeNumberWithin(1, 2 ** 30),
    )
    .addOption(
      new Option('--used <WHEN>', 'by any policy, or only when one names it').choices([
        'by-any',
        'when-named',
      ]),
    )
    .option(
      '--high-water <PERCENT>',
      'disk: used so much of its file system, it takes no new backups, 1-100',
      wholeNumberWithin(1, 100),
    )
    .option('--low-water <PERCENT>', 'disk: room is made down to this', wholeNumberWithin(0, 99))
    .addOption(
      new Option(
        '--staging <WHETHER>',
        'disk: room is made by removing copies of images that have another copy elsewhere',
      ).choices(['on', 'off']),
    )
    .addHelpText(
      'after',
      examples(
        'nb storage set disk1 --max-jobs 2',
        'nb storage set disk1 --high-water 90 --low-water 70',
        'nb storage set tape1 --max-streams 8',
      ),
    )
    .action((name: string, flags: StorageFlags, command: Command) => {
      const { maxFragment, used, staging, ...limits } = own(flags)
      const options: StorageSetOptions = {
        name,
        ...limits,
        ...(maxFragment === undefined ? {} : { maxFragmentBytes: maxFragment * 2 ** 20 }),
        ...(used === undefined ? {} : { onDemandOnly: used === 'when-named' }),
        ...(staging === undefined ? {} : { staging: staging === 'on' }),
      }
      return run(
        (ports, output, call) => storageSetCommand(ports, { ...options, ...call }, output),
        command.optsWithGlobals(),
      )
    })
  addGroups(registration)
}

interface StorageAddFlags {
  readonly mediaServer: string
  readonly robot?: string
  readonly maxJobs?: number
  readonly maxDrives?: number
  readonly maxStreams?: number
  readonly maxFragment?: number
  readonly used?: 'by-any' | 'when-named'
}

function addGroups({ program, run }: Registration): void {
  const group = program.command('group').description('make or remove storage unit groups: nb group --help')
  group
    .command('set')
    .description('make a group of storage units, or replace it')
    .argument('<NAME>', 'the group')
    .argument('<MEMBER...>', 'the storage units, in order of preference')
    .addOption(
      new Option('--selection <HOW>', 'how one is chosen')
        .choices(['prioritised', 'failover', 'round-robin', 'load-balanced', 'most-free-space'])
        .default('prioritised'),
    )
    .addHelpText('after', examples('nb group set disks disk1 disk2 --selection round-robin'))
    .action(
      (name: string, members: string[], options: Pick<StorageUnitGroup, 'selection'>, command: Command) =>
        run(
          (ports, output, call) =>
            groupSetCommand(ports, { name, members, ...own(options), ...call }, output),
          command.optsWithGlobals(),
        ),
    )
  group
    .command('remove')
    .description('remove groups; their storage units stay')
    .argument('<NAME...>', 'the groups')
    .addHelpText('after', examples('nb group remove disks'))
    .action((names: string[], _options: object, command: Command) =>
      run(
        (ports, output, call) => groupRemoveCommand(ports, { names, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

interface StorageFlags {
  readonly maxJobs?: number
  readonly maxDrives?: number
  readonly maxStreams?: number
  readonly maxFragment?: number
  readonly used?: 'by-any' | 'when-named'
  readonly highWater?: number
  readonly lowWater?: number
  readonly staging?: 'on' | 'off'
}
