import {
  type CallOptions,
  debugLogger,
  type MountedVolume,
  type TapeMountRequest,
  throwIfAborted,
  type Volume,
} from '@nb/contracts'
import { checkBarcodeReading } from './barcode-rules.ts'
import { bringProven } from './bring-proven.ts'
import { bringVolume } from './bring-volume.ts'
import type { DeviceManager, DeviceManagerComponents, DeviceManagerOptions } from './device-manager-types.ts'
import { DriveBay } from './drive-bay.ts'
import { DriveCare } from './drive-care.ts'
import { DriveHours } from './drive-hours.ts'
import { known } from './known.ts'
import { Library } from './library.ts'
import { operatorDesk } from './operator-desk.ts'
import { isOwnReason } from './own-reason.ts'
import { checkReservationKey } from '../ssc/reservation.ts'
import { relabel } from './prove-label.ts'

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
  const { media, clock, log, keys, logger = debugLogger('nb:media-tape:devices') } = components
  const { warn = (text: string) => logger('%s', text) } = components
  const {
    unmountDelayMs = defaultDelayMs,
    recoveryIntervalMs = defaultRecoveryMs,
    barcodeRules = [],
    volumeIdRules = [],
    reservationKey,
    cleaningFrequencyHours = 0,
  } = options
  const barcodes = { rules: barcodeRules, volumeIds: volumeIdRules }
  checkBarcodeReading(barcodes)
  checkRange('unmountDelayMs', unmountDelayMs, 0, 1_800_000, 'milliseconds')
  checkRange('recoveryIntervalMs', recoveryIntervalMs, 1000, 3_600_000, 'milliseconds')
  const frequencyOf = (drive: string): number =>
    components.drives[drive]?.cleaningFrequencyHours ?? cleaningFrequencyHours
  for (const hours of [cleaningFrequencyHours, ...Object.keys(components.drives).map(frequencyOf)])
    checkRange('cleaningFrequencyHours', hours, 0, 10_000, 'hours')
  if (reservationKey !== undefined) checkReservationKey(reservationKey)
  const bays = new Map(
    Object.entries(components.drives).map(([name, { drive, robot }]) => [
      name,
      new DriveBay(name, drive, robot),
    ]),
  )
  const libraryOf = ({ robot }: DriveBay): Library | undefined =>
    robot === undefined ? undefined : libraries.get(robot)
  const hours = new DriveHours({ media, clock, logger, frequencyOf })
  const care = new DriveCare({
    ...{ media, clock, logger, warn, barcodes, unmountDelayMs, libraryOf, hours },
    ...(reservationKey === undefined ? {} : { reservationKey }),
  })
  const libraries = new Map(
    Object.entries(components.robots).map(([name, robot]) => [
      name,
      new Library({ name, robot, media, bays, care, logger, warn }),
    ]),
  )
  for (const { name, robot } of bays.values())
    if (robot !== undefined && !libraries.has(robot))
      throw new TypeError(`drive ${name} is in robot ${robot}, which is not among the robots`)
  let isStarted = false
  let cancelRecovery: () => void = () => undefined

  /** What writes into the log of a job. */
  const tellerFor = (jobId: string) => async (text: string) => {
    if (log === undefined) return
    const line = { time: clock.now(), component: 'media-tape', severity: 'info', text } as const
    await log
      .append({ jobId, lines: [line] })
      .catch((error: unknown) => logger.error('job %s: a line was lost: %o', jobId, error))
  }

  async function mount(request: TapeMountRequest, callOptions?: CallOptions): Promise<MountedVolume> {
    const bay = known(bays, 'drive', request.drive)
    const tell = tellerFor(request.jobId)
    const giveBack = await bay.acquire(callOptions)
    bay.cancelDelay()
    let isWanted = false
    try {
      const generation = await bringProven(
        { media, clock, keys, care, bays, libraryOf, barcodes, tell },
        bay,
        request,
      )
      isWanted = true
      throwIfAborted(callOptions)
      hours.begin(bay)
      return mountedVolume(bay, request.volumeId, generation, async () => {
        const hasNoKey = await care.takeKey(bay)
        await hours.end(bay)
        care.rest(bay, giveBack, hasNoKey && !bay.isDown)
      })
    } catch (error) {
      const hasNoKey = await care.takeKey(bay)
      care.rest(bay, giveBack, hasNoKey && isWanted)
      throw error
    }
  }

  /** Drives and robots that failed are looked at again. */
  async function recover(): Promise<void> {
    for (const bay of bays.values()) await care.recover(bay)
    for (const library of libraries.values()) await library.recover()
  }

  function recoverLater(): void {
    cancelRecovery = clock.setTimer(recoveryIntervalMs, () => {
      void recover()
        .catch((error: unknown) => logger.error('looking after devices failed: %o', error))
        .then(() => isStarted && recoverLater())
    })
  }

  async function labelIn(
    bay: DriveBay,
    volume: Volume,
    overwrite: boolean,
    callOptions: CallOptions | undefined,
  ): Promise<string> {
    const giveBack = await bay.acquire(callOptions)
    bay.cancelDelay()
    try {
      const tell = async (): Promise<void> => undefined
      await bringVolume({ media, care, bays, libraryOf, tell }, bay, volume)
      return await relabel({ media, clock, keys }, bay, volume, overwrite)
    } finally {
      care.rest(bay, giveBack, false)
    }
  }

  return {
    mount,
    ...operatorDesk({ media, libraries, bays, barcodes, labelIn }),
    start: async () => {
      if (isStarted) return
      for (const library of libraries.values()) await library.begin()
      // What was down when the last one ended is looked at again.
      for await (const { name, state, stateReason } of media.drives({})) {
        const bay = bays.get(name)
        if (bay !== undefined && state === 'down' && isOwnReason(stateReason)) bay.isDown = true
      }
      isStarted = true
      for (const bay of bays.values()) void care.begin(bay)
      recoverLater()
    },
    stop: async () => {
      if (!isStarted) return
      isStarted = false
      cancelRecovery()
      for (const bay of bays.values()) await care.unloadIfIdle(bay)
    },
    unloadIdle: async () => {
      for (const bay of bays.values()) await care.unloadIfIdle(bay)
    },
  }
}

function mountedVolume(
  { drive }: DriveBay,
  volumeId: string,
  generation: string,
  leave: () => Promise<void>,
): MountedVolume {
  let isMounted = true
  return {
    volumeId,
    generation,
    drive,
    unmount: async () => {
      if (!isMounted) return
      isMounted = false
      await leave()
    },
  }
}

function checkRange(name: string, value: number, least: number, most: number, unit: string): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new TypeError(`${name} must be a whole number of ${unit} from ${least} to ${most}, not ${value}`)
}
