import { join } from 'node:path'
import { createCatalog, type LocalCatalog } from '@nb/catalog'
import {
  type Catalog,
  type Clock,
  type DataChannels,
  type Files,
  type Lifecycle,
  lifecycle,
  type Store,
} from '@nb/contracts'
import { createDeviceDispatcher, createMediaManager } from '@nb/emm'
import { createJobManager, createJobStore, createRoomMaker } from '@nb/jobmanager'
import { type AddressBook, type HostIdentity, type Ports, reachHosts } from '@nb/remote'
import { createResourceBroker } from '@nb/resource-broker'
import { createNeededImageFiles, createRestoreService } from '@nb/restore'
import { createScheduler } from '@nb/scheduler'

/** What a master server stands on. */
export interface MasterGround {
  /** Holds everything but images; opened and closed by the caller. */
  readonly database: Store
  readonly files: Files
  readonly clock: Clock
  /** Folder of all its state. */
  readonly stateDirectory: string
  readonly identity: HostIdentity
  /** Its own data channels, on the port that it serves. */
  readonly channels: DataChannels
  /** Where media servers are, by name; a live map. */
  readonly mediaServers: ReadonlyMap<string, string>
  /** Where clients are, by name; a live map. */
  readonly clients: AddressBook
  /** How often other hosts are asked whether they are alive, milliseconds. */
  readonly heartbeatMs: number
  /** How long a media server may be silent before its jobs end with 811, milliseconds. */
  readonly mediaServerTimeoutMs: number
  /** Puts something of the same port in front of the catalog that the job manager sees. @default nothing */
  readonly decorateCatalog?: (catalog: Catalog) => Catalog
}

/** The ports of a master server. */
export type MasterPorts = Pick<
  Ports,
  | 'scheduler'
  | 'jobs'
  | 'jobRegistry'
  | 'jobSessions'
  | 'jobLog'
  | 'broker'
  | 'media'
  | 'devices'
  | 'catalog'
  | 'restores'
>

/** A master server: everything but the media and the clients, which are on hosts of their own. The order of the lines is the order of start. */
export function composeMaster({
  database,
  files,
  clock,
  stateDirectory,
  identity,
  channels,
  heartbeatMs,
  mediaServerTimeoutMs,
  decorateCatalog,
  ...hosts
}: MasterGround): Required<Lifecycle> & { readonly ports: MasterPorts; readonly catalog: LocalCatalog } {
  const mediaServers = reachHosts('mediaServer', { identity, addresses: hosts.mediaServers }, { heartbeatMs })
  const robots = reachHosts('devices', { identity, addresses: hosts.mediaServers }, { heartbeatMs })
  const clients = reachHosts('clientAgent', { identity, addresses: hosts.clients }, { heartbeatMs })
  const jobStore = createJobStore({ store: database.sublevel('jobs'), clock })
  const log = jobStore
  const media = createMediaManager({ store: database.sublevel('emm'), clock, log })
  const broker = createResourceBroker({ media, store: database.sublevel('broker'), clock, log })
  const catalog = createCatalog(
    { store: database.sublevel('catalog'), files, channels, clock, log },
    { directory: join(stateDirectory, 'images') },
  )
  const jobs = createJobManager(
    { broker, catalog: decorateCatalog?.(catalog) ?? catalog, mediaServers, media, jobStore, clock },
    // A media server may die and be back while nobody looks: its jobs are to learn of it soon.
    { silenceMs: mediaServerTimeoutMs, sessionCheckMs: Math.min(10_000, mediaServerTimeoutMs / 5) },
  )
  const roomMaker = createRoomMaker({ media, jobs, clock })
  const scheduler = createScheduler({
    jobs,
    catalog,
    clients,
    store: database.sublevel('scheduler'),
    clock,
    log,
  })
  const neededImages = createNeededImageFiles({ files, directory: join(stateDirectory, 'needed-images') })
  const restores = createRestoreService(
    { catalog, jobs, mediaServers, clients, scheduler, channels, neededImages, clock, log },
    { silenceMs: mediaServerTimeoutMs },
  )
  const connections: Lifecycle = {
    stop: async () => [mediaServers, robots, clients].forEach((hosts) => hosts.close()),
  }
  return {
    ...lifecycle(connections, jobStore, media, catalog, broker, jobs, roomMaker, restores, scheduler),
    catalog,
    ports: {
      scheduler,
      jobs,
      jobRegistry: jobs,
      jobSessions: jobs,
      jobLog: jobStore,
      broker,
      media,
      devices: createDeviceDispatcher({ media, mediaServers: robots }),
      catalog,
      restores,
    },
  }
}
