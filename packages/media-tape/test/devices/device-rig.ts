import type { Drive, JobLogLine, MediaManager, Volume } from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { collect, createVirtualClock } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import {
  createDeviceManager,
  createScsiTapeDrive,
  createScsiTapeRobot,
  createTapeEmulator,
  type DeviceManager,
  type DeviceManagerOptions,
  type ScsiTapeDrive,
  type ScsiTapeRobot,
  type TapeEmulator,
  type TapeEmulatorOptions,
} from '../../src/index.ts'

/** An emulated library with a device manager and a media manager, on a virtual clock. */
export interface DeviceRig {
  readonly clock: ReturnType<typeof createVirtualClock>
  readonly library: TapeEmulator
  readonly media: MediaManager
  readonly devices: DeviceManager
  readonly drives: Readonly<Record<string, ScsiTapeDrive>>
  readonly robot: ScsiTapeRobot
  /** Another device manager, as after a restart. */
  readonly again: () => DeviceManager
  /** What an operator was told. */
  readonly warnings: readonly string[]
  readonly lines: readonly (JobLogLine & { readonly jobId: string })[]
  readonly volume: (volumeId: string) => Promise<Volume>
  readonly drive: (name: string) => Promise<Drive>
  /** The barcode in each drive, by the robot. */
  readonly inDrives: () => Promise<Readonly<Record<string, string | undefined>>>
}

/** What differs from a library of two drives, six slots and the volumes A00001L8 to A00004L8. */
export interface RigOptions extends DeviceManagerOptions {
  readonly library?: Partial<TapeEmulatorOptions>
  /** Whether the device manager is started and has taken the volumes in. @default true */
  readonly started?: boolean
}

/** Makes a rig. */
export async function deviceRig({
  library: emulated = {},
  started = true,
  ...options
}: RigOptions = {}): Promise<DeviceRig> {
  const clock = createVirtualClock()
  const library = createTapeEmulator(
    { clock },
    {
      slots: 6,
      drives: 2,
      capacityBytes: 16 << 20,
      volumes: ['A00001L8', 'A00002L8', 'A00003L8', 'A00004L8'],
      ...emulated,
    },
  )
  await library.start()
  const media = createMediaManager({ store: new MemoryLevel(), clock })
  await media.start()
  const names = library.units.filter((unit) => unit.startsWith('drive'))
  const scsi = names.map((name) =>
    createScsiTapeDrive({ transport: library.transport(name), clock }, { name }),
  )
  const serials = await Promise.all(scsi.map(async (one) => (await one.identity()).serial ?? ''))
  const robot = createScsiTapeRobot(
    { transport: library.transport('changer'), clock },
    { name: 'robot1', drives: names.map((name, index) => ({ name, serial: serials[index] ?? '' })) },
  )
  await media.putRobot({ name: 'robot1', state: 'up' })
  const place = { mediaServer: 'media1', density: 'hcart', robot: 'robot1', state: 'up' } as const
  for (const name of names) await media.putDrive({ ...place, name })
  await media.putStorageUnit({
    ...place,
    name: 'tape1',
    type: 'tape',
    maxFragmentBytes: 2 ** 30,
    onDemandOnly: false,
    maxConcurrentDrives: names.length,
  })
  const lines: (JobLogLine & { readonly jobId: string })[] = []
  const warnings: string[] = []
  const log = {
    append: async (input: { readonly jobId: string; readonly lines: readonly JobLogLine[] }) =>
      void lines.push(...input.lines.map((line) => ({ ...line, jobId: input.jobId }))),
  }
  const drives = Object.fromEntries(names.map((name, index) => [name, scsi[index] as ScsiTapeDrive]))
  const again = (): DeviceManager =>
    createDeviceManager(
      {
        robots: { robot1: robot },
        drives: Object.fromEntries(
          Object.entries(drives).map(([name, drive]) => [name, { drive, robot: 'robot1' }]),
        ),
        media,
        clock,
        log,
        warn: (text) => void warnings.push(text),
      },
      options,
    )
  const devices = again()
  if (started) {
    await devices.start()
    await devices.updateInventory({ robot: 'robot1' })
  }
  return {
    clock,
    library,
    media,
    devices,
    drives,
    robot,
    again,
    lines,
    warnings,
    volume: async (volumeId) => (await collect(media.volumes({ volumeId })))[0] as Volume,
    drive: async (name) => (await collect(media.drives({ name })))[0] as Drive,
    inDrives: async () =>
      Object.fromEntries(
        (await robot.inventory()).flatMap(({ drive, barcode }) =>
          drive === undefined ? [] : [[drive, barcode]],
        ),
      ),
  }
}

/** What a job asks for. */
export const wanting = (volumeId: string, drive = 'drive1', purpose: 'read' | 'write' = 'write') => ({
  jobId: '7',
  volumeId,
  drive,
  purpose,
  pool: 'NetBackup',
})
