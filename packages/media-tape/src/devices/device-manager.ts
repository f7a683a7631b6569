import {
  type CallOptions,
  type Clock,
  type JobLog,
  type Lifecycle,
  type Logger,
  type MediaManager,
  type MountedVolume,
  NbError,
  type TapeMountRequest,
  type TapeMounts,
  type TapeRobot,
  type Volume,
  debugLogger,
  throwIfAborted,
} from '@nb/contracts'
import { type BarcodeRule, checkBarcodeReading, type VolumeIdRule } from './barcode-rules.ts'
import { cleanIfAsked } from './clean-drive.ts'
import { compareInventory, type InventoryDifference } from './compare-inventory.ts'
import { DriveBay, type ManagedDrive } from './drive-bay.ts'
import { Library } from './library.ts'
import { isOwnReason, ownReason } from './own-reason.ts'
import { proveLabel, relabel } from './prove-label.ts'

/** What a device manager works with. */
export interface DeviceManagerComponents {
  /** The robots of this host, by the names that the media manager knows them by. */
  readonly robots: Readonly<Record<string, TapeRobot>>
  /** The drives, by name, each with the robot that serves it; one without stands alone. */
  readonly drives: Readonly<Record<string, { readonly drive: ManagedDrive; readonly robot?: string }>>
  readonly media: MediaManager
  readonly clock: Clock
  /** Gets a line for each volume that is moved or labelled for a job. @default none is written */
  readonly log?: JobLog
  /** Is told what an operator has to do, a sentence each. @default the debug log */
  readonly warn?: (text: string) => void
  /** @default debugLogger('nb:media-tape:devices') */
  readonly logger?: Logger
}

/** How it works. */
export interface DeviceManagerOptions {
  /** How long a volume stays in its drive for the next job that wants it, milliseconds, 0–1800000. @default 180000 */
  readonly unmountDelayMs?: number
  /** How often it looks whether drives and robots that failed work again, milliseconds, 1000–3600000. @default 60000 */
  readonly recoveryIntervalMs?: number
  /** How unknown volumes of a robot are taken in. @default data volumes of density hcart and pool NetBackup; CLN… clean */
  readonly barcodeRules?: readonly BarcodeRule[]
  /** How volume ids are made of barcodes. @default the six characters before the media type, else the last six */
  readonly volumeIdRules?: readonly VolumeIdRule[]
}

/** The device manager of a media server: mounts, and what an operator does with robots and volumes. */
export interface DeviceManager extends TapeMounts, Required<Lifecycle> {
  /** What differs between a robot and what the media manager says of it. Changes nothing. Rejects with `not-found`, and as the robot does. */
  compareInventory(
    input: { readonly robot: string },
    options?: CallOptions,
  ): Promise<readonly InventoryDifference[]>
  /** Has the media manager say what the robot has: new volumes are added by the barcode rules, places are corrected. Gives what it did. */
  updateInventory(
    input: { readonly robot: string },
    options?: CallOptions,
  ): Promise<readonly InventoryDifference[]>
  /**
   * Labels a volume anew, in a drive that is free for it; all that is on it is gone. Rejects with `state-conflict` while images are on it, and
   * where the tape holds something else than a label of ours without images, unless `overwrite` says so.
   */
  label(
    input: { readonly volumeId: string; readonly drive: string; readonly overwrite?: boolean },
    options?: CallOptions,
  ): Promise<{ readonly generation: string }>
  /** Takes what nobody uses out of its drives now, without waiting for the delay. */
  unloadIdle(options?: CallOptions): Promise<void>
}

const defaultDelayMs = 180_000
const defaultRecoveryMs = 60_000

/**
 * Makes a device manager. Its start takes stock of the robots and has the media manager say what is in the drives; its stop takes volumes out of
 * drives that nobody uses.
 */
export function createDeviceManager(
  components: DeviceManagerComponents,
  options: DeviceManagerOptions = {},
): DeviceManager {
  const { media, clock, log, logger = debugLogger('nb:media-tape:devices') } = components
  const { warn = (text: string) => logger('%s', text) } = components
  const {
    unmountDelayMs = defaultDelayMs,
    recoveryIntervalMs = defaultRecoveryMs,
    barcodeRules = [],
    volumeIdRules = [],
  } = options
  const barcodes = { rules: barcodeRules, volumeIds: volumeIdRules }
  checkBarcodeReading(barcodes)
  checkRange('unmountDelayMs', unmountDelayMs, 0, 1_800_000)
  checkRange('recoveryIntervalMs', recoveryIntervalMs, 1000, 3_600_000)
  const bays = new Map(
    Object.entries(components.drives).map(([name, { drive, robot }]) => [
      name,
      new DriveBay(name, drive, robot),
    ]),
  )
  const libraries = new Map(
    Object.entries(components.robots).map(([name, robot]) => [
      name,
      new Library({ name, robot, media, bays, logger, unload }),
    ]),
  )
  for (const { name, robot } of bays.values())
    if (robot !== undefined && !libraries.has(robot))
      throw new TypeError(`drive ${name} is in robot ${robot}, which is not among the robots`)
  let isStarted = false
  let cancelRecovery: () => void = () => undefined

  const tell = async (jobId: string, text: string): Promise<void> => {
    if (log === undefined) return
    const line = { time: clock.now(), component: 'media-tape', severity: 'info', text } as const
    await log
      .append({ jobId, lines: [line] })
      .catch((error: unknown) => logger.error('job %s: a line was lost: %o', jobId, error))
  }
  const libraryOf = (name: string): Library => known(libraries, 'robot', name)

  async function bring(bay: DriveBay, volume: Volume, jobId: string): Promise<void> {
    const { volumeId } = volume
    if (bay.loaded?.volumeId === volumeId && (await isStillThere(bay, volume))) return
    await checkDensity(bay, volume)
    bay.loaded = undefined
    // It may be on its way out of the drive that it was in before.
    for (const other of bays.values()) if (other.loaded?.volumeId === volumeId) await other.leaving
    if (bay.robot !== undefined) await libraryOf(bay.robot).put(volume, bay, (text) => tell(jobId, text))
    await load(bay, volumeId)
    bay.loaded = { volumeId }
    await media.recordMount({ volumeId, drive: bay.name })
  }

  async function checkDensity({ name }: DriveBay, { volumeId, density }: Volume): Promise<void> {
    const [drive] = await all(media.drives({ name }))
    if (drive === undefined || drive.density === density) return
    throw new NbError(
      'media-open-failed',
      `Volume ${volumeId} has density ${density}, drive ${name} ${drive.density}: correct the one that is wrong.`,
      { retryable: false, details: { volumeId, drive: name } },
    )
  }

  async function isStillThere(bay: DriveBay, { barcode }: Volume): Promise<boolean> {
    if ((await bay.drive.status()).state !== 'loaded') return false
    return (
      bay.robot === undefined ||
      barcode === undefined ||
      (await libraryOf(bay.robot).barcodeIn(bay)) === barcode
    )
  }

  /** A drive that does not load what it was given is down, and what it was given goes home if it can. */
  async function load(bay: DriveBay, volumeId: string): Promise<void> {
    try {
      await bay.drive.load()
    } catch (error) {
      const what = `did not load volume ${volumeId}: ${(error as Error).message}`
      const { action } = await media.reportError({ drive: bay.name, volumeId, kind: 'position' })
      await takeDown(bay, `it ${what}`, action === 'drive-down')
      await takeOut(bay)
      throw notReady(bay, what, error, volumeId)
    }
  }

  /** Has a drive give what is in it to the robot; one that does not is down. */
  async function unload(bay: DriveBay): Promise<void> {
    try {
      await bay.drive.unload()
    } catch (error) {
      const what = `does not give back what is in it: ${(error as Error).message}`
      const { action } = await media.reportError({ drive: bay.name, kind: 'position' })
      await takeDown(bay, `it ${what}`, action === 'drive-down')
      throw notReady(bay, what, error)
    }
  }

  /** Who has it down already, a person or the media manager for its errors, keeps the say over it. */
  async function takeDown(bay: DriveBay, reason: string, isDown = false): Promise<void> {
    bay.isDown = true
    const [drive] = isDown ? [] : await all(media.drives({ name: bay.name }))
    if (drive?.state !== 'up') return
    await media.setDriveState({ name: bay.name, state: 'down', reason: ownReason(reason) })
  }

  /** Takes out what is in a drive that is the caller's. Never rejects: a drive that does not give it back is down. */
  function takeOut(bay: DriveBay): Promise<void> {
    bay.leaving = leave(bay).finally(() => (bay.leaving = undefined))
    return bay.leaving
  }

  async function leave(bay: DriveBay): Promise<void> {
    try {
      await bay.drive.unload()
      if (bay.robot !== undefined) await libraryOf(bay.robot).empty(bay)
      bay.loaded = undefined
      // Where this is not heard, the next mount or start says it.
      await media
        .recordUnmount({ drive: bay.name })
        .catch((error: unknown) => logger.error('drive %s: its unmount was not told: %o', bay.name, error))
      const library = bay.robot === undefined ? undefined : libraryOf(bay.robot)
      await cleanIfAsked({ library, barcodes, logger, warn }, bay)
    } catch (error) {
      logger.error('drive %s: what is in it was not taken out: %o', bay.name, error)
      bay.loaded = undefined
      if (!bay.isDown)
        await takeDown(bay, `what is in it could not be taken out: ${(error as Error).message}`).catch(
          (failure: unknown) => logger.error('drive %s: its state was not told: %o', bay.name, failure),
        )
    }
  }

  /** Nobody uses it for now: it waits with its volume, or gives it back at once. */
  function rest(bay: DriveBay, giveBack: () => void, isWanted: boolean): void {
    if (bay.loaded !== undefined && (!isWanted || unmountDelayMs === 0)) {
      void takeOut(bay).finally(giveBack)
      return
    }
    giveBack()
    if (bay.loaded !== undefined && !bay.inUse)
      bay.cancelDelay = clock.setTimer(unmountDelayMs, () => void unloadIfIdle(bay))
  }

  async function unloadIfIdle(bay: DriveBay): Promise<void> {
    bay.cancelDelay()
    if (bay.inUse || bay.loaded === undefined) return
    const giveBack = await bay.acquire()
    await takeOut(bay)
    giveBack()
  }

  async function mount(request: TapeMountRequest, callOptions?: CallOptions): Promise<MountedVolume> {
    const bay = known(bays, 'drive', request.drive)
    const giveBack = await bay.acquire(callOptions)
    bay.cancelDelay()
    let isWanted = false
    try {
      const volume = await volumeOf(media, request.volumeId)
      await bring(bay, volume, request.jobId)
      const generation = await proveLabel(
        { media, clock, tell: (text) => tell(request.jobId, text) },
        bay,
        volume,
        request,
      )
      isWanted = true
      throwIfAborted(callOptions)
      return mountedVolume(bay, volume.volumeId, generation, () => rest(bay, giveBack, !bay.isDown))
    } catch (error) {
      rest(bay, giveBack, isWanted)
      throw error
    }
  }

  /** Drives and robots that failed are looked at again. */
  async function recover(): Promise<void> {
    for (const bay of bays.values()) {
      if (!bay.isDown || bay.inUse) continue
      const giveBack = await bay.acquire()
      try {
        // It answers, and what is in it can be taken out: it works.
        await bay.drive.unload()
        if (bay.robot !== undefined) await libraryOf(bay.robot).empty(bay)
        await media.recordUnmount({ drive: bay.name })
        const [drive] = await all(media.drives({ name: bay.name }))
        if (drive?.state === 'down' && isOwnReason(drive.stateReason))
          await media.setDriveState({ name: bay.name, state: 'up' })
        bay.isDown = false
        logger('drive %s works again', bay.name)
      } catch (error) {
        logger.error('drive %s is still down: %o', bay.name, error)
      } finally {
        giveBack()
      }
    }
    for (const library of libraries.values()) await library.recover()
  }

  function recoverLater(): void {
    cancelRecovery = clock.setTimer(recoveryIntervalMs, () => {
      void recover()
        .catch((error: unknown) => logger.error('looking after devices failed: %o', error))
        .then(() => isStarted && recoverLater())
    })
  }

  return {
    mount,
    start: async () => {
      if (isStarted) return
      for (const library of libraries.values()) await library.begin()
      // What was down when the last one ended is looked at again.
      for (const { name, state, stateReason } of await all(media.drives({}))) {
        const bay = bays.get(name)
        if (bay !== undefined && state === 'down' && isOwnReason(stateReason)) bay.isDown = true
      }
      isStarted = true
      recoverLater()
    },
    stop: async () => {
      if (!isStarted) return
      isStarted = false
      cancelRecovery()
      for (const bay of bays.values()) await unloadIfIdle(bay)
    },
    compareInventory: async ({ robot }, callOptions) => {
      const inventory = await libraryOf(robot).inventory(callOptions)
      return compareInventory({
        robot,
        inventory,
        volumes: await all(media.volumes({})),
        barcodes,
      })
    },
    updateInventory: async ({ robot }, callOptions) => {
      throwIfAborted(callOptions)
      return await libraryOf(robot).update(barcodes)
    },
    label: async ({ volumeId, drive, overwrite = false }, callOptions) => {
      const bay = known(bays, 'drive', drive)
      const giveBack = await bay.acquire(callOptions)
      bay.cancelDelay()
      try {
        const volume = await volumeOf(media, volumeId)
        if (volume.assignedAt !== undefined)
          throw new NbError(
            'state-conflict',
            `Images are on volume ${volumeId}: expire them before it is labelled anew.`,
            { details: { volumeId } },
          )
        await bring(bay, volume, '')
        const generation = await relabel({ media, clock }, bay, volume, overwrite)
        return { generation }
      } finally {
        rest(bay, giveBack, false)
      }
    },
    unloadIdle: async () => {
      for (const bay of bays.values()) await unloadIfIdle(bay)
    },
  }
}

const notReady = (bay: DriveBay, what: string, cause: unknown, volumeId?: string): NbError =>
  new NbError('drive-not-ready', `Drive ${bay.name} ${what}`, {
    details: { drive: bay.name, ...(volumeId === undefined ? {} : { volumeId }) },
    cause,
  })

function mountedVolume(
  { drive }: DriveBay,
  volumeId: string,
  generation: string,
  leave: () => void,
): MountedVolume {
  let isMounted = true
  return {
    volumeId,
    generation,
    drive,
    unmount: async () => {
      if (!isMounted) return
      isMounted = false
      leave()
    },
  }
}

async function volumeOf(media: MediaManager, volumeId: string): Promise<Volume> {
  const [volume] = await all(media.volumes({ volumeId }))
  if (volume !== undefined) return volume
  throw new NbError('not-found', `Volume ${volumeId} is not known.`, { details: { volumeId } })
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

function known<Item>(items: ReadonlyMap<string, Item>, what: string, name: string): Item {
  const item = items.get(name)
  if (item !== undefined) return item
  throw new NbError('not-found', `This media server has no ${what} ${name}.`, { details: { [what]: name } })
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new TypeError(
      `${name} must be a whole number of milliseconds from ${least} to ${most}, not ${value}`,
    )
}
