import {
  type Allocation,
  type CallOptions,
  type Clock,
  type Files,
  type FragmentReader,
  type FragmentRecord,
  type FragmentWriter,
  type JobLog,
  type Lifecycle,
  type Logger,
  type MediaStore,
  type MountedMedium,
  NbError,
  type NewFragment,
  debugLogger,
  formatBytes,
  throwIfAborted,
} from '@nb/contracts'
import { BLOCK_BYTES } from '@nb/formats'
import { describeFragmentFile } from './described-fragment.ts'
import { mediaFailure } from './failure.ts'
import { openFragmentReader } from './fragment-reader.ts'
import { beginFragment } from './fragment-writer.ts'
import type { FolderLock } from './folder-lock.ts'
import { type ImageFolders, createImageFolders } from './image-folders.ts'
import { checkMarker, claimDirectory, takeDirectory } from './marker.ts'
import { fragmentFileName } from './names.ts'

/** What a disk store works with. */
export interface DiskStoreComponents {
  readonly files: Files
  readonly clock: Clock
  /** Gets a line when the unit is mounted for a job (backup step 10, restore step 12). @default none is written */
  readonly log?: JobLog
  /** Keeps other processes out of the directory from the start to the stop. @default nothing does */
  readonly lock?: FolderLock
  /** @default debugLogger('nb:media-disk:store') */
  readonly logger?: Logger
}

/** What a disk store is. */
export interface DiskStoreOptions {
  /** Name of the storage unit; the directory is marked with it and serves no other. */
  readonly storageUnit: string
  /** Absolute path. Made, when missing or empty, at the first start. */
  readonly directory: string
  /** The media server that the directory belongs to: it is refused where it is another's, and taken where it is nobody's. @default any */
  readonly mediaServer?: string
  /** Bytes of payload under one checksum, a multiple of 512 up to 64 MiB. @default 262144 */
  readonly blockBytes?: number
  /**
   * Bytes of a fragment after which what was written so far begins to go to the disk, beside the writing; the sync at its end
   * remains. From 1048576. @default 67108864
   */
  readonly writebackBytes?: number
  /**
   * Whether the directory was marked before: then a directory without marker is a disk that is not mounted, also at
   * start. Set it once images are known to be there. @default false
   */
  readonly mustExist?: boolean
}

const WRITEBACK_BYTES = 64 * 1024 * 1024
const LEAST_WRITEBACK_BYTES = 1024 * 1024

/** A disk storage unit. */
export interface DiskStore extends MediaStore, Required<Lifecycle> {
  /** Size and free bytes of the file system below it. Rejects with `media-open-failed` where its disk is not mounted. */
  space(options?: CallOptions): Promise<{ readonly totalBytes: number; readonly freeBytes: number }>
  /**
   * Makes an empty or missing directory this storage unit's own, durably, whatever `mustExist` says; one that is its own already
   * stays as it is. `before` is waited for once it is certain that the directory can be made so, before anything is written. Rejects with
   * `media-open-failed`, and as `before` does.
   */
  initialise(before?: () => Promise<unknown>): Promise<'claimed' | 'known'>
  /**
   * Makes the directory `mediaServer`'s, durably, whoever's it was: for one that was renamed or replaced. To be called before `start`. Rejects with
   * `media-open-failed` where it is not this storage unit, `store-locked` where another process has it, `disk-full`.
   */
  takeOver(): Promise<void>
}

/**
 * Makes a disk storage unit on a directory: each fragment is one file in the form `nb-disk/1`, which `tar` reads.
 *
 * `start` claims an empty directory, or checks that the marker there is its own, locks it, and removes what writers that are
 * gone have left. Rejects with `media-open-failed` (83), and with `store-locked` (145) where another process has it, before anything is removed.
 */
export function createDiskStore(components: DiskStoreComponents, options: DiskStoreOptions): DiskStore {
  const { files, clock, log, lock, logger = debugLogger('nb:media-disk:store') } = components
  const { storageUnit, directory, blockBytes = BLOCK_BYTES, mustExist = false } = options
  const { writebackBytes = WRITEBACK_BYTES } = options
  checkOptions(options)
  const { mediaServer } = options
  const unit = { files, storageUnit, directory, ...(mediaServer === undefined ? {} : { mediaServer }) }
  const folders = createImageFolders(unit)
  let isStarted = false

  /** The directory is this storage unit's, and while it is started no other process's: also where its disk has come after the start. */
  async function admit(): Promise<void> {
    await checkMarker(unit)
    if (!isStarted) return
    await lock?.hold(directory)
    const marker = await checkMarker(unit)
    if (mediaServer === undefined || marker.mediaServer !== undefined) return
    // A disk with no room for it is as useful as before; a later start notes it.
    await takeDirectory(unit).catch((error: unknown) =>
      logger.error('%s: that %s is of %s could not be noted: %o', storageUnit, directory, mediaServer, error),
    )
  }

  async function tell(jobId: string, flow: 'backup' | 'restore' | undefined): Promise<void> {
    if (log === undefined) return
    const { totalBytes, freeBytes } = await files.space(directory)
    const text = `disk storage unit ${storageUnit} is mounted at ${directory}: ${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free`
    const step = flow === undefined ? {} : { step: { flow, number: flow === 'backup' ? 10 : 12 } }
    const line = { time: clock.now(), component: 'media-disk', severity: 'info', ...step, text } as const
    await log
      .append({ jobId, lines: [line] })
      .catch((error: unknown) => logger.error('job %s: a line was lost: %o', jobId, error))
  }

  return {
    storageUnit,
    initialise: async (before) => await claimDirectory(unit, clock, before),
    takeOver: async () => {
      const { mediaServer: _, ...anyServers } = unit
      await checkMarker(anyServers)
      await lock?.hold(directory)
      await takeDirectory(unit)
    },
    start: async () => {
      isStarted = true
      if (mustExist) await checkMarker(unit)
      const found = await claimDirectory(unit, clock)
      await admit()
      const leftovers = await folders.removeTemporaries()
      logger('%s: %s %s, %d leftovers removed', storageUnit, directory, found, leftovers)
    },
    stop: async () => {
      isStarted = false
      await lock?.release()
    },
    mount: async ({ allocation, jobId, flow }, callOptions) => {
      throwIfAborted(callOptions)
      checkAllocation(allocation, storageUnit)
      await admit()
      if (allocation.purpose === 'write') await folders.checkWritable(jobId)
      await tell(jobId, flow)
      return mountedDisk({ ...unit, blockBytes, writebackBytes, folders })
    },
    storedImages: async function* (callOptions) {
      await checkMarker(unit)
      yield* folders.storedImages(callOptions)
    },
    removeImage: async (input, callOptions) => {
      throwIfAborted(callOptions)
      await admit()
      return folders.removeImage(input)
    },
    space: async (callOptions) => {
      throwIfAborted(callOptions)
      // Else it would be that of the file system with the mount point.
      await checkMarker(unit)
      return files.space(directory)
    },
  }
}

function checkOptions(options: DiskStoreOptions): void {
  const { storageUnit, directory, blockBytes = BLOCK_BYTES, writebackBytes = WRITEBACK_BYTES } = options
  if (storageUnit.length === 0) throw new TypeError('storageUnit must be a name')
  if (!directory.startsWith('/') || directory.length < 2 || directory.endsWith('/'))
    throw new TypeError(`directory must be an absolute path without a slash at its end, not "${directory}"`)
  if (!Number.isSafeInteger(blockBytes) || blockBytes < 512 || blockBytes % 512 !== 0 || blockBytes > 2 ** 26)
    throw new TypeError(`blockBytes must be a multiple of 512 from 512 to ${2 ** 26}`)
  if (!Number.isSafeInteger(writebackBytes) || writebackBytes < LEAST_WRITEBACK_BYTES)
    throw new TypeError(`writebackBytes must be a whole number from ${LEAST_WRITEBACK_BYTES}`)
}

function checkAllocation(allocation: Allocation, storageUnit: string): void {
  if (allocation.storageUnit === storageUnit && allocation.medium.kind === 'disk') return
  throw new NbError(
    'media-open-failed',
    `The allocation is of ${allocation.medium.kind} storage unit ${allocation.storageUnit}, this is disk ${storageUnit}.`,
    { details: { storageUnit, allocated: allocation.storageUnit }, retryable: false },
  )
}

interface MountParts {
  readonly files: Files
  readonly storageUnit: string
  readonly directory: string
  readonly blockBytes: number
  readonly writebackBytes: number
  readonly folders: ImageFolders
}

/** The unit while one session uses it. One fragment is written at a time; readers are the caller's to close. */
function mountedDisk({ folders, ...place }: MountParts): MountedMedium {
  const { files, storageUnit } = place
  let writer: FragmentWriter | undefined
  let mounted = true
  const mustBeMounted = (): void => {
    if (!mounted) throw new TypeError(`storage unit ${storageUnit} is not mounted any more`)
  }

  async function createFragment(fragment: NewFragment, options?: CallOptions): Promise<FragmentWriter> {
    mustBeMounted()
    throwIfAborted(options)
    const fileName = fragmentFileName(fragment.copy, fragment.number)
    const imageDirectory = await folders.make(fragment.client, fragment.backupId)
    writer = await beginFragment({ ...place, imageDirectory, fileName }, fragment)
    return writer
  }

  async function openFragment(
    input: { readonly backupId: string; readonly copy: number; readonly fragment: FragmentRecord },
    options?: CallOptions,
  ): Promise<FragmentReader> {
    mustBeMounted()
    throwIfAborted(options)
    const { backupId, copy, fragment } = input
    const fileName = fragmentFileName(copy, fragment.number)
    const path = await folders.find(backupId, fileName)
    if (path === undefined)
      throw new NbError(
        'fragment-missing',
        `Fragment ${fragment.number} of copy ${copy} of image ${backupId} is not on storage unit ${storageUnit}.`,
        { details: { storageUnit, backupId, copy, fragment: fragment.number } },
      )
    const identity = { storageUnit, backupId, copy, number: fragment.number, path }
    const file = await files.open(path, 'read').catch((error: unknown) => {
      throw mediaFailure(error, 'media-read-failed', 'opening', identity)
    })
    return openFragmentReader(file, identity, fragment)
  }

  async function describeFragment(
    { backupId, copy, number }: Parameters<MountedMedium['describeFragment']>[0],
    options?: CallOptions,
  ): ReturnType<MountedMedium['describeFragment']> {
    mustBeMounted()
    throwIfAborted(options)
    const path = await folders.find(backupId, fragmentFileName(copy, number))
    if (path === undefined) return undefined
    const identity = { storageUnit, backupId, copy, number, path }
    const file = await files.open(path, 'read').catch((error: unknown) => {
      throw mediaFailure(error, 'media-read-failed', 'opening', identity)
    })
    return describeFragmentFile(file, identity)
  }

  async function unmount(): Promise<void> {
    mounted = false
    await writer?.discard()
  }
  return { createFragment, openFragment, describeFragment, unmount }
}
