import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Measurement } from '../../alternate.ts'
import { freePorts } from '../../free-ports.ts'
import { leftovers } from '../../leftovers/leftovers.ts'
import { runToEnd } from '../../measured-process.ts'
import { type Tool, ensureTool } from '../../tools.ts'
import { cpuMsOf, peakBytesOf } from '../process-usage.ts'
import { baculaConfiguration } from './configuration.ts'
import { CatalogDatabase } from './database.ts'

/** What it takes: three daemons and a console, and its catalog in PostgreSQL. */
const programs: readonly Tool[] = (
  [
    // The catalog's driver first: the director would bring another one.
    { command: '/usr/share/bacula-director/make_postgresql_tables', package: 'bacula-director-pgsql' },
    { command: 'bacula-dir', package: 'bacula-director' },
    { command: 'bacula-sd', package: 'bacula-sd' },
    { command: 'bacula-fd', package: 'bacula-fd' },
    { command: 'bconsole', package: 'bacula-console' },
    { command: 'pg_ctlcluster', package: 'postgresql' },
  ] as const
).map((program) => ({ ...program, without: 'Bacula is not compared' }))

/** Whether all of Bacula is there, after installing what is missing where this process may. */
export async function ensureBacula(tell: (line: string) => void): Promise<boolean> {
  for (const program of programs) if (!(await ensureTool(program, tell))) return false
  return true
}

/** A Bacula site of its own on this host: director, storage daemon and file daemon, its catalog in PostgreSQL. */
export class BaculaSite {
  readonly #folder: string
  readonly #database: CatalogDatabase
  readonly #daemons: ChildProcess[] = []

  private constructor(folder: string, database: CatalogDatabase) {
    this.#folder = folder
    this.#database = database
  }

  /**
   * @param work - a folder on a disk; volumes and configuration lie below it
   * @param source - what is backed up
   */
  static async start(work: string, source: string): Promise<BaculaSite> {
    const folder = join(work, 'bacula')
    for (const name of ['work', 'volumes']) mkdirSync(join(folder, name), { recursive: true })
    const database = await CatalogDatabase.start()
    const site = new BaculaSite(folder, database)
    try {
      const [director, storage, file] = (await freePorts(3)) as [number, number, number]
      const configuration = baculaConfiguration({
        folder,
        source,
        databaseFolder: database.folder,
        databaseUser: database.user,
        ports: { director, storage, file },
      })
      for (const [name, text] of Object.entries<string>({ ...configuration }))
        writeFileSync(join(folder, `${name}.conf`), text)
      site.#startDaemon('bacula-sd', 'storage')
      site.#startDaemon('bacula-fd', 'file')
      site.#startDaemon('bacula-dir', 'director')
      await site.#untilReady()
    } catch (error) {
      await site.stop()
      throw error
    }
    return site
  }

  /** Runs one backup to its end, its volume synced; a job that ends otherwise than well rejects with what Bacula says. */
  async backUp(level: 'Full' | 'Differential'): Promise<Measurement> {
    const pids = [...this.#daemons.map(({ pid }) => pid as number), this.#database.pid]
    const before = cpuMsOf(pids)
    const alreadySaid = this.#messages().length
    const begun = process.hrtime.bigint()
    await this.#console(`run job=bench level=${level} yes`)
    await this.#untilEnded(alreadySaid)
    for (const volume of readdirSync(join(this.#folder, 'volumes')))
      await runToEnd('sync', [join(this.#folder, 'volumes', volume)])
    const wallMs = Number(process.hrtime.bigint() - begun) / 1e6
    const daemons = this.#daemons.map(({ pid }) => pid as number)
    return { wallMs, cpuMs: cpuMsOf(pids) - before, peakBytes: peakBytesOf(daemons) }
  }

  /** Forgets all backups and removes their volumes. */
  async reset(): Promise<void> {
    for (const volume of readdirSync(join(this.#folder, 'volumes'))) {
      await this.#console(`delete volume=${volume} yes`)
      rmSync(join(this.#folder, 'volumes', volume))
    }
  }

  /** Stops all and removes what is left. */
  async stop(): Promise<void> {
    for (const daemon of this.#daemons.reverse()) {
      if (daemon.exitCode !== null || daemon.signalCode !== null) continue
      const ended = once(daemon, 'close')
      daemon.kill('SIGTERM')
      await ended
    }
    await this.#database.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #startDaemon(program: string, configuration: string): void {
    const options = ['-f', '-P', '-c', join(this.#folder, `${configuration}.conf`)]
    const daemon = leftovers.own(spawn(program, options, { stdio: 'ignore' }), { outlives: true })
    daemon.once('error', () => undefined)
    this.#daemons.push(daemon)
  }

  /** The director listens some time after it has been started. */
  async #untilReady(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#console('status client=client')
        return
      } catch (error) {
        if (tries === 40) throw error
        await sleep(250)
      }
    }
  }

  async #untilEnded(alreadySaid: number): Promise<void> {
    for (;;) {
      const said = this.#messages().slice(alreadySaid)
      const termination = /^ {2}Termination: +(.*)$/m.exec(said)?.[1]
      if (termination === undefined) await sleep(5)
      else if (termination === 'Backup OK') return
      else throw new Error(`Bacula's job ended with ${termination}: ${said.slice(-2000)}`)
    }
  }

  #messages(): string {
    const file = join(this.#folder, 'messages')
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }

  #console(command: string): Promise<string> {
    return runToEnd('bconsole', ['-c', join(this.#folder, 'console.conf')], `${command}\nquit\n`)
  }
}
