import { asNbError, type Lifecycle, NbError } from '@nb/contracts'
import { exitCodeOf } from './exit-codes.ts'
import { tellSystemd } from './tell-systemd.ts'

/** What a program runs. */
export interface RunningHost extends Required<Lifecycle> {
  /** What it is and where, for the line that is told when it runs. */
  readonly told: string
  /** How the way to its master is, for the same line. @default it needs none */
  readonly firstWord?: () => Promise<string>
  /** Aborts when it can't go on. @default it always can */
  readonly failed?: AbortSignal
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
  try {
    const host = await compose()
    await host.start()
    const word = await Promise.race([host.firstWord?.(), aborted(host.failed)])
    host.failed?.throwIfAborted()
    const told = typeof word === 'string' ? `${host.told}; ${word}` : host.told
    console.log(`nb: ${told}; Ctrl-C ends it`)
    await tellSystemd(['READY=1', `STATUS=${told}`])
    await Promise.race([asked, aborted(host.failed)])
    await tellSystemd(['STOPPING=1', 'STATUS=it brings what runs to its end'])
    await host.stop().catch((error: unknown) => {
      host.failed?.throwIfAborted()
      throw error
    })
    host.failed?.throwIfAborted()
  } catch (error) {
    process.exitCode = exitCodeOf(tellFailure(error, remedyOf))
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
