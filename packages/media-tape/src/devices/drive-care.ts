import { type Clock, type DriveStatus, type MediaManager, NbError } from '@nb/contracts'
import { cleanIfDue, type CleaningParts, whyToClean } from './clean-drive.ts'
import { connectionLostStatus, isConnectionLost } from '../ssc/connection-lost.ts'
import type { DriveBay, DriveHandling } from './drive-bay.ts'
import { driveOf } from './media-records.ts'
import { isOwnReason, ownReason } from './own-reason.ts'

/** What drives are looked after with. */
export interface DriveCareParts extends CleaningParts {
  readonly media: MediaManager
  readonly clock: Clock
  /** How long a volume stays in its drive for the next job that wants it, milliseconds. */
  readonly unmountDelayMs: number
  /** The key under which drives are reserved. @default they are not */
  readonly reservationKey?: bigint
}

/** Loads and empties drives that are the caller's, and takes down those which do neither until they do again. */
export class DriveCare implements DriveHandling {
  readonly #parts: DriveCareParts

  constructor(parts: DriveCareParts) {
    this.#parts = parts
  }

  /**
   * Keeps other hosts from a drive, where it can be kept: what they write between two commands of ours would be lost, or ours. One that another
   * host has reserved is down until that gives it back.
   */
  async reserve(bay: DriveBay): Promise<void> {
    const { reservationKey: key, logger } = this.#parts
    if (key === undefined || bay.drive.reserve === undefined) return
    try {
      await bay.drive.reserve({ key })
      bay.isReserved = true
    } catch (error) {
      if (!(error instanceof NbError)) throw error
      if (error.code === 'not-supported') {
        logger('drive %s can not be reserved: %s', bay.name, error.message)
        return
      }
      const { heldBy } = error.details
      const isForeign = error.code === 'scsi-access-denied'
      const who = typeof heldBy === 'string' ? ` (key ${heldBy})` : ''
      const what = isForeign ? `is reserved by another host${who}` : `can't be reserved: ${error.message}`
      await this.#takeDown(bay, `it ${what}`)
      throw notReady(bay, what, error)
    }
  }

  async letGo(bay: DriveBay): Promise<void> {
    if (!bay.isReserved) return
    bay.isReserved = false
    await bay.drive
      .release?.()
      .catch((error: unknown) => this.#parts.logger.error('drive %s stays reserved: %o', bay.name, error))
  }

  /**
   * What a device manager before has left reserved of an empty drive is given back, and what it has left in a drive waits there as after a job; what
   * others have reserved is down from the start.
   */
  async begin(bay: DriveBay): Promise<void> {
    const giveBack = await bay.acquire()
    try {
      await this.reserve(bay)
      if (bay.loaded === undefined) await this.letGo(bay)
    } catch (error) {
      this.#parts.logger.error('drive %s: %o', bay.name, error)
    }
    if (bay.loaded === undefined || bay.isDown) giveBack()
    else this.rest(bay, giveBack, true)
  }

  /** What a drive holds. */
  async look(bay: DriveBay): Promise<DriveStatus> {
    try {
      return await bay.drive.status()
    } catch (error) {
      if (!(error instanceof NbError)) throw error
      throw notReady(bay, `does not tell what is in it: ${error.message}`, error)
    }
  }

  /** A drive that does not load what it was given is down, and what it was given goes home if it can. */
  async load(bay: DriveBay, volumeId: string): Promise<void> {
    try {
      await bay.drive.load()
    } catch (error) {
      const what = `did not load volume ${volumeId}: ${(error as Error).message}`
      await this.#fails(bay, what, error, volumeId)
      await this.takeOut(bay)
      throw notReady(bay, what, error, volumeId)
    }
  }

  /** Has a drive give what is in it to the robot; one that does not is down. */
  async unload(bay: DriveBay): Promise<void> {
    try {
      await bay.drive.unload()
    } catch (error) {
      const what = `does not give back what is in it: ${(error as Error).message}`
      await this.#fails(bay, what, error)
      throw notReady(bay, what, error)
    }
  }

  /** Takes out what is in a drive. Never rejects: a drive that does not give it back is down. */
  takeOut(bay: DriveBay): Promise<void> {
    bay.leaving = this.#leave(bay).finally(() => (bay.leaving = undefined))
    return bay.leaving
  }

  /** What is in it makes way for another volume: where the drive is to be cleaned, it goes home first, and that is done. */
  async makeWay(bay: DriveBay): Promise<void> {
    if (bay.loaded === undefined || (await whyToClean(this.#parts, bay)) === undefined) return
    await this.takeOut(bay)
    await this.reserve(bay)
  }

  /** Nobody uses it for now: it waits with its volume, or gives it back at once. */
  rest(bay: DriveBay, giveBack: () => void, isWanted: boolean): void {
    const { clock, unmountDelayMs } = this.#parts
    bay.changed(false)
    if (bay.loaded !== undefined && (!isWanted || unmountDelayMs === 0)) {
      void this.takeOut(bay).finally(giveBack)
      return
    }
    if (bay.loaded === undefined && !bay.isDown) {
      void this.#clear(bay).finally(giveBack)
      return
    }
    giveBack()
    if (bay.loaded !== undefined && !bay.inUse)
      bay.cancelDelay = clock.setTimer(unmountDelayMs, () => void this.unloadIfIdle(bay))
  }

  /** Has a drive forget the key of its volume; whether it did. Where not, the volume is to be taken out, and the key goes with it. Never rejects. */
  async takeKey(bay: DriveBay): Promise<boolean> {
    if (bay.loaded?.keyLabel === undefined) return true
    try {
      await bay.drive.encryption.clear()
      return true
    } catch (error) {
      this.#parts.logger.error('drive %s: its key was not taken from it: %o', bay.name, error)
      return false
    }
  }

  /** Takes out what nobody uses. */
  async unloadIfIdle(bay: DriveBay): Promise<void> {
    bay.cancelDelay()
    if (bay.inUse || bay.loaded === undefined) return
    const giveBack = await bay.acquire()
    await this.takeOut(bay)
    giveBack()
  }

  /** A drive that failed and that nobody uses is looked at again: where it gives back what is in it, it works. */
  async recover(bay: DriveBay): Promise<void> {
    const { media, libraryOf, logger } = this.#parts
    if (!bay.isDown || bay.inUse) return
    const giveBack = await bay.acquire()
    try {
      await this.reserve(bay)
      await bay.drive.unload()
      await libraryOf(bay)?.empty(bay)
      await media.recordUnmount({ drive: bay.name })
      await this.letGo(bay)
      const drive = await driveOf(media, bay.name)
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

  /** What a mount that failed on its way has left in a drive goes home: the drive says whether that is anything. Never rejects. */
  async #clear(bay: DriveBay): Promise<void> {
    const holds = await this.look(bay).then(
      ({ state }) => state !== 'empty',
      (error: unknown) => this.#parts.logger.error('drive %s: %o', bay.name, error),
    )
    if (holds === false) await this.letGo(bay)
    else await this.takeOut(bay)
  }

  async #leave(bay: DriveBay): Promise<void> {
    const { media, libraryOf, logger } = this.#parts
    try {
      await bay.drive.unload()
      await libraryOf(bay)?.empty(bay)
      bay.loaded = undefined
      // Where this is not heard, the next mount or start says it.
      await media
        .recordUnmount({ drive: bay.name })
        .catch((error: unknown) => logger.error('drive %s: its unmount was not told: %o', bay.name, error))
      await cleanIfDue(this.#parts, bay)
      await this.letGo(bay)
    } catch (error) {
      logger.error('drive %s: what is in it was not taken out: %o', bay.name, error)
      bay.loaded = undefined
      if (!bay.isDown)
        await this.#takeDown(bay, `what is in it could not be taken out: ${(error as Error).message}`).catch(
          (failure: unknown) => logger.error('drive %s: its state was not told: %o', bay.name, failure),
        )
    }
  }

  /** Its failure is noted; where that alone does not take it down, this does. One that can't be reached has not failed: it is down until it answers. */
  async #fails(bay: DriveBay, what: string, cause: unknown, volumeId?: string): Promise<void> {
    if (isConnectionLost(cause)) return this.#takeDown(bay, `it ${what}`)
    const { action } = await this.#parts.media.reportError({
      drive: bay.name,
      ...(volumeId === undefined ? {} : { volumeId }),
      kind: 'position',
    })
    bay.isDown = true
    if (action !== 'drive-down') await this.#takeDown(bay, `it ${what}`)
  }

  /** Who has it down already, a person or the media manager for its errors, keeps the say over it. */
  async #takeDown(bay: DriveBay, reason: string): Promise<void> {
    const { media } = this.#parts
    bay.isDown = true
    const drive = await driveOf(media, bay.name)
    if (drive?.state !== 'up') return
    await media.setDriveState({ name: bay.name, state: 'down', reason: ownReason(reason) })
  }
}

/** A drive did not do what it was to do. */
export const notReady = (bay: DriveBay, what: string, cause: unknown, volumeId?: string): NbError =>
  new NbError('drive-not-ready', `Drive ${bay.name} ${what}`, {
    details: { drive: bay.name, ...(volumeId === undefined ? {} : { volumeId }) },
    ...(isConnectionLost(cause) ? { status: connectionLostStatus } : {}),
    cause,
  })
