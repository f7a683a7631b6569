import {
  type Allocation,
  type CallOptions,
  type Clock,
  type JobLog,
  type JobLogLine,
  type Logger,
  type MediaManager,
  type MediaStore,
  type MountedVolume,
  NbError,
  type TapeDrive,
  type TapeMounts,
  debugLogger,
  throwIfAborted,
} from '@nb/contracts'
import type { MultiplexedFileOptions } from '../multiplex/multiplexed-file.ts'
import { MountedTape } from './mounted-tape.ts'
import { ReadTape } from './read-tape.ts'
import { reconnectingDrive } from './reconnecting-drive.ts'
import { reportingDrive } from './reporting-drive.ts'
import { SharedMounts, type SharedVolume } from './shared-mounts.ts'
import { TapeGroups } from './tape-groups.ts'
import { TapeReading } from './tape-reading.ts'

/** What a tape store works with. */
export interface TapeStoreComponents {
  /** Gets volumes into drives. */
  readonly mounts: TapeMounts
  /** Knows how many files of a volume are whole, and hears of errors and of volumes that are full. */
  readonly media: Pick<MediaManager, 'volumes' | 'recordVolumeFiles' | 'setVolumeState' | 'reportError'>
  readonly clock: Clock
  /** Gets a line when a volume is mounted for a job (backup step 10, restore step 12), and what errors led to. @default none is written */
  readonly log?: JobLog
  /** @default debugLogger('nb:media-tape:store') */
  readonly logger?: Logger
}

/** What a tape store is. */
export interface TapeStoreOptions {
  /** Name of the storage unit. */
  readonly storageUnit: string
  /** How files are written that jobs share. @default as its options say */
  readonly multiplexing?: MultiplexedFileOptions
}

type Tape = Extract<Allocation['medium'], { kind: 'tape' }>

/**
 * Makes a tape storage unit: each fragment is one tape file in the form `nb-tape/1`, which `tar` reads, or a stream in one that
 * jobs of a group share. What is on its volumes only they and the media manager know, so it tells no stored images and removes none.
 */
export function createTapeStore(components: TapeStoreComponents, options: TapeStoreOptions): MediaStore {
  const { mounts, media, clock, log, logger = debugLogger('nb:media-tape:store') } = components
  const { storageUnit } = options
  const readers = new SharedMounts<ReadVolumeShare>(logger)
  const groups = new TapeGroups({ media, clock, logger, multiplexing: options.multiplexing ?? {} })
  if (storageUnit.length === 0) throw new TypeError('storageUnit must be a name')

  async function tell(jobId: string, line: Omit<JobLogLine, 'time' | 'component'>): Promise<void> {
    await log
      ?.append({ jobId, lines: [{ time: clock.now(), component: 'media-tape', ...line }] })
      .catch((error: unknown) => logger.error('job %s: a line was lost: %o', jobId, error))
  }

  const mount: MediaStore['mount'] = async ({ allocation, jobId, flow }, callOptions) => {
    throwIfAborted(callOptions)
    const { drive: driveName, volumeId, volumePool: pool, multiplex } = tapeOf(allocation, storageUnit)
    const { purpose } = allocation
    const request = { jobId, volumeId, drive: driveName, purpose, pool }
    const driveOf = (mounted: MountedVolume, jobs: () => readonly string[]): TapeDrive =>
      reportingDrive(reconnectingDrive(mounted.drive, { clock, logger }), {
        ...{ media, volumeId, driveName, jobId, logger },
        onVerdict: async ({ text }) => {
          for (const one of jobs()) await tell(one, { severity: 'warning', text })
        },
      })
    const step = flow === undefined ? {} : { step: { flow, number: flow === 'backup' ? 10 : 12 } }
    const where = `volume ${volumeId} is mounted in drive ${driveName} of storage unit ${storageUnit}`
    if (purpose === 'write' && multiplex !== undefined) {
      const { group } = multiplex
      const mount = (options: CallOptions): Promise<MountedVolume> => mounts.mount(request, options)
      const medium = await groups.join({ group, jobId, volumeId, mount, driveOf }, callOptions)
      const text = `${where}, to write, shared by the jobs of group ${group}`
      await tell(jobId, { severity: 'info', ...step, text })
      return medium
    }
    if (purpose === 'write') {
      const mounted = await mounts.mount(request, callOptions)
      await tell(jobId, { severity: 'info', ...step, text: `${where}, to write` })
      const drive = driveOf(mounted, () => [jobId])
      return new MountedTape({ storageUnit, mounted, drive, media, clock, logger })
    }
    const open = async (jobs: () => readonly string[], options: CallOptions): Promise<ReadVolumeShare> => {
      const mounted = await mounts.mount(request, options)
      return openToRead({ storageUnit, mounted, drive: driveOf(mounted, jobs), clock })
    }
    const { volume, leave } = await readers.join({ key: volumeId, jobId }, open, callOptions)
    await tell(jobId, { severity: 'info', ...step, text: `${where}, to read` })
    return new ReadTape({ volumeId, reading: volume.reading, leave })
  }

  return {
    storageUnit,
    mount,
    storedImages: async function* (callOptions) {
      throwIfAborted(callOptions)
    },
    removeImage: async (_image, callOptions) => {
      throwIfAborted(callOptions)
      return { fragments: 0, bytes: 0 }
    },
  }
}

/** A volume that is mounted to be read, by all who want it. */
interface ReadVolumeShare extends SharedVolume {
  readonly reading: TapeReading
}

function openToRead({
  storageUnit,
  mounted,
  drive,
  clock,
}: {
  readonly storageUnit: string
  readonly mounted: MountedVolume
  readonly drive: TapeDrive
  readonly clock: Clock
}): ReadVolumeShare {
  const { volumeId, generation } = mounted
  let isMounted = true
  const check = (): void => {
    if (!isMounted) throw new TypeError(`volume ${volumeId} is not mounted any more`)
  }
  const identity = { volume: volumeId, generation }
  return {
    reading: new TapeReading({ storageUnit, identity, drive, clock, check }),
    close: async () => {
      isMounted = false
      await mounted.unmount()
    },
  }
}

function tapeOf(allocation: Allocation, storageUnit: string): Tape {
  const { medium } = allocation
  if (allocation.storageUnit === storageUnit && medium.kind === 'tape') return medium
  throw new NbError(
    'media-open-failed',
    `The allocation is of ${medium.kind} storage unit ${allocation.storageUnit}, this is tape ${storageUnit}.`,
    { details: { storageUnit, allocated: allocation.storageUnit }, retryable: false },
  )
}
