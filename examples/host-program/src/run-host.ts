import { asNbError, type Lifecycle, NbError } from '@nb/contracts'
import { tellSystemd } from './tell-systemd.ts'

/**
 * Runs what is composed until a signal asks for its end. Sets the exit code; what goes wrong is told with its remedy. A service manager that waits for it is
 * told when it is ready.
 *
 * @param compose - gives the parts, the line that is told when they run, and a signal that aborts when it can't go on, as if it had crashed: a start recovers
 * @param remedyOf - what to do about an error @default what its status says
 */
export async function runHost(
  compose: () => Promise<Required<Lifecycle> & { readonly told: string; readonly failed?: AbortSignal }>,
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
    console.log(host.told)
    await tellSystemd(['READY=1', `STATUS=${host.told.replace(/; Ctrl-C ends it$/, '')}`])
    await Promise.race([asked, aborted(host.failed)])
    await tellSystemd(['STOPPING=1', 'STATUS=it brings what runs to its end'])
    await host.stop().catch((error: unknown) => {
      host.failed?.throwIfAborted()
      throw error
    })
    host.failed?.throwIfAborted()
  } catch (error) {
    const known = asNbError(error)
    console.error(`status ${known.status}: ${known.message}\n${remedyOf(known)}`)
    if (!(error instanceof NbError) && error instanceof Error) console.error(error.stack)
    process.exitCode = 1
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
