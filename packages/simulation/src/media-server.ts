import {
  type BackupSessionSpec,
  type MediaServer,
  NbError,
  type RestoreSessionSpec,
  type SessionReport,
  asNbError,
  throwIfAborted,
} from '@nb/contracts'
import { runBackup } from './backup-run.ts'
import { runRestore } from './restore-run.ts'
import { Session } from './session.ts'
import { type MediaServerParts, type SessionWork, linkOfMediaServer } from './session-work.ts'

/** How long the report of an ended session is kept, milliseconds. */
const reportKeptMs = 3_600_000

/** Makes a media server whose sessions move no bytes but take the time, the throughput and the room that bytes would take. */
export function createSimulatedMediaServer(name: string, parts: MediaServerParts): MediaServer {
  const { clock, jobs, shelf } = parts
  /** Sessions that live, and those that have ended lately. */
  const known = new Map<string, Session>()
  /** Ended sessions in order of their ends. */
  let ended: { readonly sessionId: string; readonly key: string; readonly endedAt: number }[] = []
  let forgotten = 0
  const byKey = new Map<string, string>()
  let count = 0

  const begin = (
    kind: 'backup' | 'restore' | 'removal',
    key: string,
    { jobId, need }: Pick<BackupSessionSpec, 'jobId' | 'need'>,
    work: (session: Session) => Promise<Partial<SessionReport>>,
  ): { readonly sessionId: string } => {
    const before = byKey.get(key)
    if (before !== undefined) return { sessionId: before }
    forgetOld()
    const sessionId = `${name}-${++count}`
    const session = new Session({ sessionId, jobId, kind, startedAt: clock.now() }, need)
    known.set(sessionId, session)
    byKey.set(key, sessionId)
    void live(session, key, work)
    return { sessionId }
  }
  const live = async (
    session: Session,
    key: string,
    work: (session: Session) => Promise<Partial<SessionReport>>,
  ): Promise<void> => {
    const { sessionId, jobId, kind } = session.info
    const blank = {
      sessionId,
      jobId,
      kind,
      status: 0,
      statusText: 'done',
      warnings: 0,
      waitedForFullBuffer: 0,
      waitedForEmptyBuffer: 0,
    }
    const report: SessionReport = await work(session).then(
      (outcome) => ({ ...blank, ...outcome }),
      (error: unknown) => {
        const { code, message, status, retryable, details } = asNbError(error)
        const failure = { code, message, status, retryable, details }
        return { ...blank, status, statusText: message, error: failure }
      },
    )
    session.end()
    ended.push({ sessionId, key, endedAt: clock.now() })
    // A session that resumes and has failed is no answer to its request: a new one begins.
    if (report.status > 1 && key.startsWith('resumed ')) byKey.delete(key)
    await deliver(report)
    session.report(report)
  }
  /** A job manager that does not take a report asks for it by `sessions` and `waitSession`. */
  const deliver = async (report: SessionReport): Promise<void> => {
    for (let tries = 0; tries < 5; tries++) {
      try {
        return await jobs().sessionEnded({ report })
      } catch (error) {
        if (!asNbError(error).retryable) return
        await clock.sleep(1000)
      }
    }
  }
  const forgetOld = (): void => {
    const before = clock.now() - reportKeptMs
    for (let old = ended[forgotten]; old !== undefined && old.endedAt <= before; old = ended[forgotten]) {
      forgotten += 1
      known.delete(old.sessionId)
      if (byKey.get(old.key) === old.sessionId) byKey.delete(old.key)
    }
    if (forgotten < 1000) return
    ended = ended.slice(forgotten)
    forgotten = 0
  }
  const sessionOf = (sessionId: string): Session => {
    const session = known.get(sessionId)
    if (session === undefined)
      throw new NbError('session-unknown', `media server ${name} has no session ${sessionId}`)
    return session
  }
  const work: SessionWork = {
    ...parts,
    mediaServer: name,
    link: parts.network.link(linkOfMediaServer(name)),
  }
  return {
    startBackup: async (spec, options) => {
      throwIfAborted(options)
      return begin('backup', keyOfBackup(spec), spec, (session) => runBackup(work, session, spec))
    },
    startRestore: async (spec: RestoreSessionSpec, options) => {
      throwIfAborted(options)
      const key = `restore ${spec.jobId} ${spec.mediaPlan.token}`
      return begin('restore', key, spec, (session) => runRestore(work, session, spec))
    },
    startRemoval: async ({ jobId, backupId }, options) => {
      throwIfAborted(options)
      const need = { kind: 'read', storageUnit: '-' } as const
      // What an archive has saved is removed at once: it takes a client no time worth telling.
      return begin('removal', `removal ${jobId}`, { jobId, need }, async () => ({
        removed: { removed: shelf.filesOf(backupId), kept: 0 },
      }))
    },
    grantMedia: async ({ sessionId, requestId, answer }) => {
      const session = sessionOf(sessionId)
      if (!session.lives) throw new NbError('session-unknown', `session ${sessionId} has ended`)
      session.answer(requestId, answer)
    },
    endSession: async ({ sessionId, status, reason }) => {
      const session = sessionOf(sessionId)
      session.fail(new NbError(status === 150 ? 'job-cancelled' : 'session-killed', reason, { status }))
      await session.ended()
    },
    waitSession: async ({ sessionId }, options) => orAborted(sessionOf(sessionId).told(), options?.signal),
    sessions: async () => [...known.values()].filter(({ lives }) => lives).map(({ info }) => info),
    storedImages: async function* ({ storageUnit }, options) {
      throwIfAborted(options)
      yield* shelf.images(storageUnit)
    },
    continueCopy: async () => Promise.reject(noBytes()),
    volumeContents: async function* () {
      throw noBytes()
    },
    describeCopy: async () => Promise.reject(noBytes()),
    sendFileList: async () => Promise.reject(noBytes()),
    sendCopy: async () => Promise.reject(noBytes()),
    writeCopy: async function* () {
      throw noBytes()
    },
    verifyCopy: async function* () {
      throw noBytes()
    },
    removeImage: async ({ storageUnit, backupId, copy, unfinished = false }) => {
      // What stands on the shelf is whole.
      if (unfinished) return
      await shelf.remove(storageUnit, backupId, copy)
      await parts.room.tell(storageUnit)
    },
  }
}

function noBytes(): NbError {
  return new NbError('not-supported', 'what lies on simulated media has no bytes to be read')
}

function keyOfBackup({ jobId, image, resumeFrom }: BackupSessionSpec): string {
  const of = `${jobId} ${image.backupId}`
  return resumeFrom === undefined ? `backup ${of}` : `resumed ${of} ${resumeFrom.number}`
}

function orAborted<T>(what: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return what
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    what.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
