import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@nb/contracts'
import { openTapeLibrary, tgtDriveQuirks } from '@nb/media-tape'
import { freePorts } from '../free-ports.ts'
import { leftovers } from '../leftovers/leftovers.ts'
import { runToEnd } from '../measured-process.ts'

/** A library of tgtd on this host, with two drives. */
export interface BenchLibrary {
  /** `iscsi://HOST:PORT/TARGET` */
  readonly url: string
  readonly driveLun: number
  /** The second drive, which is empty, and a volume for it. */
  readonly other: { readonly drive: string; readonly volumeId: string }
  readonly diskLun: number
  readonly diskBytes: number
  stop(): Promise<void>
}

/** Our name at targets. */
export const initiatorName = 'iqn.2026-11.example.nb:bench'

const script = fileURLToPath(new URL('../../../packages/media-tape/test/tgtd/library.sh', import.meta.url))
const mib = 1024 ** 2

/** Starts it with its media below `directory`; the disk is filled, so that reading it reads something. */
export async function startLibrary(
  directory: string,
  { tapeBytes, diskBytes }: { readonly tapeBytes: number; readonly diskBytes: number },
): Promise<BenchLibrary> {
  const sizes = [`tape_mb=${Math.ceil(tapeBytes / mib)}`, `disk_mb=${Math.ceil(diskBytes / mib)}`]
  const [port] = await freePorts(1)
  const settings = ['drives=2', 'tapes=3', 'slots=4', `port=${port}`, ...sizes]
  const url = (await runToEnd(script, ['start', directory, ...settings])).trim()
  const pid = Number(readFileSync(join(directory, 'tgtd.pid'), 'utf8'))
  // It ignores every gentler signal while it has targets.
  leftovers.ownPid(pid, 'tgtd', { stopSignal: 'SIGKILL', outlives: true })
  const stop = async (): Promise<void> => {
    await runToEnd(script, ['stop', directory])
    leftovers.disown(pid)
  }
  try {
    const count = String(Math.ceil(diskBytes / mib))
    await runToEnd('dd', [
      'if=/dev/urandom',
      `of=${join(directory, 'disk')}`,
      'bs=1M',
      `count=${count}`,
      'conv=notrunc',
    ])
  } catch (error) {
    await stop()
    throw error
  }
  return { url, driveLun: 1, other: { drive: 'drive2', volumeId: 'NBT002' }, diskLun: 4, diskBytes, stop }
}

/** Puts the first volume into the first drive, ready for whoever comes. */
export async function loadFirst(url: string): Promise<void> {
  const clock = systemClock()
  const library = await openTapeLibrary({ clock }, { library: url, initiatorName, quirks: tgtDriveQuirks })
  try {
    const { robot } = library.robot
    await robot.inventory()
    await robot.move({ from: { kind: 'slot', number: 1 }, to: { kind: 'drive', number: 1 } })
    await library.drives[0]?.drive.load()
  } finally {
    await library.close()
  }
}
