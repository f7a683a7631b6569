import {
  type Allocation,
  type BackupCheckpoint,
  type Clock,
  type CopyInBackup,
  type JobLog,
  type JobSessions,
  type MediaAnswer,
  type MediaNeed,
  type MediaServer,
  type SessionInfo,
  type SessionKind,
  type SessionReport,
  NbError,
  asNbError,
  isAbortError,
} from '@nb/contracts'

/** What a session of a {@link FakeMediaServer} does. */
export interface SessionScript {
  /** How it ends. @default 0 */
  readonly status?: number
  readonly statusText?: string
  /** How long its data flows, milliseconds; `Infinity` until it is ended. @default 1000 */
  readonly durationMs?: number
  /** Entries and bytes it moves. @default 3 and 3000 */
  readonly files?: number
  readonly bytes?: number
  /** Makes a list that does not agree with the counts. */
  readonly inconsistent?: boolean
  /** How many checkpoints it takes, evenly spread over its duration. @default 0 */
  readonly checkpoints?: number
  /** Makes it vanish at its end, without a report and without a trace. */
  readonly vanishes?: boolean
  /** Copies that are not made, of those that the backup was asked for. @default none */
  readonly missingCopies?: readonly number[]
  /** How the removal of what it saved goes, for an archive. @default all is removed in a second */
  readonly removal?: {
    readonly status?: number
    readonly durationMs?: number
    readonly removed?: number
    readonly kept?: number
  }
}

/** Which session of a job a script is for. */
export interface SessionFacts {
  /** How many backup sessions the job has had at this media server, this one included. */
  readonly nth: number
  /** From where it goes on. */
  readonly resumeFrom?: BackupCheckpoint
}

/** Whom sessions talk to. */
export type FakeSessionListener = Pick<JobSessions, 'requestMedia' | 'progress' | 'sessionEnded'> &
  Partial<Pick<JobSessions, 'checkpoint'>>

/** A removal writes nothing. */
const noNeed: MediaNeed = { kind: 'read', storageUnit: '-' }

/** Options of {@link createFakeMediaServer}. */
export interface FakeMediaServerOptions {
  /** Its name among media servers. */
  readonly name: string
  /** What its sessions run by. */
  readonly clock: Clock
  /** Where they leave their lines. */
  readonly log: JobLog
  /** Whom it reports to; `undefined` while that is away. */
  readonly jobs: () => FakeSessionListener | undefined
  /** What the session of a job does. @default it ends with 0 after a second */
  readonly script?: (jobId: string, session: SessionFacts) => SessionScript
}

/** A media server whose sessions move nothing but keep the port's obligations and can be made to fail. */
export interface FakeMediaServer extends MediaServer {
  readonly name: string
  /** The sessions that live. */
  readonly live: readonly SessionInfo[]
  /** Images with fragments here, by storage unit. */
  readonly stored: ReadonlyMap<string, ReadonlySet<string>>
  /** Puts fragments here that no session wrote. */
  store(storageUnit: string, backupId: string): void
  /** While set, every call fails with `media-server-unreachable` and nothing is reported. */
  unreachable: boolean
  /** Kills all sessions at once: no report, no trace. */
  crash(): void
}

interface SessionStart {
  readonly jobId: string
  readonly need: MediaNeed
  readonly resumeFrom?: BackupCheckpoint
  readonly copies?: readonly Pick<CopyInBackup, 'copy'>[]
}

interface Session {
  readonly info: SessionInfo
  readonly need: MediaNeed
  readonly backupId: string | undefined
  readonly resumeFrom: BackupCheckpoint | undefined
  readonly copies: readonly Pick<CopyInBackup, 'copy'>[]
  readonly ending: AbortController
  readonly answers: Map<string, (answer: MediaAnswer) => void>
  readonly report: Promise<SessionReport>
  readonly resolve: (report: SessionReport) => void
  /** Set when it was killed: it does nothing any more. */
  dead: boolean
}

/** Makes one. */
export function createFakeMediaServer(options: FakeMediaServerOptions): FakeMediaServer {
  const { name, clock, log, jobs, script = () => ({}) } = options
  const sessions = new Map<string, Session>()
  const ended = new Map<string, Promise<SessionReport>>()
  const stored = new Map<string, Set<string>>()
  const begun = new Map<string, number>()
  let count = 0
  let unreachable = false

  const reachable = (): void => {
    if (unreachable) throw new NbError('media-server-unreachable', `media server ${name} does not answer`)
  }
  const tell = async (session: Session, number: number, component: string, text: string): Promise<void> => {
    const { jobId, kind } = session.info
    const step = kind === 'removal' ? {} : { step: { flow: kind, number } }
    await log.append({
      jobId,
      lines: [{ time: clock.now(), component, severity: 'info', ...step, text }],
    })
    if (session.dead) await new Promise<never>(() => undefined)
  }
  const begin = (
    kind: SessionKind,
    { jobId, need, resumeFrom, copies = [{ copy: 1 }] }: SessionStart,
    backupId?: string,
  ): { readonly sessionId: string } => {
    const again = [...sessions.values()].find(
      ({ info }) => kind !== 'restore' && info.kind === kind && info.jobId === jobId,
    )
    if (again !== undefined) return { sessionId: again.info.sessionId }
    const sessionId = `${name}-${++count}`
    let resolve: (report: SessionReport) => void = () => undefined
    const report = new Promise<SessionReport>((set) => (resolve = set))
    const info = { sessionId, jobId, kind, startedAt: clock.now() }
    const session: Session = {
      info,
      need,
      backupId,
      resumeFrom,
      copies,
      ending: new AbortController(),
      answers: new Map(),
      report,
      resolve,
      dead: false,
    }
    sessions.set(sessionId, session)
    const nth = (begun.get(jobId) ?? 0) + (kind === 'backup' ? 1 : 0)
    begun.set(jobId, nth)
    void live(session, script(jobId, { nth, ...(resumeFrom === undefined ? {} : { resumeFrom }) }))
    return { sessionId }
  }

  /** A session's life: its work, its end, its report. */
  const live = async (session: Session, plan: SessionScript): Promise<void> => {
    const { sessionId } = session.info
    let report: SessionReport
    try {
      const work = { backup: backUp, restore, removal: remove }[session.info.kind]
      report = await work(session, plan)
    } catch (error) {
      const { code, message, status } = asNbError(isAbortError(error) ? session.ending.signal.reason : error)
      const failure = { code, message, status, retryable: false, details: {} }
      report = { ...blankReport(session), status, statusText: message, error: failure }
    }
    if (session.dead) return
    const told = deliver(session, report)
    sessions.delete(sessionId)
    ended.set(
      sessionId,
      told.then(() => report),
    )
    await told
    session.resolve(report)
  }
  const deliver = async (session: Session, report: SessionReport): Promise<void> => {
    for (let tries = 0; tries < 5 && !session.dead; tries++) {
      const manager = unreachable ? undefined : jobs()
      try {
        if (manager === undefined) throw new NbError('server-unreachable', 'nobody to report to')
        await manager.sessionEnded({ report })
        return
      } catch (error) {
        if (!asNbError(error).retryable) return
        await clock.sleep(1000)
      }
    }
  }
  const backUp = async (session: Session, plan: SessionScript): Promise<SessionReport> => {
    const { durationMs = 1000, files = 3, bytes = 3000, checkpoints = 0 } = plan
    const { status = 0, inconsistent = false } = plan
    await tell(session, 8, 'media-session', 'starting the reader and the media process')
    await tell(session, 9, 'media-writer', 'requesting media')
    const allocation = await askForMedia(session)
    await tell(session, 10, 'media-writer', `mounted ${allocation.storageUnit}`)
    const { backupId = '', resumeFrom } = session
    if (resumeFrom !== undefined && stored.get(allocation.storageUnit)?.has(backupId) !== true)
      throw new NbError('resume-impossible', `the fragments of ${backupId} are gone`)
    server.store(allocation.storageUnit, backupId)
    await tell(session, 11, 'media-session', 'sending file metadata')
    await tell(session, 12, 'media-writer', 'writing')
    await flow(session, { durationMs, files, bytes, checkpoints, storageUnit: allocation.storageUnit })
    if (plan.vanishes === true) await vanish(session)
    const { further = [] } = allocation
    const units = [allocation, ...further].map((each) => each.storageUnit)
    const copies = session.copies.flatMap(({ copy }, index) => {
      const storageUnit = units[index] ?? allocation.storageUnit
      return plan.missingCopies?.includes(copy) === true
        ? []
        : [{ copy, storageUnit, mediaServer: name, fragments: [] }]
    })
    const counts = {
      entries: files,
      storedEntries: files,
      bytes,
      streamBytes: bytes,
      warnings: status === 1 ? 1 : 0,
    }
    const fileList = { entries: inconsistent ? files + 1 : files, batches: 1, bytes: 100 }
    await tell(session, 13, 'media-session', 'all data is on the medium')
    const done = {
      ...blankReport(session),
      status,
      statusText: plan.statusText ?? 'done',
      warnings: counts.warnings,
    }
    return status > 1 ? done : { ...done, written: { counts, fileList, copies } }
  }
  const restore = async (session: Session, plan: SessionScript): Promise<SessionReport> => {
    const { durationMs = 1000, files = 3, bytes = 3000, status = 0 } = plan
    await tell(session, 6, 'media-session', 'starting the media process')
    await tell(session, 7, 'media-reader', 'requesting the medium')
    const asked = askForMedia(session)
    asked.catch(() => undefined)
    await tell(session, 8, 'media-session', 'starting the extractor')
    const allocation = await asked
    await tell(session, 12, 'media-reader', `mounted ${allocation.storageUnit}`)
    await tell(session, 13, 'media-reader', 'positioned')
    await tell(session, 14, 'media-reader', 'reading')
    await flow(session, { durationMs, files, bytes, checkpoints: 0, storageUnit: allocation.storageUnit })
    await tell(session, 15, 'media-session', 'all is restored')
    const restored = { entries: files, bytes, skipped: 0 }
    return { ...blankReport(session), status, statusText: plan.statusText ?? 'done', restored }
  }
  const remove = async (session: Session, { removal = {} }: SessionScript): Promise<SessionReport> => {
    const { durationMs = 1000, status = 0, removed = 3, kept = 0 } = removal
    await tell(session, 0, 'media-session', 'removing from the client what was saved')
    await clock.sleep(durationMs, { signal: session.ending.signal })
    const statusText = status === 0 ? 'done' : 'not all could be removed'
    return { ...blankReport(session), status, statusText, removed: { removed, kept } }
  }
  const askForMedia = async (session: Session): Promise<Allocation> => {
    const { need, info } = session
    const requestId = '1'
    const answered = new Promise<MediaAnswer>((resolve) => session.answers.set(requestId, resolve))
    const manager = jobs()
    if (manager === undefined || unreachable)
      throw new NbError('server-unreachable', 'nobody to ask for media')
    await manager.requestMedia({
      requestId,
      sessionId: info.sessionId,
      jobId: info.jobId,
      mediaServer: name,
      need,
    })
    const answer = await unlessEnded(session, answered)
    if (!answer.granted) throw new NbError('request-impossible', answer.text, { status: answer.status })
    return answer.allocation
  }
  const vanish = async (session: Session): Promise<never> => {
    session.dead = true
    sessions.delete(session.info.sessionId)
    return new Promise<never>(() => undefined)
  }
  const flow = async (session: Session, plan: DataFlow): Promise<void> => {
    const { durationMs, files, bytes, checkpoints } = plan
    const { sessionId, jobId } = session.info
    const { signal } = session.ending
    const from = session.resumeFrom?.counts ?? { storedEntries: 0, bytes: 0 }
    const steps = checkpoints === 0 ? 2 : checkpoints + 1
    for (let step = 1; step <= steps; step++) {
      if (durationMs === Infinity && (checkpoints === 0 || step === steps))
        await unlessEnded(session, new Promise<never>(() => undefined))
      await clock.sleep(durationMs === Infinity ? 1000 : durationMs / steps, { signal })
      const part = step / steps
      const progress = {
        files: from.storedEntries + Math.floor((files - from.storedEntries) * part),
        bytes: from.bytes + Math.floor((bytes - from.bytes) * part),
      }
      await tellManager((manager) => manager.progress({ sessionId, jobId, progress }))
      if (checkpoints === 0 || step === steps) continue
      const checkpoint = checkpointAt(session, step, progress, plan.storageUnit)
      await tellManager((manager) => manager.checkpoint?.({ sessionId, jobId, checkpoint }))
    }
  }
  const checkpointAt = (
    session: Session,
    step: number,
    { files, bytes }: { readonly files: number; readonly bytes: number },
    storageUnit: string,
  ): BackupCheckpoint => ({
    number: (session.resumeFrom?.number ?? 0) + step,
    takenAt: clock.now(),
    streamBytes: bytes,
    fileList: { entries: files, batches: 1, bytes: 100 },
    counts: { entries: files, storedEntries: files, bytes, streamBytes: bytes, warnings: 0 },
    copies: [{ copy: 1, storageUnit, mediaServer: name, fragments: [] }],
    position: String(files),
  })
  /** What the manager says does not matter to the session, unless it does not know it. */
  const tellManager = async (
    call: (manager: FakeSessionListener) => Promise<void> | undefined,
  ): Promise<void> => {
    const manager = unreachable ? undefined : jobs()
    if (manager === undefined) return
    await call(manager)?.catch((error: unknown) => {
      if (asNbError(error).code === 'session-unknown') throw error
    })
  }
  const server: FakeMediaServer = {
    name,
    startBackup: async (spec) => {
      reachable()
      return begin('backup', spec, spec.image.backupId)
    },
    startRestore: async (spec) => {
      reachable()
      return begin('restore', spec)
    },
    startRemoval: async ({ jobId, backupId }) => {
      reachable()
      return begin('removal', { jobId, need: noNeed }, backupId)
    },
    grantMedia: async ({ sessionId, requestId, answer }) => {
      reachable()
      const session = sessions.get(sessionId)
      if (session === undefined) throw new NbError('session-unknown', `no session ${sessionId}`)
      session.answers.get(requestId)?.(answer)
    },
    endSession: async ({ sessionId, status, reason }) => {
      reachable()
      const session = sessions.get(sessionId)
      if (session === undefined) return
      session.ending.abort(new NbError('session-killed', reason, { status }))
      while (sessions.has(sessionId)) await new Promise((resolve) => setImmediate(resolve))
    },
    waitSession: async ({ sessionId }) => {
      reachable()
      const session = sessions.get(sessionId)
      const report = session?.report ?? ended.get(sessionId)
      if (report === undefined) throw new NbError('session-unknown', `no session ${sessionId}`)
      return report
    },
    sessions: async () => {
      reachable()
      return [...sessions.values()].map(({ info }) => info)
    },
    storedImages: async function* ({ storageUnit }) {
      reachable()
      for (const backupId of stored.get(storageUnit) ?? [])
        yield { backupId, copy: 1, fragments: 1, bytes: 1 }
    },
    continueCopy: async ({ requestId }) => {
      reachable()
      throw new NbError('not-found', `nothing waits for a medium by ${requestId}`)
    },
    volumeContents: async function* () {
      throw new NbError('not-supported', 'volumes are only pretended')
    },
    describeCopy: async () => {
      throw new NbError('not-supported', 'fragments are only pretended')
    },
    sendFileList: async () => {
      throw new NbError('not-supported', 'fragments are only pretended')
    },
    sendCopy: async () => {
      throw new NbError('not-supported', 'fragments are only pretended')
    },
    writeCopy: async function* () {
      throw new NbError('not-supported', 'fragments are only pretended')
    },
    verifyCopy: async function* ({ backupId, copy }) {
      reachable()
      if (stored.get(copy.storageUnit)?.has(backupId) !== true)
        yield { kind: 'damage', code: 'fragment-missing', message: `${backupId} is not there` }
      yield { kind: 'verified', fragments: copy.fragments.length, bytes: 0, members: 0 }
    },
    removeImage: async ({ storageUnit, backupId, unfinished = false }) => {
      reachable()
      // What is stored here is whole.
      if (unfinished) return
      stored.get(storageUnit)?.delete(backupId)
    },
    get live() {
      return [...sessions.values()].map(({ info }) => info)
    },
    stored,
    store: (storageUnit, backupId) =>
      void stored.set(storageUnit, (stored.get(storageUnit) ?? new Set()).add(backupId)),
    get unreachable() {
      return unreachable
    },
    set unreachable(value) {
      unreachable = value
    },
    crash: () => {
      for (const session of sessions.values()) {
        session.dead = true
        session.ending.abort()
      }
      sessions.clear()
    },
  }
  return server
}

/** What a session moves. */
interface DataFlow {
  readonly durationMs: number
  readonly files: number
  readonly bytes: number
  readonly checkpoints: number
  readonly storageUnit: string
}

function blankReport({ info }: Session): SessionReport {
  const { sessionId, jobId, kind } = info
  return {
    sessionId,
    jobId,
    kind,
    status: 0,
    statusText: '',
    warnings: 0,
    waitedForFullBuffer: 7,
    waitedForEmptyBuffer: 2,
  }
}

function unlessEnded<T>({ ending }: Session, call: Promise<T>): Promise<T> {
  const { signal } = ending
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    call.then(resolve, reject)
  })
}
