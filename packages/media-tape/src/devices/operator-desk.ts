import {
  type CallOptions,
  type DeviceOperations,
  type MediaManager,
  NbError,
  throwIfAborted,
  type Volume,
} from '@nb/contracts'
import type { BarcodeReading } from './barcode-rules.ts'
import { compareInventory } from './compare-inventory.ts'
import type { DriveBay } from './drive-bay.ts'
import { known } from './known.ts'
import type { Library } from './library.ts'
import { listOf, volumeOf } from './media-records.ts'
import { inventoryPlaces } from './robot-inventory.ts'

/** What an operator's wishes are done with. */
export interface OperatorParts {
  readonly media: MediaManager
  readonly libraries: ReadonlyMap<string, Library>
  readonly bays: ReadonlyMap<string, DriveBay>
  readonly barcodes: BarcodeReading
  /** Labels a volume in a drive, once that is free; gives its generation. */
  readonly labelIn: (
    bay: DriveBay,
    volume: Volume,
    overwrite: boolean,
    options: CallOptions | undefined,
  ) => Promise<string>
}

/** What an operator does with robots and volumes. */
export function operatorDesk({ media, libraries, bays, barcodes, labelIn }: OperatorParts): DeviceOperations {
  const libraryOf = (robot: string): Library => known(libraries, 'robot', robot)

  /** Of what jobs have, and of what is being used in a drive, nothing is taken away. */
  async function checkUnused({ volumeId }: Volume): Promise<void> {
    for await (const { jobId, medium, further = [] } of media.allocations({}))
      for (const each of [medium, ...further.map((copy) => copy.medium)])
        if (each.kind === 'tape' && each.volumeId === volumeId)
          throw inUse(volumeId, `job ${jobId} uses it in drive ${each.drive}`, { jobId, drive: each.drive })
    for (const bay of bays.values()) {
      if (bay.loaded?.volumeId !== volumeId) continue
      await bay.leaving
      if (bay.inUse && bay.loaded?.volumeId === volumeId)
        throw inUse(volumeId, `drive ${bay.name} uses it`, { drive: bay.name })
    }
  }

  /** A drive that nobody uses, for a volume of its robot: the one that it is in, else an empty one, else any. */
  async function freeDrive({ volumeId, robot, density }: Volume): Promise<DriveBay> {
    if (robot === undefined) throw inNoRobot(volumeId)
    const taken = new Set<string>()
    for await (const { medium, further = [] } of media.allocations({}))
      for (const each of [medium, ...further.map((copy) => copy.medium)])
        if (each.kind === 'tape') taken.add(each.drive)
    const usable = (await listOf(media.drives({}))).filter(
      (drive) => drive.robot === robot && drive.state === 'up' && drive.density === density,
    )
    const rank = ({ loaded }: DriveBay): number =>
      loaded === undefined ? 1 : loaded.volumeId === volumeId ? 0 : 2
    const candidates = usable
      .flatMap(({ name }) => bays.get(name) ?? [])
      .filter((bay) => !bay.isDown && !taken.has(bay.name))
      .sort((a, b) => rank(a) - rank(b))
    // One that gives back what was in it is free soon, and is waited for.
    const chosen = candidates.find((bay) => !bay.inUse) ?? candidates.find((bay) => bay.leaving !== undefined)
    if (chosen !== undefined) return chosen
    throw new NbError(
      'drive-not-ready',
      `No drive of robot ${robot} is free for volume ${volumeId}: try again later, or name one to wait for.`,
      { details: { robot, volumeId } },
    )
  }

  return {
    inventory: async ({ robot }, options) => {
      const inventory = await libraryOf(robot).inventory(options)
      const seen = { robot, inventory, volumes: await listOf(media.volumes({})), barcodes }
      return {
        robot,
        places: inventoryPlaces(seen, await listOf(media.drives({}))),
        differences: compareInventory(seen),
      }
    },
    updateInventory: async ({ robot }, options) => {
      throwIfAborted(options)
      return await libraryOf(robot).update(barcodes)
    },
    inject: async ({ robot }, options) => {
      throwIfAborted(options)
      const { injected, left, differences } = await libraryOf(robot).inject(barcodes)
      const ids = new Map(
        (await listOf(media.volumes({}))).map(({ barcode, volumeId }) => [barcode, volumeId]),
      )
      return {
        injected: injected.map((each) => {
          const volumeId = ids.get(each.barcode)
          return volumeId === undefined ? each : { ...each, volumeId }
        }),
        left,
        differences,
      }
    },
    eject: async ({ volumeId }, options) => {
      const volume = await volumeOf(media, volumeId)
      await checkUnused(volume)
      throwIfAborted(options)
      if (volume.robot !== undefined) {
        const mailSlot = await libraryOf(volume.robot).eject(volume)
        return { volumeId, robot: volume.robot, mailSlot }
      }
      for (const library of libraries.values()) {
        const mailSlot = await library.inMail(volume)
        if (mailSlot !== undefined) return { volumeId, robot: library.name, mailSlot }
      }
      throw inNoRobot(volumeId)
    },
    label: async ({ volumeId, drive, overwrite = false }, options) => {
      const volume = await volumeOf(media, volumeId)
      if (volume.assignedAt !== undefined)
        throw new NbError(
          'state-conflict',
          `Images are on volume ${volumeId}: expire them before it is labelled anew.`,
          { details: { volumeId } },
        )
      await checkUnused(volume)
      const bay = drive === undefined ? await freeDrive(volume) : known(bays, 'drive', drive)
      return { volumeId, drive: bay.name, generation: await labelIn(bay, volume, overwrite, options) }
    },
  }
}

function inUse(volumeId: string, by: string, details: Readonly<Record<string, string>>): NbError {
  return new NbError(
    'state-conflict',
    `Volume ${volumeId} is in use: ${by}. Try again when that has ended.`,
    {
      details: { volumeId, ...details },
      retryable: true,
    },
  )
}

function inNoRobot(volumeId: string): NbError {
  return new NbError(
    'state-conflict',
    `Volume ${volumeId} is in no robot: put it in, and inject it or update the inventory of the robot.`,
    { details: { volumeId } },
  )
}
