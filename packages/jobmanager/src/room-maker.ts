import {
  type Clock,
  type Lifecycle,
  type Logger,
  type MediaManagerEvents,
  type Observable,
  debugLogger,
} from '@nb/contracts'
import type { CleanupReport } from './housekeeping.ts'

/** What a room maker works with. */
export interface RoomMakerComponents {
  /** The media manager, which tells when a disk storage unit is at its high-water mark. */
  readonly media: Pick<Observable<MediaManagerEvents>, 'on' | 'off'>
  /** Cleans up, as a job manager does. */
  readonly jobs: { cleanImages(): Promise<Pick<CleanupReport, 'removed'>> }
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
 * from time to time while it stays there.
 */
export function createRoomMaker(
  components: RoomMakerComponents,
  options: RoomMakerOptions = {},
): Required<Lifecycle> {
  const { media, jobs, clock, warn, logger = debugLogger('nb:jobmanager:room-maker') } = components
  const { againMs = 600_000 } = options
  if (!(againMs >= 1000)) throw new TypeError(`againMs must be at least 1000, not ${againMs}`)
  const last = new Map<string, number>()
  const under = new Set<Promise<void>>()

  const onHighWater = ({
    name,
    usedPercent,
    highWaterPercent,
  }: MediaManagerEvents['storage-unit:high-water']): void => {
    const now = clock.now()
    const before = last.get(name)
    if (before !== undefined && now - before < againMs) return
    last.set(name, now)
    const told = `storage unit ${name} is ${usedPercent.toFixed(1)}% used, its high-water mark is ${highWaterPercent}%`
    const cleaning = jobs.cleanImages().then(
      ({ removed }) => {
        const text =
          removed.length > 0
            ? `${told}: ${removed.length} expired images were removed`
            : `${told}, and nothing has expired: it takes no new backups; expire images or add space`
        logger(text)
        warn?.(text)
      },
      (error: unknown) => logger.error('%s; what has expired could not be removed: %o', told, error),
    )
    under.add(cleaning)
    void cleaning.finally(() => under.delete(cleaning))
  }
  return {
    start: async () => void media.on('storage-unit:high-water', onHighWater),
    stop: async () => {
      media.off('storage-unit:high-water', onHighWater)
      await Promise.all(under)
    },
  }
}
