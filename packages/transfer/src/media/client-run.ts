import {
  asNbError,
  type ChannelListener,
  type ClientAgent,
  type DataChannel,
  type ErrorRecord,
  NbError,
  type RunResult,
  fromErrorRecord,
} from '@nb/contracts'
import { orAborted } from './or-aborted.ts'
import type { Session } from './session.ts'

/** How long a client may take to tell why it broke its channel. */
const GRACE_MS = 2000

/** A reader or extractor that runs on a client for a session. */
export interface ClientRun {
  readonly client: ClientAgent
  readonly runId: string
  /** Its result; a run that failed rejects with its error. */
  readonly result: Promise<RunResult>
  /**
   * Ends it, after a failure of the session; the failure becomes the client's own where that came first. A client that lives and does not end it, as where its disk hangs,
   * is given up as any other that is silent: the run may go on there and reaches nothing here.
   */
  abort(): Promise<NbError>
}

/** Starts a run and waits for its result beside. */
export async function startRun(
  session: Session,
  client: ClientAgent,
  start: () => Promise<{ readonly runId: string }>,
): Promise<ClientRun> {
  const { runId } = await session.silence.forClient(start(), 41)
  const waiting = new AbortController()
  const finished = client.waitRun({ runId }, { signal: waiting.signal }).catch((error: unknown) => {
    throw runLost(session, error)
  })
  const result = session.task(orAborted(finished.then(succeeded), session.signal))
  const abort = (): Promise<NbError> =>
    abortRun(session, client, runId, finished).finally(() => waiting.abort())
  return { client, runId, result, abort }
}

/** Waits for a client to open the channel of its ticket. */
export async function acceptClient(session: Session, listener: ChannelListener): Promise<DataChannel> {
  const { signal } = session
  const channel = await session.silence.forClient(listener.accept({ signal }), 41)
  const abort = (): void => channel.abort(session.fail(signal.reason).message)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return channel
}

function succeeded(result: RunResult): RunResult {
  if (result.status <= 1) return result
  throw failureOf(result.status, result.error)
}

function failureOf(status: number, error: ErrorRecord | undefined): NbError {
  if (error !== undefined) return fromErrorRecord({ ...error, status })
  return new NbError('client-ended', `The client ended with status ${status} and gave no reason.`, { status })
}

/** A client that has started anew knows nothing of the runs of before. */
function runLost({ client }: Session, error: unknown): NbError {
  const failure = asNbError(error)
  if (failure.code !== 'session-unknown') return failure
  return new NbError(
    'client-ended',
    `The agent of client ${client} ended during the run: ${failure.message}`,
    {
      details: { client },
      cause: failure,
    },
  )
}

async function abortRun(
  session: Session,
  client: ClientAgent,
  runId: string,
  finished: Promise<RunResult>,
): Promise<NbError> {
  const { host, failure } = session
  const reason = failure ?? session.fail(new NbError('internal', 'a session was undone without a failure'))
  // A channel that breaks tells nothing; the client's own result tells why, or that nobody is there to tell.
  const own = reason.code === 'channel-broken' ? await inTime(host.clock, finished) : undefined
  try {
    await withinPatience(session, (signal) => client.abortRun({ runId, reason: reason.message }, { signal }))
  } catch (error) {
    host.logger.error('session %s: run %s could not be aborted: %o', session.info.sessionId, runId, error)
    if (error instanceof NotEnded)
      await session.note({ component: 'media-session', severity: 'warning', text: error.message })
  }
  if (own instanceof NbError) return own
  const failed = own !== undefined && own.status > 1 ? failureOf(own.status, own.error) : undefined
  // A client that says no more than that its channel broke has it from here.
  return failed === undefined || failed.code === 'channel-broken' ? reason : failed
}

/** The client did not end its run for as long as it may be silent. */
class NotEnded extends Error {}

async function withinPatience(
  { host: { clock, clientTimeoutMs }, client }: Session,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const late = new AbortController()
  const cancel = clock.setTimer(clientTimeoutMs, () =>
    late.abort(
      new NotEnded(
        `client ${client} did not end its part within ${clientTimeoutMs / 1000} s and is given up; look there for what hangs`,
      ),
    ),
  )
  try {
    await orAborted(work(late.signal), late.signal)
  } finally {
    cancel()
  }
}

async function inTime(
  clock: Session['host']['clock'],
  finished: Promise<RunResult>,
): Promise<RunResult | NbError | undefined> {
  return new Promise((resolve) => {
    const cancel = clock.setTimer(GRACE_MS, () => resolve(undefined))
    const told = (result: RunResult | NbError): void => {
      cancel()
      resolve(result)
    }
    finished.then(told, (error: unknown) => told(asNbError(error)))
  })
}
