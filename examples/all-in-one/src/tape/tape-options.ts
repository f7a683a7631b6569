import { readFileSync, statSync } from 'node:fs'
import { parsePeriod, UsageError } from '@nb/cli'
import { NbError } from '@nb/contracts'
import { type IscsiChap, parseIscsiUrl } from '@nb/media-tape'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { whole } from '../server-options.ts'
import type { TapeSettings } from './tape-settings.ts'

/** Adds the options of a tape library. */
export function addTapeOptions(program: Command): Command {
  return program
    .optionsGroup('A tape library:')
    .option(
      '--tape <URL>',
      'back up to a tape library: iscsi://HOST[:PORT][/TARGET[/LUN]], without a target the one that the portal offers; LUN is the robot',
      tapeUrl,
    )
    .option(
      '--tape-chap <FILE>',
      'file only its owner can read, with USER SECRET, and TARGET-USER TARGET-SECRET in a second line for mutual CHAP',
      chapFile,
    )
    .option(
      '--tape-streams <N>',
      'most backups that share a drive (multiplexing), where their schedules allow it too, 1-32 (default: 1)',
      whole(1, 32),
    )
    .option(
      '--tape-unmount-delay <PERIOD>',
      'how long a volume stays in its drive for the next job, 0s-30min (default: 3min)',
      delay,
    )
    .addOption(
      new Option(
        '--tape-quirks <MODEL>',
        'the drives behave as those of a model that they do not say they are',
      ).choices(['tgt']),
    )
}

/** The options as commander has read them. */
export interface TapeFlags {
  readonly tape?: string
  readonly tapeChap?: IscsiChap
  readonly tapeStreams?: number
  readonly tapeUnmountDelay?: number
  readonly tapeQuirks?: 'tgt'
}

/** What was said of a tape library; `undefined` where none was. */
export function tapeSettingsOf(flags: TapeFlags): TapeSettings | undefined {
  const { tape, tapeChap, tapeStreams, tapeUnmountDelay, tapeQuirks } = flags
  if (tape === undefined) return undefined
  return {
    url: tape,
    ...(tapeChap === undefined ? {} : { chap: tapeChap }),
    ...(tapeStreams === undefined ? {} : { streamsPerDrive: tapeStreams }),
    ...(tapeUnmountDelay === undefined ? {} : { unmountDelayMs: tapeUnmountDelay }),
    ...(tapeQuirks === undefined ? {} : { quirks: tapeQuirks }),
  }
}

function tapeUrl(url: string): string {
  try {
    const { chap } = parseIscsiUrl(url)
    if (chap === undefined) return url
  } catch (error) {
    if (error instanceof NbError) throw new InvalidArgumentError(`${error.message}.`)
    throw error
  }
  throw new InvalidArgumentError(
    'A secret in it could be seen by everybody on this host: put it into a file for --tape-chap.',
  )
}

function chapFile(path: string): IscsiChap {
  let text: string
  try {
    if ((statSync(path).mode & 0o077) !== 0)
      throw new InvalidArgumentError('Others than its owner can use it: chmod 600.')
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw error
    throw new InvalidArgumentError(`It can't be read (${(error as NodeJS.ErrnoException).code ?? ''}).`)
  }
  const [user, target, ...more] = text.split('\n').flatMap((line) => {
    const words = line.trim().split(/\s+/)
    return line.trim() === '' ? [] : [words]
  })
  if (user?.length !== 2 || (target !== undefined && target.length !== 2) || more.length > 0)
    throw new InvalidArgumentError(
      'It must have a line USER SECRET, and may have a second one of the target.',
    )
  const [name = '', secret = ''] = user
  return {
    name,
    secret,
    ...(target === undefined ? {} : { target: { name: target[0] ?? '', secret: target[1] ?? '' } }),
  }
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
