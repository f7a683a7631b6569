import type { Command } from 'commander'
import type { VolumeState } from '@nb/contracts'
import { driveCleanedCommand } from '../commands/drive-cleaned.ts'
import { driveStateCommand } from '../commands/drive-state.ts'
import { drivesCommand } from '../commands/drives.ts'
import { errorsCommand } from '../commands/errors.ts'
import { poolSetCommand, type PoolSetOptions } from '../commands/pool-set.ts'
import { poolsCommand } from '../commands/pools.ts'
import { volumeEjectCommand } from '../commands/volume-eject.ts'
import { volumeImagesCommand } from '../commands/volume-images.ts'
import { volumeLabelCommand, type VolumeLabelOptions } from '../commands/volume-label.ts'
import { volumePoolCommand } from '../commands/volume-pool.ts'
import { volumeStateCommand } from '../commands/volume-state.ts'
import { volumesCommand, type VolumesOptions } from '../commands/volumes.ts'
import { collectOneOf, examples, limitOrNone, own, type Registration } from './registration.ts'

/** `drives`, `drive`, `pools`, `pool`, `volumes`, `volume` and `errors`. */
export function addVolumeCommands(registration: Registration): void {
  addDrives(registration)
  addPools(registration)
  addVolumes(registration)
  addErrors(registration)
}

function addDrives({ program, run }: Registration): void {
  program
    .command('drives')
    .description('list drives, what is in them and which jobs have them')
    .addHelpText('after', examples('nb drives'))
    .action((_options: object, command: Command) =>
      run((ports, output, call) => drivesCommand(ports, call, output), command.optsWithGlobals()),
    )
  const drive = program
    .command('drive')
    .description('bring drives up, down or under an operator, or say that they are cleaned: nb drive --help')
  for (const [state, does] of [
    ['up', 'let jobs use drives again'],
    ['down', 'start nothing more on drives; running jobs go on'],
    ['operator', 'use drives only when a person assigns them'],
  ] as const)
    drive
      .command(state)
      .description(does)
      .argument('<NAME...>', 'the drives')
      .option('--reason <TEXT>', 'why; lists and waiting jobs tell it')
      .addHelpText('after', examples(`nb drive ${state} drive0 --reason 'cleaned'`))
      .action((names: string[], options: { reason?: string }, command: Command) =>
        run(
          (ports, output, call) =>
            driveStateCommand(ports, { names, state, ...own(options), ...call }, output),
          command.optsWithGlobals(),
        ),
      )
  drive
    .command('cleaned')
    .description('say that you have cleaned drives by hand: their hours since cleaning begin anew')
    .argument('<NAME...>', 'the drives')
    .addHelpText('after', examples('nb drive cleaned drive0'))
    .action((names: string[], _options: object, command: Command) =>
      run(
        (ports, output, call) => driveCleanedCommand(ports, { names, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

function addPools({ program, run }: Registration): void {
  program
    .command('pools')
    .description('list volume pools, and how many volumes are in them')
    .addHelpText('after', examples('nb pools'))
    .action((_options: object, command: Command) =>
      run((ports, output, call) => poolsCommand(ports, call, output), command.optsWithGlobals()),
    )
  program
    .command('pool')
    .description('make or change volume pools: nb pool --help')
    .command('set')
    .description('make a volume pool, or change it')
    .argument('<NAME>', 'the pool')
    .option('--scratch', 'other pools take empty volumes from it')
    .option('--no-scratch', 'they do not')
    .option('--max-partly-full <N>', 'most partly full volumes at once, or none for no limit', limitOrNone)
    .addHelpText('after', examples('nb pool set offsite --max-partly-full 4', 'nb pool set spare --scratch'))
    .action((name: string, options: Omit<PoolSetOptions, 'name'>, command: Command) =>
      run(
        (ports, output, call) => poolSetCommand(ports, { name, ...own(options), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
}

function addVolumes({ program, run }: Registration): void {
  program
    .command('volumes')
    .description('list volumes, their states, and what is on them')
    .argument('[ID]', 'only this volume')
    .option('--pool <NAME>', 'only of this pool')
    .option(
      '--state-is <STATE>',
      `only in this state: ${volumeStates.join(', ')}; may be repeated`,
      collectOneOf(volumeStates),
    )
    .option('--assigned', 'only those with images on them')
    .option('--no-assigned', 'only those without')
    .addHelpText(
      'after',
      examples('nb volumes', 'nb volumes --pool offsite --no-assigned', 'nb volumes --state-is frozen'),
    )
    .action((volumeId: string | undefined, flags: VolumesFlags, command: Command) => {
      const { stateIs, ...rest } = own(flags)
      const options: VolumesOptions = {
        ...rest,
        ...(volumeId === undefined ? {} : { volumeId }),
        ...(stateIs === undefined ? {} : { states: stateIs }),
      }
      return run(
        (ports, output, call) => volumesCommand(ports, { ...options, ...call }, output),
        command.optsWithGlobals(),
      )
    })
  const volume = program
    .command('volume')
    .description(
      'freeze, suspend or free volumes, label and eject them, move them to pools: nb volume --help',
    )
  volume
    .command('images')
    .description('list the images on a volume')
    .argument('<ID>', 'the volume')
    .addHelpText('after', examples('nb volume images A00001'))
    .action((volumeId: string, _options: object, command: Command) =>
      run(
        (ports, output, call) => volumeImagesCommand(ports, { volumeId, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  volume
    .command('eject')
    .description('move volumes into mail slots, for you to take out')
    .argument('<ID...>', 'the volumes')
    .addHelpText('after', examples('nb volume eject A00001 A00002'))
    .action((volumeIds: string[], _options: object, command: Command) =>
      run(
        (ports, output, call) => volumeEjectCommand(ports, { volumeIds, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  volume
    .command('label')
    .description('label volumes anew; all that is on them is gone')
    .argument('<ID...>', 'the volumes')
    .option('--drive <NAME>', 'in this drive (default: one that nobody uses)')
    .option('--overwrite', 'also where something else is on them than a label of ours without images')
    .addHelpText('after', examples('nb volume label A00001', 'nb volume label A00001 --overwrite'))
    .action((volumeIds: string[], options: Omit<VolumeLabelOptions, 'volumeIds'>, command: Command) =>
      run(
        (ports, output, call) => volumeLabelCommand(ports, { volumeIds, ...own(options), ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  volume
    .command('pool')
    .description('move volumes without images into another pool')
    .argument('<POOL>', 'the pool; nb pools lists them')
    .argument('<ID...>', 'the volumes')
    .addHelpText('after', examples('nb volume pool offsite A00001 A00002'))
    .action((pool: string, volumeIds: string[], _options: object, command: Command) =>
      run(
        (ports, output, call) => volumePoolCommand(ports, { pool, volumeIds, ...call }, output),
        command.optsWithGlobals(),
      ),
    )
  for (const [verb, state, does, from] of volumeVerbs) {
    const ofState = from === undefined ? {} : { from }
    volume
      .command(verb)
      .description(does)
      .argument('<ID...>', 'the volumes')
      .option('--reason <TEXT>', 'why; nb volumes tells it')
      .addHelpText('after', examples(`nb volume ${verb} A00001 --reason 'read errors'`))
      .action((volumeIds: string[], options: { reason?: string }, command: Command) =>
        run(
          (ports, output, call) =>
            volumeStateCommand(ports, { volumeIds, state, ...ofState, ...own(options), ...call }, output),
          command.optsWithGlobals(),
        ),
      )
  }
}

function addErrors({ program, run }: Registration): void {
  program
    .command('errors')
    .description(
      'list errors of volumes and drives that are remembered; too many freeze a volume or take a drive down',
    )
    .option('--volume <ID>', 'only of this volume')
    .option('--drive <NAME>', 'only of this drive')
    .option('--forget', 'forget them: the way back after a repair')
    .addHelpText('after', examples('nb errors', 'nb errors --drive drive0 --forget'))
    .action(({ volume, drive, forget }: ErrorsFlags, command: Command) =>
      run(
        (ports, output, call) =>
          errorsCommand(
            ports,
            {
              ...(volume === undefined ? {} : { volumeId: volume }),
              ...(drive === undefined ? {} : { drive }),
              ...(forget === undefined ? {} : { forget }),
              ...call,
            },
            output,
          ),
        command.optsWithGlobals(),
      ),
    )
}

interface VolumesFlags {
  readonly pool?: string
  readonly stateIs?: readonly VolumeState[]
  readonly assigned?: boolean
}

interface ErrorsFlags {
  readonly volume?: string
  readonly drive?: string
  readonly forget?: boolean
}

const volumeStates: readonly VolumeState[] = ['active', 'full', 'frozen', 'suspended', 'expired', 'imported']

const volumeVerbs: readonly (readonly [string, VolumeState, string, VolumeState?])[] = [
  ['freeze', 'frozen', 'write to volumes no more, and keep them even when their images have expired'],
  ['unfreeze', 'active', 'let frozen volumes be written to again', 'frozen'],
  ['suspend', 'suspended', 'write to volumes no more until their images have expired'],
  ['full', 'full', 'take volumes for full: no more is written to them until their images have expired'],
  ['activate', 'active', 'let volumes be written to again, whatever stopped that'],
]
