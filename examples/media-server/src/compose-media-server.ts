import {
  type ClientAgent,
  type Clock,
  type DataChannels,
  type Files,
  type Lifecycle,
  lifecycle,
} from '@nb/contracts'
import { createDiskStore } from '@nb/media-disk'
import type { Ports } from '@nb/remote'
import { createLoadReporter, createMediaServer, createSpaceReporter } from '@nb/transfer'

/** What a media server stands on. */
export interface MediaServerGround {
  /** Its name, as storage units and its certificate have it. */
  readonly name: string
  readonly files: Files
  readonly clock: Clock
  /** Its own data channels, on the port that it serves. */
  readonly channels: DataChannels
  /** The master's ports. */
  readonly master: Pick<Ports, 'jobSessions' | 'jobLog' | 'catalog' | 'media'>
  /** The agent of each client. */
  readonly clients: (client: string) => ClientAgent | undefined
  /** Its disk storage units: folder by name. */
  readonly disks: Readonly<Record<string, string>>
  /** Names of those whose empty folder becomes a storage unit. */
  readonly newDisks: readonly string[]
  /** How long a client may be silent while it is waited for, milliseconds. */
  readonly clientTimeoutMs: number
}

/** A media server with disks. The order of the lines is the order of start. */
export function composeMediaServer({
  name,
  files,
  clock,
  channels,
  master,
  clients,
  clientTimeoutMs,
  ...ground
}: MediaServerGround): Required<Lifecycle> & { readonly ports: Pick<Ports, 'mediaServer'> } {
  const { jobSessions: jobs, jobLog: log, catalog, media } = master
  const disks = Object.entries(ground.disks).map(([storageUnit, directory]) =>
    createDiskStore({ files, clock, log }, { storageUnit, directory, mustExist: true }),
  )
  const stores = Object.fromEntries(disks.map((disk) => [disk.storageUnit, disk]))
  const space = createSpaceReporter({ media, stores, clock })
  const mediaServer = createMediaServer(
    { stores, clients, jobs, catalog, channels, clock, log, space },
    { name, clientTimeoutMs },
  )
  const load = createLoadReporter({ media, clock }, { mediaServer: name })
  const opened: Lifecycle = {
    start: async () => {
      for (const disk of disks) {
        // An empty folder may be a disk that is not mounted: only a person knows that it is a new one.
        if (ground.newDisks.includes(disk.storageUnit)) await disk.initialise(async () => undefined)
        await disk.start()
      }
    },
  }
  return { ...lifecycle(opened, mediaServer, load, space), ports: { mediaServer } }
}
