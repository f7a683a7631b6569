import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** The programs of a site, by what they make of a host. */
export type Program = 'master-server' | 'media-server' | 'client'

/** What a process has open and takes up, as the kernel tells. */
export interface Footprint {
  /** Open file descriptors. */
  readonly files: number
  /** What they are. */
  readonly open: readonly string[]
  /** Those of them that are sockets. */
  readonly sockets: number
  /** Resident memory, bytes. */
  readonly memory: number
  /** Processes that it started and that live. */
  readonly children: number
}

/** One program of a site in a process of its own, which may be killed and started again on the same port and state. */
export class HostProcess {
  readonly name: string
  readonly port: number
  readonly #command: readonly string[]
  #child: ChildProcess | undefined
  #said = ''

  constructor(program: Program, name: string, port: number, options: readonly string[]) {
    this.name = name
    this.port = port
    const main = new URL(`../../../${program}/src/main.ts`, import.meta.url).pathname
    this.#command = [
      ...['--conditions=@nb/source', '--no-warnings', main, '--name', name],
      ...['--address', this.address, ...options],
    ]
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error(`${this.name} does not run`)
    return pid
  }

  /** All that it has said on standard error since it was made. */
  get said(): string {
    return this.#said
  }

  /** Whether it runs. */
  get runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when it says that it runs. `more` options are for this start alone. */
  async start(...more: readonly string[]): Promise<this> {
    // What the test runner loads into every process is none of its business.
    const env = { ...process.env, NODE_OPTIONS: '' }
    const child = spawn(process.execPath, [...this.#command, ...more], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    })
    this.#child = child
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#said += text))
    const started = once(child.stdout, 'data').then(() => true)
    const failed = once(child, 'close').then(() => false)
    if (await Promise.race([started, failed])) return this
    throw new Error(`${this.name} ended: ${this.#said}`)
  }

  /** Resolves when nothing of it is left. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === undefined || !this.runs) return
    const closed = once(child, 'close')
    child.kill(signal)
    await closed
  }

  /** Its exit code, once it has ended by itself. */
  async ended(): Promise<number | null> {
    const child = this.#child
    if (child === undefined) throw new Error(`${this.name} was never started`)
    if (this.runs) await once(child, 'close')
    return child.exitCode
  }

  footprint(): Footprint {
    const proc = `/proc/${this.pid}`
    const targets = readdirSync(`${proc}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`${proc}/fd/${fd}`)]
      } catch {
        // Closed since it was listed.
        return []
      }
    })
    const children = readFileSync(`${proc}/task/${this.pid}/children`, 'utf8').trim()
    const [, memory = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`${proc}/status`, 'utf8')) ?? []
    return {
      files: targets.length,
      open: targets,
      sockets: targets.filter((target) => target.startsWith('socket:')).length,
      memory: Number(memory) * 1024,
      children: children === '' ? 0 : children.split(' ').length,
    }
  }
}
