import {
  type ChannelTicket,
  type DataChannels,
  type MediaServer,
  type RestoreSessionSpec,
  type SessionReport,
  NbError,
  describeStatus,
  readChannel,
} from '@nb/contracts'
import { type FileRecord, FileListDecoder } from '@nb/formats'

/** A restore session that ends when, and as, the test says; or as `endSession` says. */
export interface ScriptedSession {
  readonly sessionId: string
  readonly spec: RestoreSessionSpec
  /** The plan for the media server or the client, as a session reads it, with the images the list names. */
  readPlan(which: 'mediaPlan' | 'clientPlan'): Promise<ReadPlan>
  /** Ends it. */
  end(status: number, restored?: SessionReport['restored']): void
  /** The media server forgets it, as one that was restarted does. */
  forget(): void
}

/** A plan that was read to its end. */
export interface ReadPlan {
  readonly images: readonly string[]
  readonly records: readonly FileRecord[]
}

/** A media server whose restore sessions do nothing but what a test says. */
export interface ScriptedMediaServer extends MediaServer {
  /** The sessions so far. */
  readonly started: readonly ScriptedSession[]
  /** The next session that starts, or one that no call has given yet. */
  nextSession(): Promise<ScriptedSession>
  /** Makes the next `startRestore` fail. */
  refuseNext(error: NbError): void
  /** Called before each `startRestore` answers. */
  onStart?: (spec: RestoreSessionSpec) => void
}

interface Running extends ScriptedSession {
  readonly report: Promise<SessionReport>
}

/** Makes one. Sessions are `s1`, `s2`, …; plans are read over `channels`. */
export function createScriptedMediaServer(channels: DataChannels): ScriptedMediaServer {
  const started: Running[] = []
  const waiting: ((session: ScriptedSession) => void)[] = []
  let given = 0
  let refusal: NbError | undefined
  const find = (sessionId: string): Running => {
    const found = started.find((session) => session.sessionId === sessionId)
    if (found === undefined) throw new NbError('session-unknown', `there is no session ${sessionId}`)
    return found
  }
  const server: ScriptedMediaServer = {
    started,
    nextSession: () => {
      const session = started[given]
      given += 1
      return session === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(session)
    },
    refuseNext: (error) => (refusal = error),
    startRestore: async (spec) => {
      const refused = refusal
      refusal = undefined
      if (refused !== undefined) throw refused
      server.onStart?.(spec)
      const session = newSession(`s${started.length + 1}`, spec, channels)
      started.push(session)
      waiting.shift()?.(session)
      return { sessionId: session.sessionId }
    },
    waitSession: async ({ sessionId }) => find(sessionId).report,
    endSession: async ({ sessionId, status }) =>
      started.find((each) => each.sessionId === sessionId)?.end(status),
    sessions: async () => [],
    startBackup: async () => Promise.reject(restoresOnly()),
    startRemoval: async () => Promise.reject(restoresOnly()),
    grantMedia: async () => Promise.reject(restoresOnly()),
    removeImage: async () => Promise.reject(restoresOnly()),
    storedImages: async function* () {
      throw restoresOnly()
    },
    continueCopy: async () => Promise.reject(restoresOnly()),
    volumeContents: async function* () {
      throw restoresOnly()
    },
    describeCopy: async () => Promise.reject(restoresOnly()),
    sendFileList: async () => Promise.reject(restoresOnly()),
    sendCopy: async () => Promise.reject(restoresOnly()),
    writeCopy: async function* () {
      throw restoresOnly()
    },
    verifyCopy: async function* () {
      throw restoresOnly()
    },
  }
  return server
}

function newSession(sessionId: string, spec: RestoreSessionSpec, channels: DataChannels): Running {
  let end!: (report: SessionReport) => void
  let fail!: (error: Error) => void
  const report = new Promise<SessionReport>((resolve, reject) => ([end, fail] = [resolve, reject]))
  report.catch(() => undefined)
  return {
    sessionId,
    spec,
    report,
    readPlan: (which) => readPlan(channels, spec[which]),
    forget: () => fail(new NbError('session-unknown', `there is no session ${sessionId}`)),
    end: (status, restored) =>
      end({
        sessionId,
        jobId: spec.jobId,
        kind: 'restore',
        status,
        statusText: describeStatus(status),
        warnings: status === 1 ? 1 : 0,
        ...(restored === undefined ? {} : { restored }),
        waitedForFullBuffer: 0,
        waitedForEmptyBuffer: 0,
      }),
  }
}

async function readPlan(channels: DataChannels, ticket: ChannelTicket): Promise<ReadPlan> {
  const channel = await channels.connect({ ticket })
  const decoder = new FileListDecoder()
  const records: FileRecord[] = []
  let images: readonly string[] = []
  for await (const chunk of readChannel(channel)) {
    decoder.push(chunk, {
      onHeader: (header) => (images = header.images),
      onRecord: (record) => void records.push(record),
    })
  }
  decoder.finish()
  await channel.end()
  return { images, records }
}

function restoresOnly(): NbError {
  return new NbError('not-supported', 'a scripted media server runs restore sessions only')
}
