import { randomUUID } from 'node:crypto'
import {
  type BackupSessionSpec,
  type Catalog,
  type ClientAgent,
  type Clock,
  type DataChannels,
  type ErrorCode,
  type JobLog,
  type JobSessions,
  type Lifecycle,
  type Logger,
  type MediaServer,
  type MediaServerEvents,
  type MediaStore,
  NbError,
  asNbError,
  type Observable,
  type RestoreSessionSpec,
  type SessionInfo,
  type SessionReport,
  counted,
  createEmitter,
  debugLogger,
  describeStatus,
  throwIfAborted,
} from '@nb/contracts'
import { BLOCK_BYTES } from '@nb/formats'
import { runBackup } from './backup-session.ts'
import { MemoryPool } from '../memory-pool.ts'
import { type BlockRing, createBlockRing } from './block-ring.ts'
import { describeCopy, sendFileList, volumeContents } from './described-copy.ts'
import { orAborted } from './or-aborted.ts'
import { createReportCourier } from './report-courier.ts'
import { describeRemoval, runRemoval } from './removal-session.ts'
import { runRestore } from './restore-session.ts'
import { Session, type SessionHost } from './session.ts'
import { SessionRegister } from './session-register.ts'
import { sendCopy } from './send-copy.ts'
import { type SessionOutcome, failureReport, successReport } from './session-report.ts'
import type { SpaceReporter } from './space-reporter.ts'
import { verifyCopy } from './verify-copy.ts'
import { VolumeWaits } from './volume-waits.ts'
import { writeCopy } from './write-copy.ts'

/** Things by name: a record, or a function that answers `undefined` for a name it does not know. */
export type ByName<T> = Readonly<Record<string, T>> | ((name: string) => T | undefined)

/** What a media server works with. */
export interface MediaServerComponents {
  /** The media store of each storage unit of this host. */
  readonly stores: ByName<MediaStore>
  /** The agent of each client. */
  readonly clients: ByName<ClientAgent>
  readonly jobs: JobSessions
  readonly catalog: Catalog
  readonly channels: DataChannels
  readonly clock: Clock
  readonly log: JobLog
  /** Is told to tell the room of a storage unit when a session, a copy or a removal has changed it. @default nobody is told */
  readonly space?: Pick<SpaceReporter, 'tell'>
  /** @default debugLogger('nb:transfer:media-server') */
  readonly logger?: Logger
}

/** Options of a media server. */
export interface MediaServerOptions {
  /** Its name, as storage units refer to it. @default 'media' */
  readonly name?: string
  /** Bytes of a block between the media process and its child, 512–16777216. @default 262144 */
  readonly blockBytes?: number
  /** Blocks of a session's buffer, 2–4096; fewer, but 4, where many sessions run at once. @default 30 */
  readonly bufferBlocks?: number
  /** How long a client may be silent while it is waited for, milliseconds, from 1. @default 300000 */
  readonly clientTimeoutMs?: number
  /** How long the report of an ended session is kept, milliseconds, from 1. @default 3600000 */
  readonly reportKeptMs?: number
  /**
   * File-list bytes that a session keeps in memory for a fragment's trailer; from there on the fragment ends at the next
   * member's start. From 65536. @default 16777216
   */
  readonly mostFileListBytes?: number
}

/** A media server that runs in this process. */
export interface LocalMediaServer extends MediaServer, Required<Lifecycle>, Observable<MediaServerEvents> {}

/**
 * Makes a media server: sessions between clients and media, each with a media process (parent), its child at the
 * client's data, and a ring of blocks between. `stop` ends every session with status 63 and reports it.
 */
export function createMediaServer(
  components: MediaServerComponents,
  options: MediaServerOptions = {},
): LocalMediaServer {
  const { clock, jobs, logger = debugLogger('nb:transfer:media-server') } = components
  const host = hostOf(components, options, logger)
  const emitter = createEmitter<MediaServerEvents>(logger)
  const register = new SessionRegister(
    clock,
    atLeast('reportKeptMs', options.reportKeptMs ?? 3_600_000, 1, 2 ** 50),
  )
  const courier = createReportCourier({ jobs, clock, logger })
  const deliveries = new Set<Promise<void>>()
  const pool = new MemoryPool()
  let stopping = false

  /** Where many sessions run at once, those that begin later have smaller rings. */
  function ringSize(): { readonly blockBytes: number; readonly blocks: number } {
    const { blockBytes, bufferBlocks } = host
    return { blockBytes, blocks: pool.share(blockBytes, bufferBlocks, Math.min(bufferBlocks, LEAST_BLOCKS)) }
  }

  /** Starts a session, or finds the one that the same request has started. Its work goes on by itself. */
  function begin(
    kind: SessionInfo['kind'],
    start: {
      readonly jobId: string
      readonly client: string
      readonly key: string
      /** It tries again what an earlier session of the same key may have failed at. */
      readonly isRetry?: boolean
    },
    work: (session: Session, ring: BlockRing) => Promise<SessionOutcome>,
  ): { readonly sessionId: string } {
    const { jobId, client, key, isRetry = false } = start
    const known = register.startedBy(key)
    if (known !== undefined && !(isRetry && known.failed)) return { sessionId: known.info.sessionId }
    if (stopping) throw new NbError('manager-stopping', `Media server ${host.name} is stopping.`)
    const info = { sessionId: `${host.name}-${randomUUID()}`, jobId, kind, startedAt: clock.now() }
    const session = new Session(host, info, client)
    const size = kind === 'removal' ? noData : ringSize()
    const memory = pool.take(size.blockBytes * size.blocks)
    const ring = createBlockRing({ ...size, memory })
    const report = work(session, ring)
      .then(
        (outcome) => {
          // After a failure a write may still be under way from it: then it is left to the garbage collector.
          pool.giveBack(memory)
          return successReport(info, outcome, ring)
        },
        // What its work rejects with: a broken channel came first, but the client's own reason tells more.
        (error: unknown) => {
          pool.letGo(memory)
          return failureReport(info, asNbError(error), ring)
        },
      )
      .then(async (result) => {
        await tellEnd(session, result)
        register.end(entry, result.status > 1)
        emitter.emit('session:ended', result)
        return result
      })
    const told = report.then(async (result) => {
      const { attempted, done } = courier.deliver(result)
      deliveries.add(done)
      void done.finally(() => deliveries.delete(done))
      await attempted
      return result
    })
    const entry = register.add(session, key, { report, told })
    emitter.emit('session:started', info)
    return { sessionId: info.sessionId }
  }

  async function endSession(input: {
    readonly sessionId: string
    readonly status: number
    readonly reason: string
  }): Promise<void> {
    const entry = register.get(input.sessionId)
    const code = endCodes.get(input.status) ?? 'session-killed'
    entry.session?.end(new NbError(code, input.reason, { status: input.status }))
    await entry.report
  }

  const server: MediaServer & Required<Lifecycle> = {
    start: async () => void (stopping = false),
    stop: async () => {
      stopping = true
      const reason = `media server ${host.name} is stopping`
      await Promise.all(register.living().map(({ info }) => endSession({ ...info, status: 63, reason })))
      await Promise.all(register.all().map(({ told }) => told))
      courier.stop()
      await Promise.all(deliveries)
      register.close()
    },
    startBackup: async (spec, call) => {
      throwIfAborted(call)
      const { jobId, image } = spec
      const isRetry = spec.resumeFrom !== undefined
      const key = `backup ${jobId} ${image.backupId} ${spec.resumeFrom?.number ?? 0}`
      const start = { jobId, client: image.client, key, isRetry }
      return begin('backup', start, (...parts) => backupWork(spec, ...parts))
    },
    startRestore: async (spec, call) => {
      throwIfAborted(call)
      const { jobId, client, mediaPlan } = spec
      // A ticket is worth one connection, so it names the group of a restore for ever.
      const key = `restore ${jobId} ${mediaPlan.token}`
      return begin('restore', { jobId, client, key }, (...parts) => restoreWork(spec, ...parts))
    },
    startRemoval: async (spec, call) => {
      throwIfAborted(call)
      const { jobId, client } = spec
      return begin('removal', { jobId, client, key: `removal ${jobId}` }, (session) =>
        runRemoval(session, spec),
      )
    },
    grantMedia: async ({ sessionId, requestId, answer }) => {
      const { session } = register.get(sessionId)
      if (session === undefined) throw new NbError('session-unknown', `Session ${sessionId} has ended.`)
      session.answerMedia(requestId, answer)
    },
    endSession,
    waitSession: async ({ sessionId }, call) => orAborted(register.get(sessionId).told, call?.signal),
    sessions: async () => register.living().map(({ info }) => info),
    storedImages: async function* ({ storageUnit }, call) {
      yield* host.storeOf(storageUnit).storedImages(call)
    },
    continueCopy: ({ requestId, allocation }) => host.volumeWaits.give(requestId, allocation),
    volumeContents: (input, call) => volumeContents(host, input, call),
    verifyCopy: (input, call) => verifyCopy(host, input, call),
    sendCopy: (input, call) => sendCopy(host, input, call),
    writeCopy: (input, call) => writeCopy(host, input, call),
    describeCopy: (input, call) => describeCopy(host, input, call),
    sendFileList: (input, call) => sendFileList(host, input, call),
    removeImage: async ({ storageUnit, ...image }, call) => {
      const { fragments, bytes } = await host.storeOf(storageUnit).removeImage(image, call)
      logger('%s: image %s removed, %d fragments, %d bytes', storageUnit, image.backupId, fragments, bytes)
      await host.tellSpace({ storageUnit })
    },
  }
  return { ...server, on: emitter.on, once: emitter.once, off: emitter.off }
}

const endCodes: ReadonlyMap<number, ErrorCode> = new Map([
  [150, 'job-cancelled'],
  [157, 'job-suspended'],
])

/** Ends that somebody wanted. */
const wishes: ReadonlySet<ErrorCode> = new Set(endCodes.values())

/** Blocks that every ring of data has, where so many were asked for. */
const LEAST_BLOCKS = 4

/** The ring of a session that moves no data. */
const noData = { blockBytes: 512, blocks: 2 }

function backupWork(spec: BackupSessionSpec, session: Session, ring: BlockRing): Promise<SessionOutcome> {
  return runBackup(session, spec, ring)
}

function restoreWork(spec: RestoreSessionSpec, session: Session, ring: BlockRing): Promise<SessionOutcome> {
  return runRestore(session, spec, ring)
}

/** Step 13 of a backup, 15 of a restore: the session's last line. */
function tellEnd(session: Session, report: SessionReport): Promise<void> {
  const step = report.kind === 'backup' ? 13 : 15
  const component = 'media-session'
  if (report.error !== undefined) {
    const { code, message } = report.error
    const status = describeStatus(report.status)
    const why = status.endsWith(`: ${message}`) ? '' : `. ${message}`
    // What somebody wanted is no error.
    const severity = wishes.has(code) ? 'warning' : 'error'
    return session.note({ step, component, severity, text: `the session has ended with ${status}${why}` })
  }
  if (report.removed !== undefined) {
    const text = `${describeRemoval(report.removed)}; status ${describeStatus(report.status)}`
    return session.note({ component, text, severity: report.removed.kept > 0 ? 'warning' : 'info' })
  }
  const { written, restored } = report
  const what =
    written === undefined
      ? `${counted(restored?.entries ?? 0, 'entry', 'entries')} restored, ${restored?.skipped ?? 0} skipped; the medium is unmounted`
      : `${counted(written.counts.entries, 'entry', 'entries')}, ${written.counts.streamBytes} bytes of data: all written and durable`
  return session.note({ step, component, text: `${what}; status ${describeStatus(report.status)}` })
}

function hostOf(components: MediaServerComponents, options: MediaServerOptions, logger: Logger): SessionHost {
  const { stores, clients, jobs, catalog, channels, clock, log, space } = components
  const storeOf = lookup(stores)
  const clientOf = lookup(clients)
  const name = options.name ?? 'media'
  return {
    name,
    jobs,
    catalog,
    channels,
    clock,
    log,
    logger,
    tellSpace: async (input) => space?.tell(input),
    storeOf: (storageUnit) => {
      const store = storeOf(storageUnit)
      if (store !== undefined) return store
      throw new NbError('storage-unit-unknown', `Media server ${name} has no storage unit ${storageUnit}.`)
    },
    clientOf: (client) => {
      const agent = clientOf(client)
      if (agent !== undefined) return agent
      throw new NbError('client-unknown', `Media server ${name} knows no client ${client}.`)
    },
    blockBytes: atLeast('blockBytes', options.blockBytes ?? BLOCK_BYTES, 512, 2 ** 24),
    volumeWaits: new VolumeWaits(),
    bufferBlocks: atLeast('bufferBlocks', options.bufferBlocks ?? 30, 2, 4096),
    clientTimeoutMs: atLeast('clientTimeoutMs', options.clientTimeoutMs ?? 300_000, 1, 2 ** 50),
    mostFileListBytes: atLeast('mostFileListBytes', options.mostFileListBytes ?? 2 ** 24, 2 ** 16, 2 ** 31),
  }
}

function atLeast(name: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  throw new TypeError(`${name} must be a whole number from ${least} to ${most}, not ${value}`)
}

function lookup<T>(things: ByName<T>): (name: string) => T | undefined {
  if (typeof things === 'function') return things
  return (name) => (Object.hasOwn(things, name) ? things[name] : undefined)
}
