import {
  type CallOptions,
  type DriveStatus,
  SerialQueue,
  type TapeDrive,
  throwIfAborted,
} from '@nb/contracts'
import type { ScsiTapeDrive } from '../ssc/scsi-drive-types.ts'

/**
 * A drive; one that tells its TapeAlert flags and can be cleaned is cleaned when it asks for it, one that can be reserved is kept from other
 * hosts while it holds a volume.
 */
export type ManagedDrive = TapeDrive &
  Partial<Pick<ScsiTapeDrive, 'takeAlerts' | 'clean' | 'reserve' | 'release'>>

/** What a library has drives do. Rejects with `drive-not-ready` where one does not; it is down then, unless it only does not tell. */
export interface DriveHandling {
  /** What a drive holds. */
  look(bay: DriveBay): Promise<DriveStatus>
  /** Has a drive give what is in it to the robot. */
  unload(bay: DriveBay): Promise<void>
  /** A drive that is empty is left to other hosts. Never rejects. */
  letGo(bay: DriveBay): Promise<void>
}

/** A volume that is known to be in a drive. */
export interface Loaded {
  readonly volumeId: string
  /** Absent until its label was read in this drive. */
  readonly generation?: string
  /** Of the key with which it is encrypted, where its label says so. */
  readonly keyLabel?: string
}

/**
 * A drive, and who uses it: one at a time, in the order of asking. Free with a volume in it, it waits for the next who wants that, until its
 * delay has passed.
 */
export class DriveBay {
  readonly name: string
  readonly drive: ManagedDrive
  /** Absent for a drive that stands alone. */
  readonly robot: string | undefined
  loaded: Loaded | undefined
  /** It failed, and has not shown since that it works. */
  isDown = false
  /** It is kept from other hosts. */
  isReserved = false
  /** It has asked to be cleaned, and has not been. */
  cleaningDue = false
  /** While what is in it is taken out: never rejects. */
  leaving: Promise<void> | undefined
  /** Ends the wait for the next user. */
  cancelDelay: () => void = () => undefined
  readonly #turns: SerialQueue = new SerialQueue()
  #users = 0
  #isSettled = false
  #watchers: (() => void)[] = []

  constructor(name: string, drive: ManagedDrive, robot: string | undefined) {
    this.name = name
    this.drive = drive
    this.robot = robot
  }

  /** Whether somebody uses it, or waits to. */
  get inUse(): boolean {
    return this.#users > 0
  }

  /** Whether somebody uses it who has not got his volume yet: what is in it may be on its way out. */
  get isChanging(): boolean {
    return this.inUse && !this.#isSettled
  }

  /** Resolves when what is in it has gone, and when its user has got his volume or gives the drive back. */
  nextChange(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve))
  }

  /** Says that something has changed: whether its user has got his volume. */
  changed(isSettled: boolean): void {
    this.#isSettled = isSettled
    for (const tell of this.#watchers.splice(0)) tell()
  }

  /** Resolves when it is the caller's, with what gives it back. Aborted, it stops waiting. */
  async acquire(options?: CallOptions): Promise<() => void> {
    throwIfAborted(options)
    this.#users += 1
    const signal = options?.signal
    return new Promise((resolve, reject) => {
      let isWaiting = true
      const stop = (): void => {
        if (!isWaiting) return
        isWaiting = false
        this.#users -= 1
        reject(signal?.reason as Error)
      }
      signal?.addEventListener('abort', stop, { once: true })
      void this.#turns.run(async () => {
        if (!isWaiting) return
        isWaiting = false
        signal?.removeEventListener('abort', stop)
        await new Promise<void>((giveBack) => {
          let isGiven = false
          resolve(() => {
            if (isGiven) return
            isGiven = true
            this.#users -= 1
            this.changed(false)
            giveBack()
          })
        })
      })
    })
  }
}
