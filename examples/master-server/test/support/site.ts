import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { runNb } from '@nb/cli'
import { systemClock } from '@nb/contracts'
import { type HostIdentity, openHostIdentity, portsAt, type Ports } from '@nb/remote'
import { freePort } from '@nb/test-kit'
import { HostProcess } from './host-process.ts'

/** What a test offers for cleaning up. */
interface Teardown {
  teardown(end: () => Promise<void>): void
}

/**
 * A site of processes on this machine: a master, a media server with the disk `disk1` and clients, each with a port and an identity of its
 * own, and ann, an administrator.
 */
export interface Site {
  /** Everything of it is below. */
  readonly directory: string
  readonly master: HostProcess
  readonly media: HostProcess
  /** The folder of `disk1`. */
  readonly disk: string
  /** The ports of the master, as ann. */
  readonly ports: Ports
  /** The ports of another host, as ann. */
  readonly portsOf: (host: HostProcess) => Ports
  /** The ports of a host, as another host or person. */
  readonly portsAs: (host: HostProcess, identity: HostIdentity) => Ports
  /** A client; it does not run yet. */
  readonly client: (name: string) => Promise<HostProcess>
  /** A further media server, told these options beside what each is told; it does not run yet. */
  readonly mediaServer: (name: string, ...options: readonly string[]) => Promise<HostProcess>
  /** The folder of all state of a host or person. */
  readonly stateOf: (name: string) => string
  /** The identity of a host or person that has enrolled. */
  readonly identityOf: (name: string) => Promise<HostIdentity>
  /** Lets a host or person in, the whole way: a token of the master's administrator, and an enrolment with it. */
  readonly enrol: (name: string, role: string, port?: number) => Promise<void>
  /** What a command prints, run as ann; rejects when its exit code is not 0. */
  readonly nb: (...args: readonly string[]) => Promise<string>
}

/** Where a site's parts lie, when not in its own directory. */
export interface SitePlaces {
  /** @default below the site's directory */
  readonly disk?: string
  /** The master's state. @default below the site's directory */
  readonly masterState?: string
  /** Where the master leaves recovery files. @default its catalog is not backed up */
  readonly catalogBackup?: string
}

/** Starts master and media server; everything that runs is ended, and everything that was written removed, with the test. */
export async function openSite(t: Teardown, places: SitePlaces = {}): Promise<Site> {
  const directory = mkdtempSync(join(tmpdir(), 'nb-site-'))
  const processes: HostProcess[] = []
  const ends: (() => void)[] = []
  t.teardown(async () => {
    for (const end of ends) end()
    await Promise.all(processes.map((each) => each.kill()))
    rmSync(directory, { recursive: true })
  })
  const stateOf = (name: string): string =>
    name === 'master1' && places.masterState !== undefined ? places.masterState : join(directory, name)
  const made = (host: HostProcess): HostProcess => {
    processes.push(host)
    return host
  }
  const state = (name: string): readonly string[] => ['--state', stateOf(name)]
  const master = made(
    new HostProcess('master-server', 'master1', await freePort(), [
      ...state('master1'),
      ...(places.catalogBackup === undefined ? [] : ['--catalog-backup', places.catalogBackup]),
    ]),
  )
  const nb = async (...args: readonly string[]): Promise<string> => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const said = Promise.all([text(stdout), text(stderr)])
    const code = await runNb(args, {
      env: { NB_MASTER: master.address, NB_IDENTITY: join(stateOf('ann'), 'identity') },
      cwd: directory,
      stdout,
      stderr,
      clock: systemClock(),
      signal: new AbortController().signal,
    })
    stdout.end()
    stderr.end()
    const [result, notes] = await said
    if (code !== 0) throw new Error(`nb ${args.join(' ')}: ${result}${notes}`)
    return result
  }
  const enrol = async (name: string, role: string, port?: number): Promise<void> => {
    const token = join(directory, `${name}.token`)
    writeFileSync(token, await nb(...state('master1'), 'host', 'token', name, '--role', role), {
      mode: 0o600,
    })
    const address = port === undefined ? [] : ['--address', `127.0.0.1:${port}`]
    const identity = join(stateOf(name), 'identity')
    await nb('host', 'enrol', '--token-file', token, '--directory', identity, ...address)
  }
  const identityOf = (name: string): Promise<HostIdentity> =>
    openHostIdentity({
      clock: systemClock(),
      directory: join(stateOf(name), 'identity'),
      // A test is over long before anything is to be renewed.
      enrolment: { renew: never, revocations: never },
    })
  const disk = places.disk ?? stateOf('disk')
  mkdirSync(disk, { recursive: true })
  const toMaster = ['--master', master.address]
  const media = made(
    new HostProcess('media-server', 'media1', await freePort(), [
      ...[...state('media1'), ...toMaster, '--disk', `disk1=${disk}`],
    ]),
  )
  await master.start()
  await enrol('ann', 'administrator')
  await enrol('media1', 'media-server', media.port)
  await media.start('--new-disk', 'disk1')
  await nb('storage', 'add', 'disk1', '--media-server', 'media1')
  const ann = await identityOf('ann')
  const portsAs = ({ address, name }: HostProcess, identity: HostIdentity): Ports => {
    const connection = portsAt({ address, identity, expect: { name } })
    ends.push(connection.close)
    return connection
  }
  const portsOf = (host: HostProcess): Ports => portsAs(host, ann)
  return {
    ...{ directory, master, media, disk, stateOf, identityOf, enrol, nb, portsAs, portsOf },
    ports: portsOf(master),
    client: async (name) => {
      const client = made(new HostProcess('client', name, await freePort(), [...state(name), ...toMaster]))
      await enrol(name, 'client', client.port)
      return client
    },
    mediaServer: async (name, ...options) => {
      const told = [...state(name), ...toMaster, ...options]
      const server = made(new HostProcess('media-server', name, await freePort(), told))
      await enrol(name, 'media-server', server.port)
      return server
    },
  }
}

function never(): Promise<never> {
  return Promise.reject(new Error('a test does not ask for this'))
}
