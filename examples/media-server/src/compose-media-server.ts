import {
  type ClientAgent,
  type Clock,
  type DataChannels,
  type Files,
  type Lifecycle,
  lifecycle,
} from '@nb/contracts'
import { composeTape, type TapeSettings } from '@nb/example-host-program/tape'
import { createDiskStore, systemFolderLock } from '@nb/media-disk'
import type { OpenTapeLibrary } from '@nb/media-tape'
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
  /** Names of those that become this media server's, whoever's they were. */
  readonly takenDisks: readonly string[]
  /** How long a client may be silent while it is waited for, milliseconds. */
  readonly clientTimeoutMs: number
  /** A tape library, opened and closed by the caller, its storage unit, and how it is used. @default there is none */
  readonly tape?: {
    readonly library: OpenTapeLibrary
    readonly storageUnit: string
    readonly settings: TapeSettings
  }
  /** Folder of all its state. */
  readonly stateDirectory: string
  /** Is told what an administrator must know. */
  readonly warn: (text: string) => void
}

/** A media server with disks and a tape library. The order of the lines is the order of start. */
export function composeMediaServer({
  name,
  files,
  clock,
  channels,
  master,
  clients,
  clientTimeoutMs,
  ...ground
}: MediaServerGround): Required<Lifecycle> & { readonly ports: Pick<Ports, 'mediaServer' | 'devices'> } {
  const { jobSessions: jobs, jobLog: log, catalog, media } = master
  const disks = Object.entries(ground.disks).map(([storageUnit, directory]) =>
    createDiskStore(
      { files, clock, log, lock: systemFolderLock() },
      { storageUnit, directory, mediaServer: name, mustExist: true },
    ),
  )
  const diskStores = Object.fromEntries(disks.map((disk) => [disk.storageUnit, disk]))
  const space = createSpaceReporter({ media, stores: diskStores, clock })
  const { library, storageUnit = '', settings = {} } = ground.tape ?? {}
  const tape = composeTape(
    { media, log, files, clock, warn: ground.warn },
    { library, mediaServer: name, storageUnit, stateDirectory: ground.stateDirectory, settings },
  )
  const mediaServer = createMediaServer(
    { stores: { ...diskStores, ...tape.stores }, clients, jobs, catalog, channels, clock, log, space },
    { name, clientTimeoutMs },
  )
  const load = createLoadReporter({ media, clock }, { mediaServer: name })
  const opened: Lifecycle = {
    start: async () => {
      for (const disk of disks) {
        if (ground.takenDisks.includes(disk.storageUnit)) await disk.takeOver()
        // An empty folder may be a disk that is not mounted: only a person knows that it is a new one.
        if (ground.newDisks.includes(disk.storageUnit)) await disk.initialise(async () => undefined)
        await disk.start()
      }
    },
    stop: async () => {
      for (const disk of disks) await disk.stop()
    },
  }
  return {
    ...lifecycle(opened, tape.life, mediaServer, load, space),
    ports: { mediaServer, devices: tape.devices },
  }
}
