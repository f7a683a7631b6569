import { systemClock } from '@nb/contracts'
import {
  createScsiTapeDrive,
  createScsiTapeRobot,
  createTapeEmulator,
  findUnits,
  type OpenTapeLibrary,
  type TapeEmulator,
  type TapeEmulatorOptions,
} from '@nb/media-tape'
import { boot, type BootedServer } from './boot.ts'
import type { SettingsOnTape } from './tape-site.ts'

/** An emulated library in this process: two drives, six slots, five volumes of 16 MiB, and no time passes in it. */
export async function emulatedLibrary(options: Partial<TapeEmulatorOptions> = {}): Promise<TapeEmulator> {
  const volumes = ['A00001L8', 'A00002L8', 'A00003L8', 'A00004L8', 'A00005L8']
  const library = createTapeEmulator(
    { clock: systemClock() },
    { slots: 6, drives: 2, capacityBytes: 16 << 20, earlyWarningBytes: 2 << 20, volumes, ...options },
  )
  await library.start()
  return library
}

/** What a server opens of it, as it would of one behind iSCSI. */
export async function openEmulated(library: TapeEmulator): Promise<OpenTapeLibrary> {
  const clock = systemClock()
  const names = library.units
  const unitOf = (lun: number) => library.transport(names[lun] ?? 'none')
  const units = await findUnits({ unitOf, clock })
  const drives = units
    .filter(({ kind }) => kind === 'drive')
    .map((unit, index) => {
      const name = `drive${index + 1}`
      return { name, unit, drive: createScsiTapeDrive({ transport: unitOf(unit.lun), clock }, { name }) }
    })
  const [changer] = units.filter(({ kind }) => kind === 'robot')
  if (changer === undefined) throw new Error('the emulated library has no robot')
  const robot = createScsiTapeRobot(
    { transport: unitOf(changer.lun), clock },
    { name: 'robot1', drives: drives.map(({ name, unit }) => ({ name, serial: unit.serial ?? '' })) },
  )
  return {
    name: 'the emulated library',
    units,
    robot: { name: 'robot1', unit: changer, robot },
    drives,
    close: async () => undefined,
  }
}

/** Starts a server of this process on an emulated library; a job that fails is tried once more after a second. */
export async function bootEmulated(
  state: string,
  library: TapeEmulator,
  { tape, ...settings }: SettingsOnTape = {},
): Promise<BootedServer> {
  return await boot(state, {
    tape: await openEmulated(library),
    settings: {
      tries: 2,
      retryDelayMs: 1000,
      maxJobsPerClient: 10,
      ...settings,
      tape: { url: '', unmountDelayMs: 0, recoveryIntervalMs: 1000, ...tape },
    },
  })
}
