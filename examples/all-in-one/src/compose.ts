import { hostname } from 'node:os'
import { join } from 'node:path'
import { createCatalog } from '@nb/catalog'
import {
  type Catalog,
  type Clock,
  type DeviceOperations,
  type Files,
  type JobLog,
  type Lifecycle,
  type MediaManager,
  type MediaServer,
  type ResourceBroker,
  type RestoreService,
  type Store,
  lifecycle,
} from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import {
  type CatalogBackupParts,
  recoveryWriter,
  withRecoveryFiles,
  withSnapshots,
} from '@nb/example-host-program/catalog-backup'
import { composeTape, tapeStorageUnit } from '@nb/example-host-program/tape'
import {
  createJobManager,
  createJobNotifier,
  createJobStore,
  createRoomMaker,
  giveUpStorageUnit,
} from '@nb/jobmanager'
import { createDiskStore, type FolderLock } from '@nb/media-disk'
import type { OpenTapeLibrary } from '@nb/media-tape'
import { createLocalChannels } from '@nb/remote'
import { createResourceBroker } from '@nb/resource-broker'
import { createNeededImageFiles, createRestoreService } from '@nb/restore'
import { createPolicyDirectory, createScheduler, describeProblems } from '@nb/scheduler'
import { createClientAgent, createLoadReporter, createMediaServer, createSpaceReporter } from '@nb/transfer'
import { startDisk } from './configure-media.ts'
import { warnOfUnknownNames } from './policy-warnings.ts'
import type { ServerSettings } from './settings.ts'
import { secondStorageUnit, storageUnit } from './unit-names.ts'

export { secondStorageUnit, storageUnit, tapeStorageUnit }

/** What the composition stands on. */
export interface Ground {
  /** Holds everything but images; opened and closed by the caller. */
  readonly database: Store
  readonly files: Files
  readonly clock: Clock
  /** Folder of the catalog's headers and files files. */
  readonly imageDirectory: string
  /** Folder of the disk storage unit. */
  readonly diskDirectory: string
  /** Keeps other processes out of a disk's folder. @default nothing does: of a folder that is no real one, or in a test */
  readonly diskLock?: () => FolderLock
  /** What the client never backs up: the folder of all state. */
  readonly stateDirectory: string
  /** Largest fragment of an image, bytes. */
  readonly maxFragmentBytes: number
  /** How it works. @default as each setting says */
  readonly settings?: ServerSettings
  /** A tape library, opened and closed by the caller. @default there is none */
  readonly tape?: OpenTapeLibrary
  /** Whether a thread that reads is ready before there is a backup. @default false */
  readonly readerReady?: boolean
  /** Is told what an administrator must know, a sentence each. @default nobody is */
  readonly warn?: (text: string) => void
  /** Puts something of the same port in front of the catalog that the job manager sees. @default nothing */
  readonly decorateCatalog?: (catalog: Catalog) => Catalog
}

/** Name of the one media server. */
export const mediaServerName = 'local'
/** Name of the one client: this host. */
export const clientName: string =
  hostname()
    .split('.')[0]
    ?.replace(/[^A-Za-z0-9._-]/g, '-') || 'localhost'

/** The composed server: its life, and the ports it offers. */
export interface AllInOne extends Required<Lifecycle> {
  readonly ports: {
    readonly scheduler: ReturnType<typeof createScheduler>
    readonly jobs: ReturnType<typeof createJobManager>
    readonly catalog: Catalog
    readonly broker: ResourceBroker
    readonly media: MediaManager
    readonly devices: DeviceOperations
    readonly restores: RestoreService
    readonly mediaServer: MediaServer
  }
}

/** A master server, a media server and a client in one process. The order of the lines is the order of start. */
export function composeAllInOne(ground: Ground): AllInOne {
  const { database, files, clock, settings = {} } = ground
  const { maxJobsPerClient } = settings
  const perClient = maxJobsPerClient === undefined ? {} : { maxJobsPerClient }
  const channels = createLocalChannels({ clock })
  const jobStore = createJobStore({ store: database.sublevel('jobs'), clock })
  const log = jobStore

  const media = createMediaManager({ store: database.sublevel('emm'), clock, log })
  const broker = createResourceBroker({ media, store: database.sublevel('broker'), clock, log }, perClient)
  const catalog = createCatalog(
    { store: database.sublevel('catalog'), files, channels, clock, log },
    { directory: ground.imageDirectory },
  )
  catalog.on('image:damaged', ({ backupId, code, message }) =>
    ground.warn?.(
      `image ${backupId} is ${code === 'version-unsupported' ? 'left alone' : 'damaged'}: ${message}`,
    ),
  )
  const disk = createDiskStore(
    { files, clock, log, ...(ground.diskLock && { lock: ground.diskLock() }) },
    { storageUnit, directory: ground.diskDirectory, mediaServer: mediaServerName, mustExist: true },
  )
  const agent = createClientAgent(
    { channels, clock, log },
    {
      neverPaths: [ground.stateDirectory],
      restoreNotes: join(ground.stateDirectory, 'restores'),
      readerReady: ground.readerReady ?? false,
      ...clientScripts(settings),
    },
  )
  const catalogBackup = catalogBackupOf(ground, log)
  const client = catalogBackup === undefined ? agent : withSnapshots(agent, catalogBackup)
  const clients = { [clientName]: client }

  const mediaServers = new Map<string, ReturnType<typeof createMediaServer>>()
  const jobs = createJobManager({
    broker,
    catalog: withRecoveryFiles(ground.decorateCatalog?.(catalog) ?? catalog, () => writeRecovery),
    mediaServers,
    media,
    jobStore,
    clock,
  })
  const secondDisk = secondDiskOf(ground, log)
  const tape = composeTape(
    { media, log, files, clock, ...(ground.warn && { warn: ground.warn }) },
    {
      library: ground.tape,
      mediaServer: mediaServerName,
      storageUnit: tapeStorageUnit,
      stateDirectory: ground.stateDirectory,
      settings: settings.tape ?? {},
      maxFragmentBytes: ground.maxFragmentBytes,
    },
  )
  const { devices } = tape
  const diskStores = {
    [storageUnit]: disk,
    ...(secondDisk === undefined ? {} : { [secondStorageUnit]: secondDisk }),
  }
  const stores = { ...diskStores, ...tape.stores }
  const space = createSpaceReporter({ media, stores: diskStores, clock })
  const mediaServer = createMediaServer(
    { stores, clients, jobs, catalog, channels, clock, log, space },
    { name: mediaServerName },
  )
  mediaServers.set(mediaServerName, mediaServer)

  const scheduler = createScheduler(
    {
      jobs,
      catalog,
      clients: new Map(Object.entries(clients)),
      store: database.sublevel('scheduler'),
      clock,
      log,
    },
    { ...schedulerOptions(settings), ...perClient },
  )
  const loadReporter = createLoadReporter({ media, clock }, { mediaServer: mediaServerName })
  const roomMaker = createRoomMaker({ media, jobs, clock, ...(ground.warn && { warn: ground.warn }) })
  const notifiers = notifiersOf(settings, { jobs, jobLog: log, clock })
  const policyFiles = policyFilesOf(ground, { scheduler, media, clients: Object.keys(clients) })
  const restores = createRestoreService({
    catalog,
    jobs,
    mediaServers,
    clients: new Map(Object.entries(clients)),
    scheduler,
    channels,
    neededImages: createNeededImageFiles({ files, directory: join(ground.stateDirectory, 'needed-images') }),
    clock,
    log,
  })

  const writeRecovery =
    catalogBackup && recoveryWriter(scheduler, catalogBackup, ground.warn ?? (() => undefined))

  const disks: Lifecycle = {
    start: async () => {
      const { maxFragmentBytes, warn } = ground
      const ways = {
        mediaServer: mediaServerName,
        maxFragmentBytes,
        newDisks: settings.newDisks ?? [],
        takenDisks: settings.takenDisks ?? [],
        giveUp: (name: string) => giveUpStorageUnit({ catalog }, name),
        ...(warn && { warn }),
      }
      await startDisk(media, disk, ways)
      if (secondDisk !== undefined) await startDisk(media, secondDisk, { ...ways, onDemandOnly: true })
    },
    stop: async () => {
      await disk.stop()
      await secondDisk?.stop()
    },
  }
  const parts = [
    jobStore,
    media,
    catalog,
    disks,
    tape.life,
    broker,
    agent,
    mediaServer,
    loadReporter,
    space,
    // Before the jobs: it hears of those which the manager's start and stop end.
    ...notifiers,
    jobs,
    roomMaker,
    restores,
    // Before the scheduler: what went from the folder while nothing ran must not start.
    ...policyFiles,
    scheduler,
  ]
  return {
    ...lifecycle(...parts),
    ports: { scheduler, jobs, catalog, broker, media, devices, restores, mediaServer },
  }
}

/** What backs the catalog up, where it is asked for. */
function catalogBackupOf(
  { database, files, clock, imageDirectory, stateDirectory, diskDirectory, settings = {} }: Ground,
  log: JobLog,
): CatalogBackupParts | undefined {
  const { catalogBackup: directory, secondDisk } = settings
  if (directory === undefined) return undefined
  const folders = new Map([[storageUnit, diskDirectory]])
  if (secondDisk !== undefined) folders.set(secondStorageUnit, secondDisk)
  const units = async (name: string): Promise<{ readonly unitFolder: string } | undefined> => {
    const unitFolder = folders.get(name)
    return unitFolder === undefined ? undefined : { unitFolder }
  }
  const commands = {
    recover: 'npm start -- --recover',
    start: (folder: string) => `npm start -- --serve --state STATE --second-disk ${folder}`,
  }
  return { database, files, clock, log, imageDirectory, stateDirectory, directory, units, commands }
}

function secondDiskOf(
  { files, clock, settings, diskLock }: Ground,
  log: JobLog,
): ReturnType<typeof createDiskStore> | undefined {
  const directory = settings?.secondDisk
  if (directory === undefined) return undefined
  return createDiskStore(
    { files, clock, log, ...(diskLock && { lock: diskLock() }) },
    { storageUnit: secondStorageUnit, directory, mediaServer: mediaServerName, mustExist: true },
  )
}

function schedulerOptions({
  timeZone,
  tries,
  triesWithinMs,
  retryDelayMs,
}: ServerSettings): NonNullable<Parameters<typeof createScheduler>[1]> {
  return {
    ...(timeZone === undefined ? {} : { timeZone }),
    attempts: {
      ...(tries === undefined ? {} : { tries }),
      ...(triesWithinMs === undefined ? {} : { periodMs: triesWithinMs }),
      ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
    },
  }
}

/** The folder of policy files, where one is asked for; what is wrong in it is told. */
function policyFilesOf(
  { database, files, clock, settings = {}, warn }: Ground,
  known: Parameters<typeof warnOfUnknownNames>[1] & {
    readonly scheduler: ReturnType<typeof createScheduler>
  },
): Lifecycle[] {
  const { policyDirectory: directory, policyPollMs: pollMs } = settings
  if (directory === undefined) return []
  const store = database.sublevel('policy-files')
  const policies = createPolicyDirectory(
    { scheduler: known.scheduler, files, clock, store },
    { directory, ...(pollMs === undefined ? {} : { pollMs }) },
  )
  policies.on('directory:loaded', ({ applied, problems, warnings }) => {
    if (warn === undefined) return
    for (const line of describeProblems([...problems, ...warnings])) warn(`policy file ${line}`)
    warnOfUnknownNames(applied, known, warn).catch((error: unknown) =>
      warn(`whether the policies name what is there is not known: ${String(error)}`),
    )
  })
  const folder: Lifecycle = {
    start: async () => {
      if ((await files.stat(directory)) === undefined)
        warn?.(`policy folder ${directory} was not there; it is made, without any policy`)
    },
  }
  return [folder, policies]
}

function clientScripts({
  clientScripts: directory,
}: ServerSettings): NonNullable<Parameters<typeof createClientAgent>[1]> {
  return directory === undefined ? {} : { scripts: { directory } }
}

/** Tells the command that is asked for of jobs that failed. */
function notifiersOf(
  { onFailure }: ServerSettings,
  components: Parameters<typeof createJobNotifier>[0],
): Lifecycle[] {
  if (onFailure === undefined) return []
  return [createJobNotifier(components, { command: ['/bin/sh', '-c', onFailure] })]
}
