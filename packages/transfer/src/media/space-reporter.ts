import {
  type Clock,
  type Lifecycle,
  type Logger,
  type MediaManager,
  type MediaStore,
  NbError,
  debugLogger,
} from '@nb/contracts'
import { defaultReportMs, fromTimeToTime } from './from-time-to-time.ts'

/** What a space reporter asks for. */
export interface SpaceReporterComponents {
  readonly media: Pick<MediaManager, 'reportSpace'>
  /** The media store of each storage unit of this host; those that tell no room are passed over. */
  readonly stores: Readonly<Record<string, Pick<MediaStore, 'space'>>>
  readonly clock: Clock
  /** @default `debugLogger('nb:transfer:space-reporter')` */
  readonly logger?: Logger
}

/** Options of {@link createSpaceReporter}. */
export interface SpaceReporterOptions {
  /** Milliseconds between two reports, 1000–3600000. @default 60000 */
  readonly intervalMs?: number
}

/** Tells the media manager how much room there is. */
export interface SpaceReporter extends Required<Lifecycle> {
  /**
   * Tells the room of a storage unit now; with `full`, that a job has just found none, of which `givenUpBytes` have been given back since: they were not
   * enough. Resolves when it is told, or when it could not be: it never rejects, since no session is to fail by it.
   */
  tell(input: {
    readonly storageUnit: string
    readonly full?: boolean
    readonly givenUpBytes?: number
  }): Promise<void>
}

/**
 * Tells the media manager the room of the disk storage units of this media server: at the start, from time to time, and whenever a
 * session asks for it; of one whose disk is not mounted, that. A report that fails is logged, and the next one comes in its time.
 */
export function createSpaceReporter(
  components: SpaceReporterComponents,
  options: SpaceReporterOptions = {},
): SpaceReporter {
  const { media, stores, clock, logger = debugLogger('nb:transfer:space-reporter') } = components
  const tell: SpaceReporter['tell'] = async ({ storageUnit, full = false, givenUpBytes = 0 }) => {
    try {
      const store = Object.hasOwn(stores, storageUnit) ? stores[storageUnit] : undefined
      const space = await store?.space?.().catch(whyMissing)
      if (space === undefined) return
      if (typeof space === 'string') return await media.reportSpace({ storageUnit, missing: space })
      const { totalBytes } = space
      const freeBytes = Math.max(0, Math.min(space.freeBytes, totalBytes) - givenUpBytes)
      await media.reportSpace({ storageUnit, totalBytes, freeBytes, ...(full ? { full } : {}) })
    } catch (error) {
      logger.error('the room of storage unit %s was not reported: %o', storageUnit, error)
    }
  }
  const tellAll = (): Promise<unknown> =>
    Promise.all(Object.keys(stores).map((storageUnit) => tell({ storageUnit })))
  return { ...fromTimeToTime(clock, options.intervalMs ?? defaultReportMs, tellAll), tell }
}

function whyMissing(error: unknown): string {
  if (error instanceof NbError && error.code === 'media-open-failed') return error.message
  throw error
}

/** What a medium had given up of a fragment before it told that it was full. */
export function givenUp({ givenUpBytes }: NbError['details']): { readonly givenUpBytes?: number } {
  return typeof givenUpBytes === 'number' ? { givenUpBytes } : {}
}
