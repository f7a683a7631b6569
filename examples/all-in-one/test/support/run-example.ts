import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** How a run of the example ended, with all it printed. */
export interface ExampleRun {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A run of the example in a process of its own. */
export interface RunningExample {
  readonly child: ChildProcess
  readonly ended: Promise<ExampleRun>
  /** Resolves when standard output matches; rejects when the process ends first. */
  printed(pattern: RegExp): Promise<void>
}

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** A new folder for one test, removed when all tests of the file have passed. */
export function scratch(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `nb-${name}-`))
  process.on('exit', (code) => {
    if (code === 0) rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

/**
 * Starts a program of this package from its sources, by default the example; `user` is the id of the user and group it
 * runs as, which only root can choose.
 */
export function startExample(args: readonly string[], program: string = main, user?: number): RunningExample {
  const child = spawn(process.execPath, ['--conditions=@nb/source', '--no-warnings', program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // What the test runner loads into every process writes into the project's folder, where another user may not.
    env: { ...process.env, NODE_OPTIONS: '' },
    ...(user === undefined ? {} : { uid: user, gid: user }),
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    stdout,
    stderr,
  }))
  const printed = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(stdout)) return
        child.stdout.off('data', look)
        resolve()
      }
      child.stdout.on('data', look)
      look()
      void ended.then((run) =>
        reject(new Error(`ended before it printed ${String(pattern)}:\n${run.stdout}\n${run.stderr}`)),
      )
    })
  return { child, ended, printed }
}

/** Runs the example to its end. */
export function runExample(...args: readonly string[]): Promise<ExampleRun> {
  return startExample(args).ended
}
