import {
  type Clock,
  type Lifecycle,
  type Logger,
  type MediaManagerEvents,
  type Observable,
  counted,
  debugLogger,
} from '@nb/contracts'
import type { CleanupReport, RoomMade } from './housekeeping.ts'

/** What a room maker works with. */
export interface RoomMakerComponents {
  /** The media manager, which tells when a disk storage unit is at its high-water mark. */
  readonly media: Pick<Observable<MediaManagerEvents>, 'on' | 'off'>
  /** Cleans up, as a job manager does. */
  readonly jobs: {
    /** Removes what has expired. */
    cleanImages(): Promise<Pick<CleanupReport, 'removed' | 'removedCopies'>>
    /** Removes copies of images that have another elsewhere from a storage unit until this many bytes are freed. */
    makeRoom(input: { readonly storageUnit: string; readonly bytes: number }): Promise<RoomMade>
  }
  readonly clock: Clock
  /** Is told what an administrator must know, a sentence each. @default nobody is */
  readonly warn?: (text: string) => void
  /** @default `debugLogger('nb:jobmanager:room-maker')` */
  readonly logger?: Logger
}

/** Options of {@link createRoomMaker}. */
export interface RoomMakerOptions {
  /**
   * How long after a clean-up for a storage unit the next may follow for it while it is still at its high-water mark,
   * milliseconds, at least 1000. @default 600000 (10 min)
   */
  readonly againMs?: number
}

/**
 * Cleans up at once what has expired when a disk storage unit reaches its high-water mark, instead of at the next clean-up, and again
 * from time to time while it stays there. Where nothing has expired and the unit is for staging, copies of images that have another
 * elsewhere go, the oldest first, down to the low-water mark.
 */
export function createRoomMaker(
  components: RoomMakerComponents,
  options: RoomMakerOptions = {},
): Required<Lifecycle> {
  const { media, jobs, clock, warn, logger = debugLogger('nb:jobmanager:room-maker') } = components
  const { againMs = 600_000 } = options
  if (!(againMs >= 1000)) throw new TypeError(`againMs must be at least 1000, not ${againMs}`)
  const last = new Map<string, number>()
  const under = new Map<string, Promise<void>>()

  /** What was done, for a person. A clean-up goes through much, so it is not made again with each report. */
  async function makeRoomOn(
    storageUnit: string,
    bytes: number,
    { staging, cleans }: { readonly staging: boolean; readonly cleans: boolean },
  ): Promise<string | undefined> {
    const { removed, removedCopies } = cleans ? await jobs.cleanImages() : nothing
    const expired = [
      ...(removed.length > 0 ? [`${counted(removed.length, 'expired image')}`] : []),
      ...(removedCopies.length > 0
        ? [`${counted(removedCopies.length, 'expired copy', 'expired copies')}`]
        : []),
    ]
    if (expired.length > 0) {
      // Whether it was enough the next report tells.
      last.delete(storageUnit)
      return `: ${expired.join(' and ')} removed`
    }
    if (!staging) return undefined
    const made = await jobs.makeRoom({ storageUnit, bytes })
    if (made.removedCopies.length === 0) return undefined
    return `: ${counted(made.removedCopies.length, 'copy', 'copies')} of images that have another one removed`
  }

  const onHighWater = ({
    name,
    usedPercent,
    highWaterPercent,
    bytesToLowWater,
    staging,
  }: MediaManagerEvents['storage-unit:high-water']): void => {
    const now = clock.now()
    const before = last.get(name)
    const cleans = before === undefined || now - before >= againMs
    if ((!cleans && !staging) || under.has(name)) return
    if (cleans) last.set(name, now)
    const told = `storage unit ${name} is ${usedPercent.toFixed(1)}% used, its high-water mark is ${highWaterPercent}%`
    const cleaning = makeRoomOn(name, bytesToLowWater, { staging, cleans }).then(
      (done) => {
        const text = `${told}${done ?? ', and nothing could be removed: it takes no new backups; expire images or add space'}`
        logger(text)
        if (cleans || done !== undefined) warn?.(text)
      },
      (error: unknown) => logger.error('%s; what has expired could not be removed: %o', told, error),
    )
    under.set(name, cleaning)
    void cleaning.finally(() => under.delete(name))
  }
  return {
    start: async () => void media.on('storage-unit:high-water', onHighWater),
    stop: async () => {
      media.off('storage-unit:high-water', onHighWater)
      await Promise.all(under.values())
    },
  }
}

const nothing = { removed: [], removedCopies: [] }
