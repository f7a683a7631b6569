import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, closeSync, openSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { leftovers } from '../../leftovers/leftovers.ts'
import { runToEnd } from '../../measured-process.ts'

/** Where Debian keeps PostgreSQL's programs, a folder a version. */
const versions = '/usr/lib/postgresql'

/** Where Debian keeps the tables of Bacula's catalog. */
const tables = '/usr/share/dbconfig-common/data/bacula-director-pgsql/install/pgsql'

/** What the database takes on a disk, with its log of what is not in its tables yet. */
export const databaseBytes: number = 200 * 2 ** 20

/** How long the server may take until it listens. */
const startMs = 60_000

/** A cluster of PostgreSQL with Bacula's catalog in it, as it comes: every commit durable, reached by a socket only. */
export class CatalogDatabase {
  readonly user = 'postgres'
  /** Folder of the socket; in it all of the database. */
  readonly folder: string
  /** It refuses to run as root, so it runs as the user of the package then. */
  readonly #owner: Owner | undefined
  #server: ChildProcess | undefined

  private constructor() {
    this.#owner = ownerOf(this.user)
    // In the work directory, not in the bench's own folder: that one is closed to others.
    this.folder = leftovers.folder('db')
    if (this.#owner !== undefined) chownSync(this.folder, this.#owner.uid, this.#owner.gid)
  }

  /** Makes and starts one. */
  static async start(): Promise<CatalogDatabase> {
    const database = new CatalogDatabase()
    try {
      await database.#run('initdb', [
        ...['-D', database.#data, '-A', 'trust', '-U', database.user],
        ...['-E', 'SQL_ASCII', '--locale=C'],
      ])
      await database.#startServer()
      await database.#sql('postgres', `CREATE DATABASE bacula TEMPLATE template0 ENCODING 'SQL_ASCII'`)
      await database.#sql('bacula', readFileSync(tables, 'utf8'))
    } catch (error) {
      await database.stop()
      throw error
    }
    return database
  }

  /** The process above all others of the cluster. */
  get pid(): number {
    if (this.#server?.pid === undefined) throw new Error('the database does not run')
    return this.#server.pid
  }

  /** Stops it and removes all of it. */
  async stop(): Promise<void> {
    if (this.#server !== undefined && !hasEnded(this.#server)) {
      const ended = once(this.#server, 'exit')
      // At once, without bringing to the disk what is removed next.
      this.#server.kill('SIGQUIT')
      await ended
    }
    await leftovers.remove(this.folder)
  }

  get #data(): string {
    return join(this.folder, 'data')
  }

  async #startServer(): Promise<void> {
    const settings = ['-c', 'listen_addresses=', '-c', `unix_socket_directories=${this.folder}`]
    const log = openSync(this.#log, 'a')
    const server = spawn(postgresProgram('postgres'), ['-D', this.#data, ...settings], {
      ...this.#owner,
      cwd: this.folder,
      // In a session of its own, as its own programs start it: killed with all of a group it would leave its shared memory.
      detached: true,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    this.#server = leftovers.own(server, { stopSignal: 'SIGQUIT', outlives: true })
    for (const until = performance.now() + startMs; ; await sleep(50)) {
      if (hasEnded(server))
        throw new Error(`PostgreSQL ended: ${readFileSync(this.#log, 'utf8').slice(-2000)}`)
      try {
        await this.#sql('postgres', 'SELECT 1')
        return
      } catch (error) {
        if (performance.now() > until) throw error
      }
    }
  }

  get #log(): string {
    return join(this.folder, 'log')
  }

  #sql(name: string, text: string): Promise<void> {
    const connection = ['-h', this.folder, '-U', this.user, '-d', name]
    return this.#run('psql', ['-q', '-X', '-v', 'ON_ERROR_STOP=1', ...connection], text)
  }

  async #run(program: string, options: readonly string[], input = ''): Promise<void> {
    await runToEnd(postgresProgram(program), options, input, { ...this.#owner, cwd: this.folder })
  }
}

interface Owner {
  readonly uid: number
  readonly gid: number
}

/** Whom the server runs as, where it can't be this process's own user. */
function ownerOf(user: string): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${user}:`))
  if (line === undefined)
    throw new Error(`there is no user ${user}, whom the Debian package postgresql makes`)
  const [, , uid, gid] = line.split(':').map(Number)
  return { uid: uid as number, gid: gid as number }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

function postgresProgram(name: string): string {
  const newest = readdirSync(versions).sort((a, b) => Number(b) - Number(a))[0]
  if (newest === undefined) throw new Error(`no PostgreSQL is in ${versions}`)
  return join(versions, newest, 'bin', name)
}
