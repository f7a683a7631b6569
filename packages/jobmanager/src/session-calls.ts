import { type MediaServer, type SessionInfo, NbError, asNbError } from '@nb/contracts'
import type { ManagerParts, MediaServers } from './components.ts'
import type { JobRecord } from './job-record.ts'
import { within } from './patience.ts'

/** The media server of a name. Throws `media-server-unknown`. */
export function mediaServerOf(servers: MediaServers, name: string): MediaServer {
  const server = servers.get(name)
  if (server !== undefined) return server
  throw unknownServer(name)
}

/** The typed error for a media server that nobody knows. */
export function unknownServer(name: string): NbError {
  return new NbError('media-server-unknown', `media server ${name} is not registered`, {
    details: { mediaServer: name },
  })
}

/** The sessions that live at a media server, or `undefined` when it can't be asked. */
export async function liveSessions(
  { mediaServers, clock, callTimeoutMs, log }: ManagerParts,
  name: string,
): Promise<readonly SessionInfo[] | undefined> {
  try {
    const server = mediaServerOf(mediaServers, name)
    const what = `sessions of media server ${name}`
    return await within(clock, callTimeoutMs, 'media-server-unreachable', what, (signal) =>
      server.sessions({}, { signal }),
    )
  } catch (error) {
    log.error('media server %s does not tell its sessions: %o', name, error)
    return undefined
  }
}

/** Ends one session. Answers whether nothing of it runs any more, as far as can be known. */
export async function endSession(
  { mediaServers, clock, callTimeoutMs, log }: ManagerParts,
  mediaServer: string,
  input: { readonly sessionId: string; readonly status: number; readonly reason: string },
): Promise<boolean> {
  try {
    const server = mediaServerOf(mediaServers, mediaServer)
    const what = `end of session ${input.sessionId}`
    await within(clock, callTimeoutMs, 'media-server-unreachable', what, (signal) =>
      server.endSession(input, { signal }),
    )
    return true
  } catch (error) {
    if (asNbError(error).code === 'session-unknown') return true
    log.error('session %s on media server %s was not ended: %o', input.sessionId, mediaServer, error)
    return false
  }
}

const maySessions: readonly JobRecord['phase'][] = ['imaged', 'running', 'registered']

/**
 * Ends every session of a job: the one it knows, and any that a media server knows of it (a start whose answer
 * was lost). A media server that can't be reached ends its session itself when it hears `session-unknown`.
 */
export async function endSessionsOf(
  parts: ManagerParts,
  record: JobRecord,
  end: { readonly status: number; readonly reason: string },
  knownSession?: string,
): Promise<void> {
  const { phase, mediaServer, id } = record
  if (!maySessions.includes(phase)) return
  const names =
    phase === 'registered' || mediaServer === undefined ? [...parts.mediaServers.keys()] : [mediaServer]
  await Promise.all(
    names.map(async (name) => {
      const live = (await liveSessions(parts, name)) ?? []
      const found = live.filter((session) => session.jobId === id).map(({ sessionId }) => sessionId)
      if (knownSession !== undefined && mediaServer === name && !found.includes(knownSession))
        found.push(knownSession)
      await Promise.all(found.map((sessionId) => endSession(parts, name, { sessionId, ...end })))
    }),
  )
}
