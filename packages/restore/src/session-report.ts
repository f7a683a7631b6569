import { type JobLogLine, type MediaServer, type SessionReport, NbError, asNbError } from '@nb/contracts'
import type { RestoreFlowComponents, RunningRestore } from './running-restore.ts'

/** How often a media server that is silent is asked whether it is back, at most, milliseconds. */
const askAgainMs = 10_000

/** Whether an error says no more than that nobody answered. */
export function isAway(error: unknown): boolean {
  const { code } = asNbError(error)
  return code === 'server-unreachable' || code === 'media-server-unreachable'
}

/**
 * The report of a session. Its media server may fall silent meanwhile, when the network is cut or it is stopped, and come back with the session, which
 * goes on without us. Rejects with `media-server-unreachable` when it does not within `silenceMs`, with what the media server says, and with
 * `job-cancelled` or the signal's reason for a restore that is to end while nobody answers.
 */
export async function reportOf(
  components: RestoreFlowComponents,
  restore: Pick<RunningRestore, 'jobId' | 'signal'>,
  mediaServer: MediaServer,
  sessionId: string,
): Promise<SessionReport> {
  for (;;) {
    try {
      return await mediaServer.waitSession({ sessionId })
    } catch (error) {
      if (!isAway(error)) throw error
      await untilBack(components, restore, mediaServer, asNbError(error))
    }
  }
}

async function untilBack(
  { clock, silenceMs, jobs, jobLog, log }: RestoreFlowComponents,
  { jobId, signal }: Pick<RunningRestore, 'jobId' | 'signal'>,
  mediaServer: MediaServer,
  failure: NbError,
): Promise<void> {
  const write = (severity: JobLogLine['severity'], text: string): Promise<void> =>
    jobLog
      .append({ jobId, lines: [{ time: clock.now(), component: 'restore', severity, text }] })
      .catch((error: unknown) => log.error('job log: %s', error))
  const since = clock.now()
  await write('warning', `${failure.message}; it is waited for, at most ${Math.round(silenceMs / 1000)} s`)
  for (;;) {
    await clock.sleep(Math.min(askAgainMs, silenceMs / 5), { signal })
    if ((await jobs.get({ jobId }))?.cancelRequested === true)
      throw new NbError('job-cancelled', `cancelled by an administrator; ${failure.message}`)
    try {
      await mediaServer.sessions({})
      break
    } catch (error) {
      if (!isAway(error)) throw error
      if (clock.now() - since >= silenceMs) throw failure
    }
  }
  await write('info', `the media server answers again after ${Math.round((clock.now() - since) / 1000)} s`)
}
