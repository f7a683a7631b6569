import {
  type AllocatedMedium,
  type Allocation,
  type CallOptions,
  type Clock,
  type JobLog,
  type Logger,
  type MediaManager,
  type MediaStore,
  type MountedVolume,
  NbError,
  type StoredImage,
  type TapeMounts,
  type Volume,
  debugLogger,
  throwIfAborted,
} from '@nb/contracts'
import { MountedTape } from './mounted-tape.ts'
import { OpenVolume } from './open-volume.ts'

/** What a tape store works with. */
export interface TapeStoreComponents {
  readonly mounts: TapeMounts
  /** Told what the medium has confirmed: whole tape files, that a volume is full, errors. */
  readonly media: Pick<MediaManager, 'volumes' | 'recordVolumeFiles' | 'setVolumeState' | 'reportError'>
  readonly clock: Clock
  /** Gets a line when a volume is mounted for a job (backup step 10, restore step 12). @default none is written */
  readonly log?: JobLog
  /** @default debugLogger('nb:media-tape:store') */
  readonly logger?: Logger
}

/** What a tape store is. */
export interface TapeStoreOptions {
  /** Name of the storage unit. */
  readonly storageUnit: string
}

/**
 * Makes the tape storage unit of a media server: each fragment is a tape file in the form `nb-tape/1`, which `tar` reads, and is appended
 * where reading has proven that the volume ends. Nothing can be removed from a tape, and what is on one is known when it is mounted.
 */
export function createTapeStore(components: TapeStoreComponents, options: TapeStoreOptions): MediaStore {
  const { mounts, media, clock, log, logger = debugLogger('nb:media-tape:store') } = components
  const { storageUnit } = options
  if (storageUnit.length === 0) throw new TypeError('storageUnit must be a name')

  async function tell(
    jobId: string,
    flow: 'backup' | 'restore' | undefined,
    mounted: MountedVolume,
  ): Promise<void> {
    if (log === undefined) return
    const text = `volume ${mounted.volumeId} is mounted in drive ${mounted.drive.name} for tape storage unit ${storageUnit}`
    const step = flow === undefined ? {} : { step: { flow, number: flow === 'backup' ? 10 : 12 } }
    const line = { time: clock.now(), component: 'media-tape', severity: 'info', ...step, text } as const
    await log
      .append({ jobId, lines: [line] })
      .catch((error: unknown) => logger.error('job %s: a line was lost: %o', jobId, error))
  }

  async function openVolume(mounted: MountedVolume, jobId: string): Promise<OpenVolume> {
    const { volumeId, generation, drive } = mounted
    const known = await volumeOf(media, volumeId)
    if (known.generation !== generation)
      throw new NbError(
        'media-open-failed',
        `Volume ${volumeId} is in generation ${generation}, and the media manager knows ${known.generation ?? 'none'}.`,
        { details: { volumeId, generation }, retryable: false },
      )
    const identity = { volume: volumeId, generation }
    return new OpenVolume({ drive, media, clock, logger }, { identity, files: known.files, jobId })
  }

  return {
    storageUnit,
    mount: async ({ allocation, jobId, flow }, callOptions) => {
      throwIfAborted(callOptions)
      const { volumeId, drive, volumePool: pool } = mediumOf(allocation, storageUnit)
      const { purpose } = allocation
      const mounted = await mounts.mount({ jobId, volumeId, drive, purpose, pool }, callOptions)
      try {
        const volume = purpose === 'write' ? await openVolume(mounted, jobId) : undefined
        await tell(jobId, flow, mounted)
        return new MountedTape({ storageUnit, mounted, ...(volume === undefined ? {} : { volume }) })
      } catch (error) {
        await mounted.unmount()
        throw error
      }
    },
    storedImages: nothingStored,
    removeImage: async (_input, callOptions) => {
      throwIfAborted(callOptions)
      return { fragments: 0, bytes: 0 }
    },
  }
}

/** What is on a tape is told when it is mounted. */
async function* nothingStored(options?: CallOptions): AsyncGenerator<StoredImage, void, undefined> {
  throwIfAborted(options)
}

function mediumOf(allocation: Allocation, storageUnit: string): AllocatedMedium & { readonly kind: 'tape' } {
  const { medium } = allocation
  if (allocation.storageUnit === storageUnit && medium.kind === 'tape') return medium
  throw new NbError(
    'media-open-failed',
    `The allocation is of ${medium.kind} storage unit ${allocation.storageUnit}, this is tape ${storageUnit}.`,
    { details: { storageUnit, allocated: allocation.storageUnit }, retryable: false },
  )
}

async function volumeOf(media: Pick<MediaManager, 'volumes'>, volumeId: string): Promise<Volume> {
  for await (const volume of media.volumes({ volumeId })) return volume
  throw new NbError('media-open-failed', `Volume ${volumeId} is not known to the media manager.`, {
    details: { volumeId },
    retryable: false,
  })
}
