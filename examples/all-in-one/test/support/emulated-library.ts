import { systemClock } from '@nb/contracts'
import {
  assembleTapeLibrary,
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

const name = 'the emulated library'
const access = { library: name, initiatorName: 'iqn.2026-11.example.nb:test' }

/** What a server opens of it, as it would of one behind iSCSI. */
export async function openEmulated(library: TapeEmulator): Promise<OpenTapeLibrary> {
  const clock = systemClock()
  const unitOf = (lun: number) => library.transport(library.units[lun] ?? 'none')
  const found = await findUnits({ unitOf, clock })
  const units = found.map((unit) => ({ ...unit, name: `LUN ${unit.lun}`, transport: unitOf(unit.lun) }))
  const group = { name, units, close: async () => undefined }
  return await assembleTapeLibrary({ clock }, { group })
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
      tape: { access, unmountDelayMs: 0, recoveryIntervalMs: 1000, ...tape },
    },
  })
}
