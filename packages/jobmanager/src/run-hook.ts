import { type ChildProcess, spawn } from 'node:child_process'
import { type Clock, NbError, asNbError } from '@nb/contracts'

/** One run of the command. */
export interface HookCall {
  readonly command: readonly [program: string, ...args: readonly string[]]
  /** Added to the environment. */
  readonly environment: Readonly<Record<string, string>>
  /** What it reads: the job as JSON. */
  readonly input: string
  readonly timeoutMs: number
}

/** How a run of the command ended: `code` is absent where a signal or the time limit ended it. */
export interface HookEnd {
  readonly code?: number
  readonly timedOut: boolean
  /** What it wrote, to both outputs, the first 64 KiB. */
  readonly output: string
}

/** Runs a command to its end. Rejects with a typed error when it could not be started. */
export type HookRunner = (call: HookCall) => Promise<HookEnd>

const mostOutputBytes = 65_536

/** Runs commands as processes of this host, each in a group of its own so that what it started is killed with it. */
export function hookRunner(clock: Clock): HookRunner {
  return ({ command: [program, ...args], environment, input, timeoutMs }) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        env: { ...process.env, ...environment },
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: true,
      })
      const output: Buffer[] = []
      let size = 0
      let timedOut = false
      const take = (chunk: Buffer): void => {
        if (size < mostOutputBytes) output.push(chunk.subarray(0, mostOutputBytes - size))
        size += chunk.length
      }
      const cancel = clock.setTimer(timeoutMs, () => {
        timedOut = true
        killGroup(child)
      })
      child.stdout.on('data', take)
      child.stderr.on('data', take)
      // A command need not read what it is given.
      child.stdin.on('error', () => undefined)
      child.stdin.end(input)
      child.on('error', (cause) => {
        cancel()
        const { message } = asNbError(cause)
        const text = `${program} could not be started: ${message}`
        reject(new NbError('internal', text, { cause, details: { program } }))
      })
      // What the command left running may hold its outputs: the end of the command itself is what counts.
      child.on('exit', (code) => {
        cancel()
        const text = (): string => Buffer.concat(output).toString('utf8')
        const done = (): void => resolve({ timedOut, output: text(), ...(code === null ? {} : { code }) })
        const late = clock.setTimer(1000, () => {
          child.stdout.destroy()
          child.stderr.destroy()
          done()
        })
        child.on('close', () => {
          late()
          done()
        })
      })
    })
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It has ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
