import { lstatSync, readdirSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ExtractTarget, NbError } from '@nb/contracts'
import { addTapeOptions, addTapeStreams, readTapeOptions } from '@nb/example-host-program/tape'
import { Command, Option } from 'commander'
import { addSettings, type SettingsFlags, settingsOf } from './server-options.ts'
import type { ServerSettings } from './settings.ts'

/** What the example was asked to do. Paths are absolute. */
export interface AllInOneOptions {
  readonly state: string
  readonly source: string
  /** Absent: a new folder below the state, of the time of the restore. */
  readonly restoreTo?: string
  readonly ifExists: ExtractTarget['ifExists']
  readonly once: boolean
  readonly maxFragmentBytes: number
  /** Serve only: no policy, backup or restore of its own. */
  readonly serve: boolean
  readonly settings: ServerSettings
  /** A key to add to the key file of tapes; nothing else is done then. */
  readonly newTapeKey?: { readonly keyFile: string; readonly label: string }
  /** A recovery file to make the state from; nothing else is done then. */
  readonly recover?: string
  /** The folder of the storage unit it names, where that is another by now. */
  readonly recoverFrom?: string
}

const mib = 1024 * 1024

/** Reads the command line; wrong usage ends the process with 2 after a clear message, `--help` with 0. */
export function parseOptions(argv: readonly string[]): AllInOneOptions {
  const program = new Command('npm start --')
    .description(
      'A master server, a media server and a client in one process: backs up a directory to a disk storage unit by a ' +
        'policy, restores it, compares both, and then goes on running its schedules.',
    )
    .option('--source <DIR>', 'what to back up', defaultSource())
    .option('--restore-to <DIR>', 'where its contents are restored (default: a new folder below the state)')
    .addOption(
      new Option('--if-exists <WHAT>', 'what happens where a restored file exists')
        .choices(['overwrite', 'skip', 'fail'])
        .default('fail'),
    )
    .option('--state <DIR>', 'where catalog, jobs and stored images live; never backed up', 'var/nb')
    .option('--max-fragment <MIB>', 'largest piece of an image in MiB, 1–1048576', '524288')
    .option('--once', 'end after backup, restore and comparison: exit code 0, or the reason and another')
    .option('--serve', 'only run the server on the state there is')
    .option('--recover <FILE>', 'make the state from the catalog backup that a recovery file names, and end')
    .option(
      '--recover-from <DIR>',
      'folder of the storage unit, where it is not the one the recovery file names',
    )
  addTapeStreams(addTapeOptions(addSettings(program)))
    .addHelpText(
      'after',
      `
Examples:
  npm start                                          back up this project's packages, restore, stay up
  npm start -- --once --source /etc --restore-to /tmp/etc
  npm start -- --tape iscsi://127.0.0.1:3260         back up to a tape library, restore from tape
  npx nb jobs                                        in another terminal, while it runs
  npx nb job 1                                       the 17 steps of the first backup

Exit codes: 0 done · 1 a job failed or the trees differ · 2 wrong usage · 130 interrupted before the end`,
    )
    .configureOutput({ outputError: (text, write) => write(text) })
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse(argv, { from: 'user' })
  const given = program.opts<
    SettingsFlags & {
      source: string
      restoreTo?: string
      ifExists: ExtractTarget['ifExists']
      state: string
      maxFragment: string
      once?: boolean
      serve?: boolean
      recover?: string
      recoverFrom?: string
    }
  >()
  for (const option of ['source', 'restoreTo', 'state', 'policies', 'clientScripts'] as const) {
    if (given[option] === '')
      program.error(
        `error: --${program.options.find((each) => each.attributeName() === option)?.name() ?? option} needs a directory`,
        { exitCode: 2 },
      )
  }
  if (given.serve === true && given.once === true) {
    program.error('error: --serve stays up and --once ends after a backup of its own; say one of them', {
      exitCode: 2,
    })
  }
  if (given.catalogBackup !== undefined && isWithin(resolve(given.catalogBackup), resolve(given.state))) {
    program.error('error: --catalog-backup must be outside the state, which is never backed up', {
      exitCode: 2,
    })
  }
  if (given.recoverFrom !== undefined && given.recover === undefined) {
    program.error('error: --recover-from needs --recover, the recovery file', { exitCode: 2 })
  }
  if (given.recover !== undefined) {
    const obeyed = new Set(['recover', 'recoverFrom', 'state'])
    const other = program.options.find(
      (each) =>
        !obeyed.has(each.attributeName()) && program.getOptionValueSource(each.attributeName()) === 'cli',
    )
    if (other !== undefined)
      program.error(
        `error: --recover makes the state and ends: leave ${other.long ?? other.flags} away, and start the server on the state after it`,
        { exitCode: 2 },
      )
  }
  const { tape, newTapeKey } = readTapeOptions(program, process.env)
  const fragment = Number(given.maxFragment)
  if (!Number.isInteger(fragment) || fragment < 1 || fragment > 1_048_576) {
    program.error(
      `error: --max-fragment must be a whole number of MiB from 1 to 1048576, not "${given.maxFragment}"`,
      {
        exitCode: 2,
      },
    )
  }
  return {
    state: resolve(given.state),
    source: resolve(given.source),
    ...(given.restoreTo === undefined ? {} : { restoreTo: resolve(given.restoreTo) }),
    ifExists: given.ifExists,
    once: given.once === true,
    maxFragmentBytes: fragment * mib,
    serve: given.serve === true,
    ...(newTapeKey === undefined ? {} : { newTapeKey }),
    ...(given.recover === undefined ? {} : { recover: resolve(given.recover) }),
    ...(given.recoverFrom === undefined ? {} : { recoverFrom: resolve(given.recoverFrom) }),
    // Who waits for the end wants to know of a failure at once.
    settings: {
      ...(given.once === true ? { tries: 1 } : {}),
      ...settingsOf(given),
      ...(tape === undefined ? {} : { tape }),
    },
  }
}

/**
 * Refuses what can't work before anything is begun: a source that is missing or can't be read, a target that is not empty,
 * and places that lie inside one another.
 * @throws NbError `source-missing`, `source-unreadable`, `target-exists`, `target-unsafe`, `argument-invalid`
 */
export function checkPlaces(options: AllInOneOptions): void {
  const { source, state, restoreTo } = options
  checkSource(source)
  const realSource = realpathSync(source)
  if (isWithin(realSource, state)) {
    refuse(
      'source',
      `${source} lies inside the state ${state}, which is never backed up; choose another with --state`,
    )
  }
  if (restoreTo === undefined) return
  if (isWithin(restoreTo, realSource))
    refuse('restore-to', `${restoreTo} lies inside the source ${source}; choose a place outside`)
  if (isWithin(restoreTo, state) || isWithin(state, restoreTo)) {
    refuse('restore-to', `${restoreTo} and the state ${state} lie inside one another; choose a place outside`)
  }
  checkTarget(restoreTo, options.ifExists)
}

function refuse(option: string, why: string): never {
  throw new NbError('argument-invalid', `--${option} ${why}`, { details: { field: option } })
}

function checkTarget(target: string, ifExists: AllInOneOptions['ifExists']): void {
  const unsafe = (cause: unknown): never => {
    throw new NbError('target-unsafe', `--restore-to ${target} can't be used: ${(cause as Error).message}`, {
      cause,
      details: { path: target },
    })
  }
  const stat = tryTo(() => lstatSync(target, { throwIfNoEntry: false }), unsafe)
  if (stat === undefined) return
  if (!stat.isDirectory()) {
    throw new NbError(
      'target-exists',
      `--restore-to ${target} exists and is no directory; choose another place`,
      {
        details: { path: target },
      },
    )
  }
  if (ifExists === 'fail' && tryTo(() => readdirSync(target), unsafe).length > 0) {
    throw new NbError(
      'target-exists',
      `--restore-to ${target} is not empty; empty it, choose another place, or say --if-exists overwrite or skip`,
      { details: { path: target } },
    )
  }
}

function checkSource(source: string): void {
  const unreadable = (cause: unknown): never => {
    throw new NbError('source-unreadable', `--source ${source} cannot be read: ${(cause as Error).message}`, {
      cause,
      details: { path: source },
    })
  }
  const stat = tryTo(() => lstatSync(source, { throwIfNoEntry: false }), unreadable)
  if (stat === undefined) {
    throw new NbError('source-missing', `--source ${source} does not exist`, { details: { path: source } })
  }
  if (!stat.isDirectory()) refuse('source', `${source} is no directory`)
  tryTo(() => readdirSync(source), unreadable)
}

function tryTo<Value>(action: () => Value, failed: (cause: unknown) => never): Value {
  try {
    return action()
  } catch (cause) {
    return failed(cause)
  }
}

/** Whether a path is a directory or below it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`)
}

/** The packages of this project: real files that exist wherever the example does. */
function defaultSource(): string {
  return fileURLToPath(new URL('../../../packages', import.meta.url))
}
