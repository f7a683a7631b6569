import type { DiskStorageUnit, MediaManager, MediaServerEntry, StorageUnit } from '@nb/contracts'

/** What the media manager of a new state is told. */
export interface MediaConfiguration {
  readonly storageUnit: string
  readonly mediaServer: string
  /** Largest fragment of an image, bytes. */
  readonly maxFragmentBytes: number
  /** Whether jobs must name it to write there. @default false */
  readonly onDemandOnly?: boolean
}

const jobsAtOnce = 4

/**
 * Registers the one media server and a disk storage unit of it. What an operator has changed of them since stays as it is,
 * but for the size of fragments, which each start of the server says.
 */
export async function configureMedia(media: MediaManager, configuration: MediaConfiguration): Promise<void> {
  const { storageUnit: name, mediaServer, maxFragmentBytes, onDemandOnly = false } = configuration
  const server = await first<MediaServerEntry>(media.mediaServers({ name: mediaServer }))
  if (server === undefined) await media.putMediaServer({ name: mediaServer, state: 'up' })
  const before = await first<StorageUnit>(media.storageUnits({ name }))
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
