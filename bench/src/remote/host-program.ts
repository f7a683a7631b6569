import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, extname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { leftovers } from '../leftovers/leftovers.ts'
import { nodeFlags } from '../own-run.ts'

/** A program of the examples that is a host of a site. */
export type HostProgramName = 'master-server' | 'media-server' | 'client'

/** A host's program in a process of its own, once it runs. */
export class HostProgram {
  readonly #child: ChildProcess
  readonly #complaints: Promise<string>

  private constructor(child: ChildProcess, complaints: Promise<string>) {
    this.#child = child
    this.#complaints = complaints
  }

  /** Resolves when it says that it runs; rejects, with what it said, when it ends before. */
  static async start(name: HostProgramName, options: readonly string[]): Promise<HostProgram> {
    const child = leftovers.own(
      spawn(process.execPath, [...nodeFlags, ...process.execArgv, programOf(name), ...options], {
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
      { outlives: true },
    )
    const program = new HostProgram(child, text(child.stderr))
    const runs = once(child.stdout, 'data').then(() => true)
    const ended = once(child, 'exit').then(() => false)
    if (await Promise.race([runs, ended])) return program
    throw new Error(
      `${name} ended with ${child.exitCode ?? child.signalCode ?? '?'}: ${await program.#complaints}`,
    )
  }

  get pid(): number {
    return this.#child.pid as number
  }

  /** Ends it as an operator does. Idempotent. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await ended
  }
}

/** The main file beside what the example's package exports: built or source, as this process resolves packages. */
function programOf(name: HostProgramName): string {
  const compose = fileURLToPath(import.meta.resolve(`@nb/example-${name}/compose`))
  return join(dirname(compose), `main${extname(compose)}`)
}
