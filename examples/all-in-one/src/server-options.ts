import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parsePeriod, UsageError } from '@nb/cli'
import { whole } from '@nb/example-host-program'
import { type Command, InvalidArgumentError } from 'commander'
import { secondStorageUnit, storageUnit } from './unit-names.ts'
import type { ServerSettings } from './settings.ts'

/** Adds the options that say how the server works, with their bounds. */
export function addSettings(program: Command): Command {
  return program
    .optionsGroup('How the server works:')
    .option(
      '--policies <DIR>',
      'folder of policy files, one a policy, and of retention-levels.yaml: edits count at once, and what nb changes is written there',
      newFolder,
    )
    .option(
      '--on-failure <COMMAND>',
      'run when a job has failed, by /bin/sh: NB_JOB_ID, NB_STATUS, NB_POLICY and more are in its environment, the job is its input as JSON',
    )
    .option(
      '--client-scripts <DIR>',
      'folder of the client with start_notify and end_notify, or start_notify.POLICY[.SCHEDULE]: run before and after its backups',
      folder,
    )
    .option(
      '--second-disk <DIR>',
      'folder of a second disk storage unit, disk2, for copies: jobs write there only when they name it',
      newFolder,
    )
    .option(
      '--new-disk <UNIT>',
      'disk1 or disk2, whose disk is lost for good: its empty folder is made that storage unit anew. Say it for one start only',
      diskNames,
    )
    .option(
      '--take-disk <UNIT>',
      "disk1 or disk2, whose folder is another media server's: it becomes this one's. Say it once, when the other is gone",
      diskNames,
    )
    .option(
      '--catalog-backup <DIR>',
      'folder outside the state for backups of the catalog: a policy that selects DIR/snapshot backs the catalog up, and a recovery file is written to DIR',
      newFolder,
    )
    .option(
      '--time-zone <NAME>',
      "time zone of all windows, such as Europe/Vienna (default: the host's)",
      timeZoneName,
    )
    .option(
      '--max-jobs-per-client <N>',
      'most jobs of any one client at once, 1-1000 (default: 1)',
      whole(1, 1000),
    )
    .option(
      '--tries <N>',
      'how often a failed job is tried within the period, 1-35 (default: 2; 1 with --once)',
      whole(1, 35),
    )
    .option('--tries-within <PERIOD>', 'that sliding period, 1h-7d (default: 12h)', period('1h', '7d'))
    .option('--retry-delay <PERIOD>', 'wait between tries, 1s-60min (default: 10min)', period('1s', '60min'))
}

/** The settings as commander has read them. */
export interface SettingsFlags {
  readonly policies?: string
  readonly onFailure?: string
  readonly clientScripts?: string
  readonly secondDisk?: string
  readonly newDisk?: readonly string[]
  readonly takeDisk?: readonly string[]
  readonly catalogBackup?: string
  readonly timeZone?: string
  readonly maxJobsPerClient?: number
  readonly tries?: number
  readonly triesWithin?: number
  readonly retryDelay?: number
}

/** What was said of how the server works; what was not said keeps its default. */
export function settingsOf({
  policies,
  onFailure,
  clientScripts,
  secondDisk,
  newDisk,
  takeDisk,
  catalogBackup,
  timeZone,
  maxJobsPerClient,
  tries,
  triesWithin,
  retryDelay,
}: SettingsFlags): ServerSettings {
  return {
    ...(policies === undefined ? {} : { policyDirectory: resolve(policies) }),
    ...(onFailure === undefined ? {} : { onFailure }),
    ...(clientScripts === undefined ? {} : { clientScripts: resolve(clientScripts) }),
    ...(secondDisk === undefined ? {} : { secondDisk: resolve(secondDisk) }),
    ...(newDisk === undefined ? {} : { newDisks: newDisk }),
    ...(takeDisk === undefined ? {} : { takenDisks: takeDisk }),
    ...(catalogBackup === undefined ? {} : { catalogBackup: resolve(catalogBackup) }),
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(maxJobsPerClient === undefined ? {} : { maxJobsPerClient }),
    ...(tries === undefined ? {} : { tries }),
    ...(triesWithin === undefined ? {} : { triesWithinMs: triesWithin }),
    ...(retryDelay === undefined ? {} : { retryDelayMs: retryDelay }),
  }
}

/** The names of disk storage units that are said, each time one more. */
function diskNames(name: string, before: readonly string[] = []): readonly string[] {
  if (name !== storageUnit && name !== secondStorageUnit)
    throw new InvalidArgumentError(`It is ${storageUnit} or ${secondStorageUnit}.`)
  return [...before, name]
}

/** A folder that is there: a mistyped one would mean that nothing in it ever runs. */
function folder(path: string): string {
  if (!isThere(path)) throw new InvalidArgumentError('There is no such folder.')
  return path
}

/** A folder that may be yet to be made. */
function newFolder(path: string): string {
  isThere(path)
  return path
}

function isThere(path: string): boolean {
  try {
    if (statSync(path).isDirectory()) return true
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return false
    throw new InvalidArgumentError(`It can't be used: ${message}.`)
  }
  throw new InvalidArgumentError('It is no folder.')
}

function timeZoneName(name: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return name
  } catch {
    throw new InvalidArgumentError('It is no time zone; one is Europe/Vienna, all are in the IANA database.')
  }
}

function period(least: string, most: string): (text: string) => number {
  return (text) => {
    const value = periodOf(text)
    if (value < periodOf(least) || value > periodOf(most))
      throw new InvalidArgumentError(`It must be from ${least} to ${most}.`)
    return value
  }
}

function periodOf(text: string): number {
  try {
    return parsePeriod(text)
  } catch (error) {
    if (error instanceof UsageError) throw new InvalidArgumentError(error.message)
    throw error
  }
}
