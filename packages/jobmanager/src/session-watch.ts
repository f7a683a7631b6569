import { type SessionReport, NbError, asNbError } from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import type { JobRecord } from './job-record.ts'
import { type MediaRequests, sessionOfHolding } from './media-requests.ts'
import { within } from './patience.ts'
import type { RunningJob } from './running-job.ts'
import { liveSessions, mediaServerOf } from './session-calls.ts'

/** What the watch needs. */
export interface SessionWatchParts extends ManagerParts {
  readonly requests: MediaRequests
  readonly running: ReadonlyMap<string, RunningJob>
  /** The jobs that are active: those that may have sessions. */
  readonly active: ReadonlySet<string>
}

/** Looks after sessions whose end was not told: a media server that died, a message that was lost. */
export interface SessionWatch {
  /** Begins to look every `sessionCheckMs` for as long as there is something to look after. */
  wake(): void
  /** Ends it, until it is woken again. */
  stop(): void
  /** Looks now. */
  check(): Promise<void>
  /** Since when a media server that runs sessions was found not to answer, by the clock; `undefined` for one that did when last asked. */
  silentSince(mediaServer: string): number | undefined
}

/** Makes the watch over the sessions of running jobs. */
export function createSessionWatch(parts: SessionWatchParts): SessionWatch {
  const { clock, running, requests, store, silenceMs, log } = parts
  const silentSince = new Map<string, number>()
  let cancel: (() => void) | undefined

  const tellSilence = (jobs: readonly RunningJob[], mediaServer: string): void => {
    const text = `media server ${mediaServer} does not answer; it is waited for, at most ${seconds(silenceMs)}`
    for (const job of jobs) job.say(text, { severity: 'warning', data: { mediaServer } })
  }
  const checkServer = async (mediaServer: string, { jobs, holders }: Watched): Promise<void> => {
    const live = await liveSessions(parts, mediaServer)
    if (live === undefined) {
      const since = silentSince.get(mediaServer) ?? clock.now()
      if (!silentSince.has(mediaServer)) tellSilence(jobs, mediaServer)
      silentSince.set(mediaServer, since)
      if (clock.now() - since >= silenceMs)
        for (const job of jobs) job.endWith(silent(mediaServer, since, clock.now()))
      return
    }
    const since = silentSince.get(mediaServer)
    silentSince.delete(mediaServer)
    if (since !== undefined)
      for (const job of jobs)
        job.say(`media server ${mediaServer} answers again after ${seconds(clock.now() - since)}`)
    const ids = new Set(live.map(({ sessionId }) => sessionId))
    for (const job of jobs) {
      const { sessionId } = job
      if (sessionId === undefined || ids.has(sessionId)) continue
      const report = await reportOf(parts, mediaServer, sessionId)
      if (report === undefined) job.endWith(killed(sessionId))
      else job.hear(report)
    }
    for (const { jobId, sessionId } of holders) {
      if (!ids.has(sessionId)) await requests.sessionOver(jobId, sessionId)
    }
  }
  const jobsInSession = function* (): Iterable<RunningJob> {
    for (const jobId of parts.active) {
      const job = running.get(jobId)
      if (job !== undefined) yield job
    }
  }
  const check = async (): Promise<void> => {
    // Whose sessions are looked for is settled before the media servers are asked: one that starts meanwhile is not missed.
    const servers = watchedSessions(store.registered(), jobsInSession())
    await Promise.all([...servers].map(([mediaServer, watched]) => checkServer(mediaServer, watched)))
  }
  const isNeeded = (): boolean =>
    running.size > 0 || [...store.registered()].some(({ sessionHoldings }) => sessionHoldings.length > 0)
  const arm = (): void => {
    cancel = clock.setTimer(parts.sessionCheckMs, () => {
      void check()
        .catch((error: unknown) => log.error('session check: %o', error))
        .finally(() => {
          if (cancel === undefined) return
          cancel = undefined
          if (isNeeded()) arm()
        })
    })
  }
  return {
    wake: () => {
      if (cancel === undefined) arm()
    },
    stop: () => {
      cancel?.()
      cancel = undefined
      silentSince.clear()
    },
    check,
    silentSince: (mediaServer) => silentSince.get(mediaServer),
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}

/** What is looked after at one media server: backups, and the sessions of registered jobs that hold media. */
interface Watched {
  readonly jobs: RunningJob[]
  readonly holders: { readonly jobId: string; readonly sessionId: string }[]
}

function watchedSessions(records: Iterable<JobRecord>, running: Iterable<RunningJob>): Map<string, Watched> {
  const servers = new Map<string, Watched>()
  const at = (name: string): Watched => {
    const watched = servers.get(name) ?? { jobs: [], holders: [] }
    servers.set(name, watched)
    return watched
  }
  for (const { id, sessionHoldings } of records) {
    for (const { key, value } of sessionHoldings) {
      at(value.allocation.mediaServer).holders.push({ jobId: id, sessionId: sessionOfHolding(key) })
    }
  }
  for (const job of running) {
    const { phase, session } = job.record
    if (phase === 'running' && session !== undefined) at(session.mediaServer).jobs.push(job)
  }
  return servers
}

/** The report of a session that does not live any more, or `undefined` when nobody knows it. */
export async function reportOf(
  { mediaServers, clock, callTimeoutMs, log }: ManagerParts,
  mediaServer: string,
  sessionId: string,
): Promise<SessionReport | undefined> {
  try {
    const server = mediaServerOf(mediaServers, mediaServer)
    const what = `report of session ${sessionId}`
    return await within(clock, callTimeoutMs, 'media-server-unreachable', what, (signal) =>
      server.waitSession({ sessionId }, { signal }),
    )
  } catch (error) {
    if (asNbError(error).code !== 'session-unknown') log.error('report of session %s: %o', sessionId, error)
    return undefined
  }
}

/** The reason of a job whose session is gone without a report. */
export function killed(sessionId: string | undefined): NbError {
  const which = sessionId === undefined ? 'the session' : `session ${sessionId}`
  return new NbError('session-killed', `${which} of the job is gone and left no report`)
}

function silent(mediaServer: string, since: number, now: number): NbError {
  const text = `media server ${mediaServer} can't be reached since ${seconds(now - since)}`
  return new NbError('media-server-unreachable', text, { details: { mediaServer, since } })
}
