import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runToEnd } from '../../measured-process.ts'

/** Where Debian keeps PostgreSQL's programs, a folder a version. */
const versions = '/usr/lib/postgresql'

/** Where Debian keeps the tables of Bacula's catalog. */
const tables = '/usr/share/dbconfig-common/data/bacula-director-pgsql/install/pgsql'

/** A cluster of PostgreSQL with Bacula's catalog in it, as it comes: every commit durable, reached by a socket only. */
export class CatalogDatabase {
  readonly user = 'postgres'
  /** Folder of the socket; beside it all of the database. */
  readonly folder: string
  readonly #data: string

  private constructor(folder: string) {
    this.folder = folder
    this.#data = join(folder, 'data')
  }

  /**
   * Makes and starts one. It refuses to run as root, so it runs as the user of the package then.
   *
   * @param work - a folder on the disk on which it shall lie
   */
  static async start(work: string): Promise<CatalogDatabase> {
    // Beside the bench's folder, not in it: that one is closed to others.
    const database = new CatalogDatabase(mkdtempSync(join(dirname(work), 'nb-bench-db-')))
    const owner = ownerOf(database.user)
    if (owner !== undefined) chownSync(database.folder, owner.uid, owner.gid)
    try {
      await database.#run('initdb', ['-A', 'trust', '-U', database.user, '-E', 'SQL_ASCII', '--locale=C'])
      await database.#control('start')
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
    return Number(readFileSync(join(this.#data, 'postmaster.pid'), 'utf8').split('\n')[0])
  }

  /** Stops it and removes all of it. */
  async stop(): Promise<void> {
    if (existsSync(join(this.#data, 'postmaster.pid'))) await this.#control('stop')
    rmSync(this.folder, { recursive: true })
  }

  async #control(what: 'start' | 'stop'): Promise<void> {
    const server = `-c listen_addresses= -c unix_socket_directories=${this.folder}`
    const options = what === 'start' ? ['-o', server, '-l', join(this.folder, 'log')] : ['-m', 'fast']
    await this.#run('pg_ctl', ['-s', '-w', what, ...options])
  }

  async #run(program: string, options: readonly string[]): Promise<void> {
    mkdirSync(this.folder, { recursive: true })
    const own = [postgresProgram(program), '-D', this.#data, ...options]
    const command = ownerOf(this.user) === undefined ? own : ['runuser', '-u', this.user, '--', ...own]
    await runToEnd(command[0] as string, command.slice(1), '', { cwd: this.folder })
  }

  async #sql(name: string, text: string): Promise<void> {
    const options = ['-q', '-X', '-v', 'ON_ERROR_STOP=1', '-h', this.folder, '-U', this.user, '-d', name]
    await runToEnd(postgresProgram('psql'), options, text)
  }
}

/** Whom the server runs as, where it can't be this process's own user. */
function ownerOf(user: string): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${user}:`))
  if (line === undefined)
    throw new Error(`there is no user ${user}, whom the Debian package postgresql makes`)
  const [, , uid, gid] = line.split(':').map(Number)
  return { uid: uid as number, gid: gid as number }
}

function postgresProgram(name: string): string {
  const newest = readdirSync(versions).sort((a, b) => Number(b) - Number(a))[0]
  if (newest === undefined) throw new Error(`no PostgreSQL is in ${versions}`)
  return join(versions, newest, 'bin', name)
}
