import {
  type Allocation,
  type BackupCheckpoint,
  type BackupSessionSpec,
  type Catalog,
  type ChannelTicket,
  type ClientAgent,
  type DataChannels,
  type FileListTotals,
  type Files,
  type ImageCopy,
  type ImageRecord,
  type JobLog,
  type JobLogLine,
  type JobProgress,
  type JobSessions,
  type MediaNeed,
  type MediaRequest,
  type MediaStore,
  NbError,
  type RestoreSessionSpec,
  type SessionReport,
  readChannel,
  systemFiles,
  toPath,
} from '@nb/contracts'
import type { FileRecord } from '@nb/formats'
import { createDiskStore } from '@nb/media-disk'
import { type ChannelTwins, createChannelTwins, createLocalChannels } from '@nb/remote'
import { type VirtualClock, createVirtualClock } from '@nb/test-kit'
import { type LocalMediaServer, type MediaServerOptions, createMediaServer } from '../../src/index.ts'
import { planOf } from './made-image.ts'
import { ScriptedClient } from './scripted-client.ts'

export const storageUnit = 'disk1'
export const client = 'web1'
export const backupId = 'web1_1767225600'

/** How the scripted job manager answers a request for media. */
export type GrantScript = 'grants' | 'denies' | 'holds' | NbError

/** A media server among scripted neighbours, on a real disk storage unit. */
export interface World {
  readonly server: LocalMediaServer
  readonly clock: VirtualClock
  /** Those of the media server's neighbours. */
  readonly channels: DataChannels
  readonly agent: ScriptedClient
  readonly store: MediaStore
  readonly directory: string
  /** The stores of further copies, by storage unit. */
  readonly further: Readonly<Record<string, MediaStore>>
  readonly lines: JobLogLine[]
  readonly reports: SessionReport[]
  readonly requests: MediaRequest[]
  readonly progress: JobProgress[]
  /** The checkpoints that the scripted job manager has noted. */
  readonly checkpoints: BackupCheckpoint[]
  /** File lists that the scripted catalog has been sent. */
  readonly lists: Map<string, Buffer>
  readonly sealed: string[]
  /** Images that the scripted catalog has, beside none. */
  readonly images: Map<string, ImageRecord>
  grants: GrantScript
  maxFragmentBytes: number
  /** Runs before the job manager notes a checkpoint. */
  noting: (checkpoint: BackupCheckpoint) => Promise<void>
  /** Runs before the catalog makes a list durable up to a checkpoint. */
  syncing: (totals: FileListTotals) => Promise<void>
  /** Runs before the catalog seals. */
  seal: () => Promise<void>
  /** Grants a request that was held. */
  readonly grant: (request: MediaRequest) => Promise<void>
  readonly backupSpec: (image?: Partial<ImageRecord>) => BackupSessionSpec
  readonly restoreSpec: (
    copies: readonly ImageCopy[],
    wanted: readonly FileRecord[],
  ) => Promise<RestoreSessionSpec>
  readonly report: (session: { readonly sessionId: string }) => Promise<SessionReport>
  /** Ends the media server, and its channels. */
  readonly end: () => Promise<void>
}

/** Options of {@link createWorld}. */
export interface WorldOptions extends MediaServerOptions {
  readonly files?: Files
  /** Goes on with what another one has left: its storage unit, its lists and its checkpoints. */
  readonly after?: Pick<World, 'directory' | 'lists' | 'checkpoints' | 'further'>
  /** Names of further storage units, and what wraps their stores. @default none */
  readonly furtherUnits?: Readonly<Record<string, (store: MediaStore) => MediaStore>>
  /** Wraps the disk store. */
  readonly wrapStore?: (store: MediaStore) => MediaStore
  readonly sessionEnded?: (report: SessionReport, count: number) => Promise<void>
  /** The media server is reached by its neighbours over TLS. @default by channels inside the process */
  readonly overTls?: boolean
  /** Instead of the scripted client. */
  readonly makeAgent?: (channels: DataChannels, log: JobLog) => ClientAgent
}

let nextDirectory = 0

export async function createWorld(root: string, options: WorldOptions = {}): Promise<World> {
  const {
    files = systemFiles(),
    wrapStore = (store) => store,
    sessionEnded,
    makeAgent,
    after,
    furtherUnits = {},
    overTls = false,
    ...serverOptions
  } = options
  const clock = createVirtualClock()
  const twins = overTls ? await createChannelTwins({ clock, nearName: client }) : localTwins(clock)
  const channels = twins.near
  const directory = after?.directory ?? `${root}/unit-${nextDirectory++}`
  const lines: JobLogLine[] = []
  const log = {
    append: async (input: { readonly lines: readonly JobLogLine[] }) => void lines.push(...input.lines),
  }
  const disk = createDiskStore({ files, clock, log }, { storageUnit, directory })
  await disk.start()
  const store = wrapStore(disk)
  const further: Record<string, MediaStore> = { ...after?.further }
  for (const [name, wrap] of Object.entries(furtherUnits)) {
    if (further[name] !== undefined) continue
    const place = { storageUnit: name, directory: `${directory}-${name}` }
    const disk = createDiskStore({ files, clock, log }, place)
    await disk.start()
    further[name] = wrap(disk)
  }
  const agent = new ScriptedClient(channels)
  const clientAgent = makeAgent?.(channels, log) ?? agent
  const reports: SessionReport[] = []
  const requests: MediaRequest[] = []
  const progress: JobProgress[] = []
  const checkpoints = after?.checkpoints ?? []
  const lists = after?.lists ?? new Map<string, Buffer>()
  const sealed: string[] = []
  const images = new Map<string, ImageRecord>()
  let ended = 0

  const jobs: JobSessions = {
    requestMedia: async (request) => {
      requests.push(request)
      if (world.grants instanceof NbError) throw world.grants
      // The answer comes over a connection of its own, after the acknowledgement.
      if (world.grants !== 'holds') setImmediate(() => void world.grant(request).catch(unlessEnded))
    },
    progress: async (input) => void progress.push(input.progress),
    checkpoint: async ({ checkpoint }) => {
      await world.noting(checkpoint)
      checkpoints.push(checkpoint)
    },
    sessionEnded: async ({ report }) => {
      ended += 1
      await sessionEnded?.(report, ended)
      reports.push(report)
    },
  }
  const catalog = scriptedCatalog(
    channels,
    lists,
    sealed,
    images,
    () => world.seal(),
    (totals) => world.syncing(totals),
  )
  const server = createMediaServer(
    {
      stores: { [storageUnit]: store, ...further },
      clients: { [client]: clientAgent },
      jobs,
      catalog,
      channels: twins.far,
      clock,
      log,
    },
    { name: 'media1', ...serverOptions },
  )
  const world: World = {
    server,
    clock,
    channels,
    agent,
    store,
    directory,
    further,
    lines,
    reports,
    requests,
    progress,
    checkpoints,
    lists,
    sealed,
    images,
    grants: 'grants',
    maxFragmentBytes: 2 ** 20,
    noting: async () => undefined,
    syncing: async () => undefined,
    seal: async () => undefined,
    grant: ({ sessionId, requestId, jobId, need }) =>
      server.grantMedia({
        sessionId,
        requestId,
        answer:
          world.grants === 'denies'
            ? { granted: false, status: 2001, text: 'no drive is free' }
            : { granted: true, allocation: grantOf(jobId, need, world.maxFragmentBytes) },
      }),
    backupSpec: (image) => backupSpecOf(image),
    restoreSpec: async (copies, wanted) => {
      const images = copies.map((copy) => ({ backupId, copy }))
      const plan = planOf([backupId, ...copies.slice(1).map((_, index) => `${backupId}${index}`)], wanted)
      return {
        jobId: '2',
        restoreId: 'restore-1',
        client,
        need: { kind: 'read', storageUnit },
        images,
        last: true,
        mediaPlan: await offer(channels, plan),
        clientPlan: { address: 'local:', token: 'not-used-by-the-scripted-client' },
        target: { root: toPath('/restore'), ifExists: 'fail' },
      }
    },
    report: (session) => server.waitSession(session),
    end: async () => {
      await server.stop()
      await twins.close()
    },
  }
  await server.start()
  return world
}

function localTwins(clock: VirtualClock): ChannelTwins {
  const channels = createLocalChannels({ clock })
  return { near: channels, far: channels, close: async () => undefined }
}

/** What a need and its further needs are granted: the storage units that they name. */
function grantOf(jobId: string, need: MediaNeed, maxFragmentBytes: number): Allocation {
  const first = allocationOf(jobId, need.kind, maxFragmentBytes)
  if (need.kind === 'read' || need.further === undefined) return first
  const further = need.further.map(({ storage }, index) => ({
    ...first,
    allocationId: `${first.allocationId}/${index + 2}`,
    storageUnit: storage.kind === 'any' ? storageUnit : storage.name,
  }))
  return { ...first, further }
}

/** A session that failed meanwhile does not take the answer any more. */
function unlessEnded(error: unknown): void {
  if (!(error instanceof NbError) || error.code !== 'session-unknown') throw error
}

export function allocationOf(jobId: string, purpose: 'read' | 'write', maxFragmentBytes: number): Allocation {
  return {
    allocationId: `allocation-${jobId}`,
    jobId,
    storageUnit,
    mediaServer: 'media1',
    purpose,
    medium: { kind: 'disk', maxFragmentBytes },
    since: 0,
  }
}

function backupSpecOf(image: Partial<ImageRecord> = {}): BackupSessionSpec {
  const roots = [toPath('/data')]
  return {
    jobId: '1',
    need: {
      kind: 'write',
      storage: { kind: 'unit', name: storageUnit },
      volumePool: 'none',
      retentionLevel: 0,
    },
    walk: { roots, exclude: [], include: [], crossMountPoints: false },
    image: {
      version: 1,
      backupId,
      state: 'in-progress',
      jobId: '1',
      client,
      policy: 'policy1',
      schedule: 'full',
      scheduleType: 'full',
      backupTime: 1_767_225_600_000,
      selections: roots,
      retentionLevel: 0,
      neededImages: [],
      copies: [],
      ...image,
    },
  }
}

/** A ticket whose channel gives these bytes. */
export async function offer(channels: World['channels'], bytes: Buffer): Promise<ChannelTicket> {
  const listener = await channels.listen()
  const send = async (): Promise<void> => {
    const channel = await listener.accept()
    await channel.write(bytes)
    await channel.end()
  }
  // Whoever takes it may give up.
  void send().catch((error: unknown) => {
    if (!(error instanceof NbError) || error.code !== 'channel-broken') throw error
  })
  return listener.ticket
}

/** A list after what is kept of an earlier one: its header is not taken twice. */
function continued(before: Buffer | undefined, list: Buffer): Buffer {
  if (before === undefined) return list
  if (list.length < 16 || list.length < list.readUInt32LE(12)) return before
  return Buffer.concat([before, list.subarray(list.readUInt32LE(12))])
}

function scriptedCatalog(
  channels: World['channels'],
  lists: Map<string, Buffer>,
  sealed: string[],
  images: ReadonlyMap<string, ImageRecord>,
  seal: () => Promise<void>,
  syncing: (totals: FileListTotals) => Promise<void>,
): Catalog {
  const used = {
    getImage: async ({ backupId: id }: { readonly backupId: string }) => images.get(id),
    syncFileList: async ({ totals }: { readonly totals: FileListTotals }) => syncing(totals),
    appendFileList: async ({
      backupId: id,
      after,
    }: {
      readonly backupId: string
      readonly after?: FileListTotals
    }) => {
      const listener = await channels.listen()
      const take = async (): Promise<void> => {
        const chunks: Buffer[] = []
        const before = after === undefined ? undefined : lists.get(id)?.subarray(0, after.bytes)
        try {
          const channel = await listener.accept()
          for await (const chunk of readChannel(channel)) {
            chunks.push(Buffer.from(chunk))
            lists.set(id, continued(before, Buffer.concat(chunks)))
          }
          lists.set(id, continued(before, Buffer.concat(chunks)))
          await channel.end()
        } catch (error) {
          if (!(error instanceof NbError) || error.code !== 'channel-broken') throw error
        }
      }
      void take()
      return { ticket: listener.ticket }
    },
    sealFileList: async ({ backupId: id }: { readonly backupId: string }) => {
      await seal()
      sealed.push(id)
    },
    readFileList: async ({ backupId: id }: { readonly backupId?: string }) => ({
      image: backupSpecOf().image,
      ticket: await offer(channels, Buffer.from(`the list of ${id}`)),
    }),
  }
  const refuse = new Proxy(used, {
    get: (target, name) => {
      if (Object.hasOwn(target, name)) return target[name as keyof typeof used]
      throw new TypeError(`a media session does not ask the catalog for ${String(name)}`)
    },
  })
  return refuse as unknown as Catalog
}
