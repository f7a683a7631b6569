import { type SessionReport, NbError, asNbError, describeStatus } from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import { isRemoving } from './job-view.ts'
import type { Ending, JobRecord } from './job-record.ts'
import { retrying } from './patience.ts'
import type { RunningJob } from './running-job.ts'
import { endSession, liveSessions, mediaServerOf } from './session-calls.ts'
import { reportOf } from './session-watch.ts'

/**
 * Takes off the client what an archive has saved: after step 15, because nothing may be removed that can't be restored,
 * before the resources go, and only where every copy that was asked for is made: whoever asks for two does not give up the
 * original for one. Asked again after a restart, which is the same removal to the media server. When it fails
 * the image stays, and the job's status says so: 3 when some or all was kept, 4 when the removal failed.
 */
export async function removeArchived(parts: ManagerParts, job: RunningJob): Promise<void> {
  const { store, clock } = parts
  const { record } = job
  const { ending } = record
  if (!isRemoving(record) || ending === undefined) return
  const missing = missingCopies(record)
  const outcome =
    missing.length > 0 ? withheld(job, ending, missing) : await outcomeOfRemoval(parts, job, ending)
  await store.apply(job.id, { kind: 'removed', at: clock.now(), ending: outcome })
}

/** Numbers of the copies that were asked for and are not made. */
function missingCopies({ backup, ending }: JobRecord): readonly number[] {
  const made = ending?.completion?.copies.map(({ copy }) => copy) ?? []
  return (backup?.schedule.copies ?? [{}]).map((_, index) => index + 1).filter((copy) => !made.includes(copy))
}

/** Tells that nothing is removed. */
function withheld(job: RunningJob, ending: Ending, missing: readonly number[]): Ending {
  const [which, are] = missing.length === 1 ? ['copy', 'is'] : ['copies', 'are']
  const why = `nothing was removed from the client, because ${which} ${missing.join(', ')} ${are} not made: ${ending.statusText}`
  job.say(why, { severity: 'warning', data: { removed: 0 } })
  return afterRemoval(ending, 3, why)
}

/** Removes, and tells how it went. Rejects only when the manager stops: the next start asks for it again. */
async function outcomeOfRemoval(parts: ManagerParts, job: RunningJob, ending: Ending): Promise<Ending> {
  parts.store.show(job.id, { operation: 'ending' })
  job.say('the image is saved: removing from the client what it holds')
  try {
    const { status, statusText, removed } = await removal(parts, job)
    const { removed: gone = 0, kept = 0 } = removed ?? {}
    const told = `removed ${gone} from the client, kept ${kept}`
    const severity = status === 0 ? 'info' : 'warning'
    job.say(`${told}; status ${describeStatus(status)}`, { severity, data: { removed: gone, kept } })
    return afterRemoval(ending, status, status === 0 ? told : `${told}: ${statusText}`)
  } catch (error) {
    const failure = asNbError(error)
    if (failure.code === 'manager-stopping') throw failure
    job.say(`the removal failed: ${failure.message}`, {
      severity: 'error',
      data: { code: failure.code },
    })
    return afterRemoval(ending, 4, failure.message)
  }
}

/** The status of an archive by that of its removal: 3 and 4 are told, any other failure is 4. */
export function afterRemoval(ending: Ending, status: number, text: string): Ending {
  if (status === 0) return ending
  return { ...ending, status: status === 3 ? 3 : 4, statusText: text }
}

/** Asks for the removal, again where its session was lost with its media server, and waits for its report. */
async function removal(parts: ManagerParts, job: RunningJob): Promise<SessionReport> {
  const { mediaServers, clock } = parts
  const { record, signal } = job
  const { id: jobId, client, backupId = '', mediaServer = '' } = record
  const end = (sessionId: string): void => {
    const { status, message } = signal.reason as NbError
    void endSession(parts, mediaServer, { sessionId, status, reason: message })
  }
  const ask = async (): Promise<SessionReport> => {
    const server = mediaServerOf(mediaServers, mediaServer)
    const start = () => server.startRemoval({ jobId, client, backupId }, { signal })
    const { sessionId } = await job.unlessEnded(start, (late) => end(late.sessionId))
    const over = new AbortController()
    const watched = AbortSignal.any([signal, over.signal])
    const lost = untilLost(parts, mediaServer, sessionId, watched)
    lost.catch(() => undefined)
    try {
      const report = server.waitSession({ sessionId }, { signal: watched })
      return await job.unlessEnded(() => Promise.race([report, lost]))
    } catch (error) {
      if (signal.aborted) end(sessionId)
      throw asNbError(error).code === 'session-unknown' ? gone() : error
    } finally {
      over.abort()
    }
  }
  return retrying(clock, 3, ask, signal)
}

/** Rejects when the session does not live any more and left no report, or its media server is silent for too long. */
async function untilLost(
  parts: ManagerParts,
  mediaServer: string,
  sessionId: string,
  signal: AbortSignal,
): Promise<never> {
  const { clock, sessionCheckMs, silenceMs } = parts
  let heardAt = clock.now()
  for (;;) {
    await clock.sleep(sessionCheckMs, { signal })
    const live = await liveSessions(parts, mediaServer)
    if (live === undefined) {
      if (clock.now() - heardAt < silenceMs) continue
      throw new NbError('media-server-unreachable', `media server ${mediaServer} does not answer`)
    }
    heardAt = clock.now()
    if (live.some((session) => session.sessionId === sessionId)) continue
    // It may have ended in this very moment: its report is asked for once more.
    if ((await reportOf(parts, mediaServer, sessionId)) === undefined) throw gone()
  }
}

function gone(): NbError {
  return new NbError('session-killed', 'the session of the removal is gone and left no report')
}
