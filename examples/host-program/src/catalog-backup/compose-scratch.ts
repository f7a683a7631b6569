import { join } from 'node:path'
import { createCatalog } from '@nb/catalog'
import {
  type JobManager,
  type Lifecycle,
  lifecycle,
  type RestoreService,
  type Store,
  systemClock,
  systemFiles,
} from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { createJobManager, createJobStore } from '@nb/jobmanager'
import { createDiskStore } from '@nb/media-disk'
import { createLocalChannels } from '@nb/remote'
import { createResourceBroker } from '@nb/resource-broker'
import { createRestoreService } from '@nb/restore'
import { createClientAgent, createMediaServer } from '@nb/transfer'
import { imagesName } from './snapshot.ts'

/** The one client of the server that recovers. */
export const scratchClient = 'recovery'
const mediaServerName = 'recovery'

/** A server with one disk that is there, for one import and one restore. */
export interface ScratchServer extends Required<Lifecycle> {
  readonly ports: { readonly jobs: JobManager; readonly restores: RestoreService }
}

/** Where it works: the folder for all its state, and the storage unit with the catalog backup, which is only read. */
export interface ScratchPlaces {
  readonly scratch: string
  readonly storageUnit: string
  readonly folder: string
}

/** Master, media server and client in one, with nothing that a recovery does not need. The order of the lines is the order of start. */
export function composeScratch(
  database: Store,
  { scratch, storageUnit, folder }: ScratchPlaces,
): ScratchServer {
  const clock = systemClock()
  const files = systemFiles()
  const channels = createLocalChannels({ clock })
  const jobStore = createJobStore({ store: database.sublevel('jobs'), clock })
  const log = jobStore
  const media = createMediaManager({ store: database.sublevel('emm'), clock, log })
  const broker = createResourceBroker({ media, store: database.sublevel('broker'), clock, log })
  const catalog = createCatalog(
    { store: database.sublevel('catalog'), files, channels, clock, log },
    { directory: join(scratch, imagesName) },
  )
  const disk = createDiskStore({ files, clock, log }, { storageUnit, directory: folder, mustExist: true })
  const agent = createClientAgent(
    { channels, clock, log },
    { neverPaths: [scratch], restoreNotes: join(scratch, 'restores') },
  )
  const mediaServers = new Map<string, ReturnType<typeof createMediaServer>>()
  const jobs = createJobManager({ broker, catalog, mediaServers, media, jobStore, clock })
  const mediaServer = createMediaServer(
    {
      stores: { [storageUnit]: disk },
      clients: { [scratchClient]: agent },
      jobs,
      catalog,
      channels,
      clock,
      log,
    },
    { name: mediaServerName },
  )
  mediaServers.set(mediaServerName, mediaServer)
  const restores = createRestoreService({ catalog, jobs, mediaServers, channels, clock, log })
  const unit: Lifecycle = {
    start: async () => {
      await media.putMediaServer({ name: mediaServerName, state: 'up' })
      await media.putStorageUnit({
        ...{ type: 'disk', name: storageUnit, mediaServer: mediaServerName, state: 'up' },
        ...{ maxFragmentBytes: 512 * 1024 ** 3, maxConcurrentJobs: 1, onDemandOnly: false },
      })
      // It is only read, and may be in use: a start would take it, and clean it up.
      await disk.space()
    },
  }
  return {
    ...lifecycle(jobStore, media, catalog, unit, broker, agent, mediaServer, jobs, restores),
    ports: { jobs, restores },
  }
}
