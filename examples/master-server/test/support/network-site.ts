import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { runNb } from '@nb/cli'
import { systemClock } from '@nb/contracts'
import { createNetwork, type Network } from '../../../host-program/test/support/network.ts'
import { sourceEnvironment } from '../../../host-program/test/support/programs.ts'

/** A host of a site: its program, what else that is told, and what it is started by. */
export interface SiteHost {
  readonly role: 'master-server' | 'media-server' | 'client'
  readonly options?: readonly string[]
  /** Stands before the command, such as `faketime`. @default nothing */
  readonly by?: readonly string[]
}

/** What a command came to. */
export interface CommandRun {
  readonly code: number | null
  /** On standard output. */
  readonly said: string
  /** On standard error. */
  readonly notes: string
}

/** A master, media servers and clients, each a process on a host of its own. */
export interface NetworkSite {
  readonly network: Network
  /** The folder of a host's state. */
  readonly stateOf: (host: string) => string
  /** Starts the program of a host, which has enrolled; resolves once it serves. */
  readonly start: (host: string, by?: readonly string[]) => Promise<ChildProcess>
  /** The process of a host that was started last. */
  readonly processOf: (host: string) => ChildProcess
  /** What the programs of a host have said on their standard error. */
  readonly saidBy: (host: string) => string
  /** Runs a program of this repository on a host, by its file. */
  readonly run: (host: string, program: string, args: readonly string[]) => Promise<CommandRun>
  /** Runs `nb` at the master itself. */
  readonly nb: (...args: readonly string[]) => Promise<CommandRun>
}

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/**
 * Enrols and starts a site: one host is its master. Media servers have a disk `disk-NAME` in `/srv/disk`, known to the master. State is in
 * `/var/lib/nb`.
 */
export async function createNetworkSite(hosts: Readonly<Record<string, SiteHost>>): Promise<NetworkSite> {
  const network = createNetwork(Object.keys(hosts))
  const [master = ''] = Object.entries(hosts).find(([, { role }]) => role === 'master-server') ?? []
  const running = new Map<string, ChildProcess>()
  const said = new Map<string, string>()
  const stateOf = (host: string): string => join(network.folderOf(host, 'lib'), 'nb')

  const start: NetworkSite['start'] = async (host, by = hosts[host]?.by ?? []) => {
    const { role, options = [] } = hosts[host] as SiteHost
    const isMedia = role === 'media-server'
    const isNew = !said.has(host)
    if (isMedia) mkdirSync(join(network.folderOf(host, 'srv'), 'disk'), { recursive: true })
    const child = network.start(
      host,
      [
        ...[...by, process.execPath, join(root, 'examples', role, 'src/main.ts')],
        ...['--state', '/var/lib/nb', '--name', host, '--address', `${host}.example.org`],
        ...(host === master ? [] : ['--master', `${master}.example.org`]),
        ...(isMedia ? ['--disk', `disk-${host}=/srv/disk`] : []),
        ...(isMedia && isNew ? ['--new-disk', `disk-${host}`] : []),
        ...options,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], env: sourceEnvironment(network) },
    )
    running.set(host, child)
    said.set(host, said.get(host) ?? '')
    child.stderr?.on('data', (bytes: Buffer) => said.set(host, said.get(host) + bytes.toString()))
    const started = once(child.stdout!, 'data').then(() => true)
    if (!(await Promise.race([started, once(child, 'exit').then(() => false)])))
      throw new Error(`${host} ended: ${said.get(host)}`)
    return child
  }
  const run: NetworkSite['run'] = async (host, program, args) => {
    const child = network.start(host, [process.execPath, join(root, program), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: sourceEnvironment(network),
    })
    const both = Promise.all([text(child.stdout!), text(child.stderr!)])
    const [code] = (await once(child, 'exit')) as [number | null]
    const [said, notes] = await both
    return { code, said, notes }
  }
  const nb: NetworkSite['nb'] = async (...args) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const both = Promise.all([text(stdout), text(stderr)])
    const code = await runNb(['--socket', join(stateOf(master), 'nb.sock'), ...args], {
      ...{ env: {}, cwd: '/', stdout, stderr, clock: systemClock() },
      signal: new AbortController().signal,
    })
    stdout.end()
    stderr.end()
    const [said, notes] = await both
    return { code, said, notes }
  }

  await start(master)
  const others = Object.entries(hosts).filter(([name]) => name !== master)
  await Promise.all(
    others.map(async ([name, { role }]) => {
      const token = done(await nb('host', 'token', name, '--role', role))
      writeFileSync(join(network.folderOf(name, 'home'), 'token'), token, { mode: 0o600 })
      const place = ['--directory', '/var/lib/nb/identity', '--address', `${name}.example.org:13724`]
      const enrol = ['host', 'enrol', '--master', `${master}.example.org`, '--token-file', 'token', ...place]
      done(await run(name, 'packages/cli/src/main.ts', enrol))
      await start(name)
    }),
  )
  for (const [name, { role }] of others)
    if (role === 'media-server') done(await nb('storage', 'add', `disk-${name}`, '--media-server', name))
  return {
    ...{ network, stateOf, start, run, nb },
    processOf: (host) => running.get(host) as ChildProcess,
    saidBy: (host) => said.get(host) ?? '',
  }
}

/** What a command said that must have succeeded. */
export function done({ code, said, notes }: CommandRun): string {
  if (code === 0) return said
  throw new Error(`it ended with ${code}: ${said}${notes}`)
}
