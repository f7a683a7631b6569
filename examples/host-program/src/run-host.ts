import { asNbError, type Lifecycle, NbError } from '@nb/contracts'
import { exitCodeOf } from './exit-codes.ts'
import { tellSystemd } from './tell-systemd.ts'

/** What a program runs. */
export interface RunningHost extends Required<Lifecycle> {
  /** What it is and where, for the line that is told when it runs. */
  readonly told: string
  /** How the way to its master is, for the same line. @default it needs none */
  readonly firstWord?: () => Promise<string>
  /** Aborts when it can't go on: it is brought to its end, as far as that goes within 5 s. @default it always can */
  readonly failed?: AbortSignal
  /** Aborts when what it does can be written down no more: it ends at once, as if it had crashed, since a start recovers. @default it never does */
  readonly crashed?: AbortSignal
}

/**
 * Runs what is composed until a signal asks for its end. Sets the exit code; what goes wrong is told with its remedy. A service manager that waits for it is
 * told when it is ready.
 *
 * @param compose - gives what is to run
 * @param remedyOf - what to do about an error @default what its status says
 */
export async function runHost(
  compose: () => Promise<RunningHost>,
  remedyOf: (error: NbError) => string = ({ remedy }) => remedy,
): Promise<void> {
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
  })
  // All that a server waits with need not keep a process alive.
  const alive = setInterval(() => undefined, 2 ** 30)
  let host: RunningHost | undefined
  try {
    host = await compose()
    const { failed, crashed } = host
    const failure = Promise.race([aborted(failed), aborted(crashed)])
    const unlessFailed = async <Result>(work: Promise<Result>): Promise<Result | void> => {
      try {
        return await Promise.race([work, failure])
      } finally {
        // That is why, whatever came of it.
        crashed?.throwIfAborted()
        failed?.throwIfAborted()
      }
    }
    await unlessFailed(host.start())
    const word = await unlessFailed(host.firstWord?.() ?? Promise.resolve(undefined))
    const told = typeof word === 'string' ? `${host.told}; ${word}` : host.told
    console.log(`nb: ${told}; Ctrl-C ends it`)
    await tellSystemd(['READY=1', `STATUS=${told}`])
    await unlessFailed(asked)
    await tellSystemd(['STOPPING=1', 'STATUS=it brings what runs to its end'])
    await unlessFailed(host.stop())
  } catch (error) {
    const known = tellFailure(error, remedyOf)
    process.exitCode = exitCodeOf(known)
    await tellSystemd(['STOPPING=1', `STATUS=${known.message}`])
    if (host?.crashed?.aborted === true) process.exit()
    if (host?.failed?.aborted === true) void host.stop().catch(() => undefined)
  } finally {
    clearInterval(alive)
    // What can't be brought to its end in time does not hold up the end of the process.
    setTimeout(() => process.exit(), 5000).unref()
  }
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve()
    else signal?.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Does what a program does once, and ends. Sets the exit code; what goes wrong is told with its remedy. */
export async function runOnce(work: () => Promise<void>): Promise<void> {
  await work().catch((error: unknown) => {
    process.exitCode = exitCodeOf(tellFailure(error))
  })
}

function tellFailure(error: unknown, remedyOf: (error: NbError) => string = ({ remedy }) => remedy): NbError {
  const known = asNbError(error)
  console.error(`status ${known.status}: ${known.message}\n${remedyOf(known)}`)
  if (!(error instanceof NbError) && error instanceof Error) console.error(error.stack)
  return known
}
