import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '@nb/test-kit'
import { type IscsiPortal, parseIscsiUrl } from '../../src/index.ts'

const script = join(import.meta.dirname, 'library.sh')
const run = promisify(execFile)

/** Why tests with tgtd can't run here, for `skip`; false when they can. */
export const tgtdMissing: string | false = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin'].some(
  (directory) => existsSync(join(directory, 'tgtd')),
)
  ? false
  : 'tgtd is not installed: apt-get install tgt'

/** A library of tgtd: drives from LUN 1, then the robot, then a disk. */
export interface TgtdLibrary {
  readonly directory: string
  readonly portal: IscsiPortal
  readonly target: string
  /** Ends it as an accident does; the tapes stay. */
  stop(): Promise<void>
  /** Starts it again, with the tapes as they are. */
  start(): Promise<void>
  /** Ends it and forgets the tapes. */
  remove(): Promise<void>
}

/** Starts a library with options of `library.sh`. */
export async function startTgtd(
  options: Readonly<Record<string, string | number>> = {},
): Promise<TgtdLibrary> {
  // A path of a socket may have about a hundred bytes.
  const directory = await mkdtemp(join(tmpdir(), 'nb-tgtd-'))
  const settings = Object.entries({ port: await freePort(), ...options }).map(
    ([name, value]) => `${name}=${value}`,
  )
  const start = async (): Promise<string> =>
    (await run(script, ['start', directory, ...settings])).stdout.trim()
  const stop = async (): Promise<void> => void (await run(script, ['stop', directory]))
  const { portal, target } = parseIscsiUrl(await start())
  if (target === undefined) throw new Error('the script names no target')
  return {
    directory,
    portal,
    target,
    start: async () => void (await start()),
    stop,
    remove: async () => {
      await stop()
      await rm(directory, { recursive: true })
    },
  }
}
