import {
  type DiskStorageUnit,
  type MediaManager,
  type MediaServerEntry,
  NbError,
  type StorageUnit,
  counted,
} from '@nb/contracts'
import type { LostStorageUnit } from '@nb/jobmanager'
import type { DiskStore } from '@nb/media-disk'

/** How a disk storage unit is started, and what the media manager of a new state is told of it. */
export interface DiskStart {
  readonly mediaServer: string
  /** Largest fragment of an image, bytes. */
  readonly maxFragmentBytes: number
  /** Whether jobs must name it to write there. @default false */
  readonly onDemandOnly?: boolean
  /** Names of units that are known and whose disk is lost: their empty folders are made storage units again. */
  readonly newDisks: readonly string[]
  /** Names of units whose folders become this media server's, whoever's they were. */
  readonly takenDisks: readonly string[]
  /** Has the catalog know that all that a unit held is lost, before its disk is made anew. */
  readonly giveUp: (storageUnit: string) => Promise<LostStorageUnit>
  /** Is told what an administrator must know. @default nobody is */
  readonly warn?: (text: string) => void
}

const jobsAtOnce = 4

/**
 * Starts a disk storage unit of the one media server and registers both. The folder of a unit that this state never had is
 * initialised; a unit that it knows stays as it is, also in an empty folder: there its disk is not mounted, and what would be
 * written would lie below the mount point. Such a unit is told, and refuses its jobs until the disk is there.
 *
 * The folder is initialised before the unit is known: a crash between both has it initialised once more.
 */
export async function startDisk(media: MediaManager, disk: DiskStore, ways: DiskStart): Promise<void> {
  const { storageUnit: name } = disk
  const { mediaServer, newDisks, takenDisks, warn } = ways
  const server = await first<MediaServerEntry>(media.mediaServers({ name: mediaServer }))
  if (server === undefined) await media.putMediaServer({ name: mediaServer, state: 'up' })
  const known = await first<StorageUnit>(media.storageUnits({ name }))
  const isNewDisk = newDisks.includes(name)
  if (takenDisks.includes(name)) await disk.takeOver()
  if (known === undefined || isNewDisk) {
    const found = await disk.initialise(async () => {
      if (known === undefined) return
      const { gone, elsewhere } = await ways.giveUp(name)
      warn?.(
        `${name} is a new empty disk: ${counted(gone.length, 'image')} had the only copy there and ${gone.length === 1 ? 'is' : 'are'} expired, ${elsewhere.length} more ${elsewhere.length === 1 ? 'has' : 'have'} a copy elsewhere. Incrementals that would refer to what is gone store everything anew; run them, or fulls, soon`,
      )
    })
    if (isNewDisk && found === 'known')
      warn?.(
        `--new-disk ${name} is said, and the disk is there: leave it away from now on, or a start without the disk makes a new one`,
      )
  }
  await register(media, name, known, ways)
  try {
    await disk.start()
  } catch (error) {
    if (known === undefined || !(error instanceof NbError) || error.code !== 'media-open-failed') throw error
    // It is there, and another media server's.
    if (error.details['owner'] !== undefined) throw error
    warn?.(
      `${error.message} Jobs that need it fail until the disk is mounted there, without another start. Only where the disk is lost for good: start once with --new-disk ${name}, which makes the empty folder ${name}`,
    )
  }
}

/** What an operator has changed of a unit stays as it is, but for the size of fragments, which each start of the server says. */
async function register(
  media: MediaManager,
  name: string,
  before: StorageUnit | undefined,
  { mediaServer, maxFragmentBytes, onDemandOnly = false }: DiskStart,
): Promise<void> {
  const made: DiskStorageUnit = {
    type: 'disk',
    name,
    mediaServer,
    state: 'up',
    maxFragmentBytes,
    maxConcurrentJobs: jobsAtOnce,
    onDemandOnly,
  }
  const wanted = before === undefined ? made : { ...before, maxFragmentBytes }
  if (before?.maxFragmentBytes !== maxFragmentBytes) await media.putStorageUnit(wanted)
}

async function first<Item>(items: AsyncIterable<Item>): Promise<Item | undefined> {
  for await (const item of items) return item
  return undefined
}
