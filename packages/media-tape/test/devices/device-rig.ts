import type { Drive, JobLogLine, MediaManager, Volume } from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { collect, createVirtualClock } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import {
  createDeviceManager,
  createScsiTapeDrive,
  createScsiTapeRobot,
  createTapeEmulator,
  type CartridgeStore,
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
  /**
   * Another device manager after the death of the one before: what that has begun comes to its end in the hardware, and nobody hears of it; of its
   * reservations and positions the new one knows nothing.
   */
  readonly crash: () => DeviceManager
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
  /** Where its cartridges are. @default in memory */
  readonly store?: CartridgeStore
  /** Turns of the event loop after each timer. @default as the virtual clock does */
  readonly settleTurns?: number
  /** Whether the device manager is started and has taken the volumes in. @default true */
  readonly started?: boolean
}

/** Makes a rig. */
export async function deviceRig({
  library: emulated = {},
  started = true,
  store,
  settleTurns,
  ...options
}: RigOptions = {}): Promise<DeviceRig> {
  const clock = createVirtualClock(undefined, settleTurns === undefined ? {} : { settleTurns })
  const library = createTapeEmulator(
    { clock, ...(store === undefined ? {} : { store }) },
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
  const driveOf = (name: string): ScsiTapeDrive =>
    createScsiTapeDrive({ transport: library.transport(name), clock }, { name })
  const serials = await Promise.all(
    names.map(async (name) => ({ name, serial: (await driveOf(name).identity()).serial ?? '' })),
  )
  /** What a process makes of the library. */
  const opened = (): Hardware => ({
    robot: createScsiTapeRobot(
      { transport: library.transport('changer'), clock },
      { name: 'robot1', drives: serials },
    ),
    drives: Object.fromEntries(names.map((name) => [name, driveOf(name)])),
  })
  const first = opened()
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
  let life = { isOver: false }
  const begin = (hardware: Hardware): DeviceManager => {
    const own = (life = { isOver: false })
    return createDeviceManager(
      {
        robots: { robot1: mortal(hardware.robot, own) },
        drives: Object.fromEntries(
          Object.entries(hardware.drives).map(([name, drive]) => [
            name,
            { drive: mortal(drive, own), robot: 'robot1' },
          ]),
        ),
        media: mortal(media, own),
        clock,
        log,
        warn: (text) => void warnings.push(text),
      },
      options,
    )
  }
  const devices = begin(first)
  if (started) {
    await devices.start()
    await devices.updateInventory({ robot: 'robot1' })
  }
  return {
    clock,
    library,
    media,
    devices,
    ...first,
    again: () => begin(first),
    crash: () => {
      life.isOver = true
      for (const unit of library.units) library.breakConnection(unit)
      return begin(opened())
    },
    lines,
    warnings,
    volume: async (volumeId) => (await collect(media.volumes({ volumeId })))[0] as Volume,
    drive: async (name) => (await collect(media.drives({ name })))[0] as Drive,
    inDrives: async () =>
      Object.fromEntries(
        (await first.robot.inventory()).flatMap(({ drive, barcode }) =>
          drive === undefined ? [] : [[drive, barcode]],
        ),
      ),
  }
}

interface Hardware {
  readonly robot: ScsiTapeRobot
  readonly drives: Readonly<Record<string, ScsiTapeDrive>>
}

/** Something as a process has it: once its life is over nothing is asked any more, and nothing is heard. */
function mortal<Thing extends object>(thing: Thing, life: { readonly isOver: boolean }): Thing {
  const never = new Promise<never>(() => undefined)
  return new Proxy(thing, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...input: unknown[]): unknown => {
        if (life.isOver) return never
        const ended: unknown = Reflect.apply(value, target, input)
        if (!(ended instanceof Promise)) return ended
        return ended.then(
          (result: unknown) => (life.isOver ? never : result),
          (error: unknown) => (life.isOver ? never : Promise.reject(error as Error)),
        )
      }
    },
  })
}

/** What a job asks for. */
export const wanting = (volumeId: string, drive = 'drive1', purpose: 'read' | 'write' = 'write') => ({
  jobId: '7',
  volumeId,
  drive,
  purpose,
  pool: 'NetBackup',
})
