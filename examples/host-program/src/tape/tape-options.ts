import { existsSync, type Stats, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parsePeriod, UsageError } from '@nb/cli'
import { NbError } from '@nb/contracts'
import { readLibraryAccess } from '@nb/media-tape'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { whole } from '../whole-number.ts'
import type { TapeSettings } from './tape-settings.ts'

/** The option of a file with names and secrets for CHAP. */
export const chapOption = '--tape-chap'

/** Adds the options of a tape library, for {@link readTapeOptions}. */
export function addTapeOptions(program: Command): Command {
  return program
    .optionsGroup('A tape library:')
    .option(
      '--tape <LIBRARY>',
      'back up to a tape library: iscsi://HOST[:PORT][/TARGET[/LUN]], without a target the one that the portal offers, LUN is the robot; or /dev/sgN, its robot',
    )
    .option(
      `${chapOption} <FILE>`,
      'file only its owner can read: "user = …" and "secret = …", for mutual CHAP also "target-user = …" and "target-secret = …" (default: NB_ISCSI_USER, NB_ISCSI_SECRET, …)',
    )
    .option(
      '--tape-unmount-delay <PERIOD>',
      'how long a volume stays in its drive for the next job, 0s-30min (default: 3min)',
      delay,
    )
    .option(
      '--tape-cleaning-hours <N>',
      'clean a drive also when it had volumes mounted for jobs for so many hours, 1-10000; 0: only when it asks for it (default: 0)',
      whole(0, 10_000),
    )
    .option(
      '--tape-keys <FILE>',
      'file only its owner can read, with the keys of volumes in pools ENCR_..., which the drives encrypt',
      keyFile,
    )
    .option(
      '--tape-new-key <LABEL>',
      'add a key to the file of --tape-keys, for volumes that are labelled from now on, and end; the file is made where there is none',
    )
    .addOption(
      new Option(
        '--tape-quirks <MODEL>',
        'the drives behave as those of a model that they do not say they are',
      ).choices(['tgt']),
    )
}

/** The options as commander has read them. */
interface TapeFlags {
  readonly tape?: string
  readonly tapeChap?: string
  readonly tapeStreams?: number
  readonly tapeUnmountDelay?: number
  readonly tapeCleaningHours?: number
  readonly tapeKeys?: string
  readonly tapeNewKey?: string
  readonly tapeQuirks?: 'tgt'
}

/** What was said of tapes. */
export interface SaidOfTapes {
  /** Absent where no library was named. */
  readonly tape?: TapeSettings
  /** A key to add to the key file; nothing else is done then. */
  readonly newTapeKey?: { readonly keyFile: string; readonly label: string }
}

/**
 * Reads the options of a command line that commander has parsed. What makes no sense together, and a library or secrets that are not as they must be, end it with
 * exit code 2.
 */
export function readTapeOptions(
  program: Command,
  environment: Readonly<Record<string, string | undefined>>,
): SaidOfTapes {
  const given = program.opts<TapeFlags>()
  const { tapeKeys, tapeNewKey } = given
  if (tapeNewKey !== undefined && tapeKeys === undefined)
    program.error('error: --tape-new-key needs --tape-keys, the file', { exitCode: 2 })
  const tape = settingsOrUsage(program, given, environment)
  if (tape === undefined && tapeNewKey === undefined)
    for (const option of program.options)
      if (
        option.long?.startsWith('--tape-') === true &&
        program.getOptionValueSource(option.attributeName()) === 'cli'
      )
        program.error(`error: ${option.long} says how a tape library is used: name one with --tape`, {
          exitCode: 2,
        })
  return {
    ...(tape === undefined ? {} : { tape }),
    ...(tapeNewKey === undefined || tapeKeys === undefined
      ? {}
      : { newTapeKey: { keyFile: tapeKeys, label: tapeNewKey } }),
  }
}

function settingsOrUsage(
  program: Command,
  given: TapeFlags,
  environment: Readonly<Record<string, string | undefined>>,
): TapeSettings | undefined {
  try {
    return tapeSettingsOf(given, environment)
  } catch (error) {
    if (!(error instanceof NbError) || error.code !== 'argument-invalid') throw error
    const option = error.details['field'] === 'chap' ? chapOption : '--tape'
    program.error(`error: ${option}: ${error.message}`, { exitCode: 2 })
  }
}

function tapeSettingsOf(
  flags: TapeFlags,
  environment: Readonly<Record<string, string | undefined>>,
): TapeSettings | undefined {
  const { tape, tapeChap, tapeStreams, tapeUnmountDelay, tapeCleaningHours, tapeKeys, tapeQuirks } = flags
  if (tape === undefined) return undefined
  const chapFile = tapeChap === undefined ? {} : { chapFile: tapeChap }
  return {
    access: readLibraryAccess({ library: tape, chapOption, environment, ...chapFile }),
    ...(tapeStreams === undefined ? {} : { streamsPerDrive: tapeStreams }),
    ...(tapeUnmountDelay === undefined ? {} : { unmountDelayMs: tapeUnmountDelay }),
    ...(tapeCleaningHours === undefined ? {} : { cleaningFrequencyHours: tapeCleaningHours }),
    ...(tapeKeys === undefined ? {} : { keyFile: tapeKeys }),
    ...(tapeQuirks === undefined ? {} : { quirks: tapeQuirks }),
  }
}

/** The whole path; a file that is not there yet is made with its first key. Throws `InvalidArgumentError` for what can't be such a file. */
function keyFile(path: string): string {
  const folder = dirname(resolve(path))
  let stats: Stats | undefined
  try {
    stats = statSync(path, { throwIfNoEntry: false })
    if (stats === undefined && !existsSync(folder))
      throw new InvalidArgumentError(`There is no folder ${folder}.`)
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw error
    throw new InvalidArgumentError(`It can't be read (${(error as NodeJS.ErrnoException).code ?? ''}).`)
  }
  if (stats?.isDirectory() === true) throw new InvalidArgumentError('It is a directory: name the file.')
  if (((stats?.mode ?? 0) & 0o077) !== 0)
    throw new InvalidArgumentError('Others than its owner can use it: chmod 600.')
  return resolve(path)
}

function delay(text: string): number {
  let ms: number
  try {
    ms = parsePeriod(text)
  } catch (error) {
    if (error instanceof UsageError) throw new InvalidArgumentError(error.message)
    throw error
  }
  if (ms > 30 * 60_000) throw new InvalidArgumentError('It must be from 0s to 30min.')
  return ms
}

/** Adds the option of a server that makes the storage unit of its library itself. */
export function addTapeStreams(program: Command): Command {
  return program.option(
    '--tape-streams <N>',
    'most backups that share a drive (multiplexing), where their schedules allow it too, 1-32 (default: 1)',
    whole(1, 32),
  )
}
