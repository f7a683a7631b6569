import { type ChildProcess, spawn } from 'node:child_process'
import type { Clock, NbError } from '@nb/contracts'
import type { ThreadSession } from '../thread-session.ts'

/** What is run, and how. */
export interface ScriptTask {
  /** Absolute path. */
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly clock: Pick<Clock, 'setTimer'>
  /** Takes what it writes to its standard output and error. */
  readonly onOutput: (bytes: Buffer) => void
}

/** How a script ended. */
export type ScriptEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: string }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'not-started'; readonly reason: string }

/** How long a script that is to end may take to do so by itself, and how long its output is waited for after its end. */
const graceMs = 2000

/**
 * Runs a script without a shell, as the leader of a process group of its own, so that it can be ended with all that it
 * has started. Aborting it ends all of that; the result then rejects with the reason.
 */
export function runScript(task: ScriptTask): ThreadSession<ScriptEnd> {
  const { clock, timeoutMs } = task
  const child = spawn(task.file, [...task.args], {
    cwd: '/',
    env: { ...task.env },
    detached: true,
    shell: false,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.on('data', task.onOutput)
  child.stderr.on('data', task.onOutput)
  let aborted: NbError | undefined
  let timedOut = false
  let ending: (() => void) | undefined
  let giveUp: (end: ScriptEnd) => void = () => undefined
  const givenUp = new Promise<ScriptEnd>((resolve) => (giveUp = resolve))
  const endAll = (): void => {
    if (ending !== undefined) return
    signalGroup(child, 'SIGTERM')
    ending = clock.setTimer(graceMs, () => {
      signalGroup(child, 'SIGKILL')
      // One that waits in the kernel for a file server that is gone can't be ended: it is left to itself.
      ending = clock.setTimer(graceMs, () => giveUp({ kind: 'killed', signal: 'SIGKILL' }))
    })
  }
  const cancelTimeout = clock.setTimer(timeoutMs, () => {
    timedOut = true
    endAll()
  })
  const ended = (async (): Promise<ScriptEnd> => {
    const end = await Promise.race([exitOf(child), givenUp])
    cancelTimeout()
    if (ending !== undefined) {
      ending()
      // Nobody of the group outlives it.
      signalGroup(child, 'SIGKILL')
    }
    await outputOf(child, clock)
    if (aborted !== undefined) throw aborted
    return timedOut ? { kind: 'timed-out' } : end
  })()
  ended.catch(() => undefined)
  return {
    result: ended,
    abort: (error) => {
      aborted ??= error
      endAll()
    },
  }
}

function exitOf(child: ChildProcess): Promise<ScriptEnd> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ kind: 'not-started', reason: error.message })
    })
    child.once('exit', (code, signal) =>
      resolve(code === null ? { kind: 'killed', signal: signal ?? 'unknown' } : { kind: 'exited', code }),
    )
  })
}

/** Waits for the rest of the output; not for a process that the script left behind and that still holds it open. */
async function outputOf(child: ChildProcess, clock: Pick<Clock, 'setTimer'>): Promise<void> {
  if (child.pid === undefined) return
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null)
  const closed = streams.map((stream) =>
    stream.closed ? Promise.resolve() : new Promise<void>((resolve) => stream.once('close', () => resolve())),
  )
  const cancel = clock.setTimer(graceMs, () => {
    for (const stream of streams) stream.destroy()
  })
  await Promise.all(closed)
  cancel()
}

function signalGroup({ pid }: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    // ESRCH: all have ended by themselves. EPERM: what has taken another user's rights is waited for like one that hangs.
    const { code } = error as { readonly code?: string }
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}
