import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filter, ip, namespaceName, removeLeftovers, removeNamespace, within } from './namespaces.ts'

/** A way between two hosts, both directions of it. */
export type Way = readonly [string, string]

/** What is wrong with the network; all else of it is well. */
export interface NetworkFaults {
  /** Hosts whose cable is pulled: who speaks to them is told by the router that they can't be reached. */
  readonly unplugged?: readonly string[]
  /** Ways on which every packet vanishes, of which nobody is told: connections stay half open. */
  readonly silent?: readonly Way[]
  /** Of all packets between hosts this many in a hundred vanish. @default 0 */
  readonly lostPercent?: number
  /** Hosts whose link carries so many bytes a second, each way; the others' links are as fast as the machine. */
  readonly slow?: Readonly<Record<string, number>>
}

/** Starts a program on a host. */
export type StartOn = (host: string, command: readonly string[], options?: SpawnOptions) => ChildProcess

/** Hosts of a network of their own. */
export interface Network {
  /** All files of it are below. */
  readonly directory: string
  /** The IP address of a host. */
  readonly addressOf: (host: string) => string
  /** The folder that a host has as `/var/lib` (`lib`), `/srv` (`srv`) and to work in (`home`). */
  readonly folderOf: (host: string, which: 'lib' | 'srv' | 'home') => string
  /** Starts a program on a host: there the others have their names, `/var/lib` and `/srv` are its own, as is the folder it starts in. */
  readonly start: StartOn
  /** From now on the network has these faults and no others; none heal it. */
  readonly suffer: (faults: NetworkFaults) => void
  /** Kills what runs on the hosts and removes all. Also done when the process ends. Idempotent. */
  readonly remove: () => void
}

interface Host {
  readonly namespace: string
  readonly address: string
  /** Its end of the link, and the router's. */
  readonly link: { readonly here: string; readonly there: string }
  readonly folder: string
}

let networks = 0

/**
 * A network of hosts, each a network namespace with a link to a router between them. Hosts know one another as `NAME` and `NAME.example.org`. Nothing of
 * it reaches the network of the machine, and nothing is left behind: what a test that was killed has left is removed by the next.
 */
export function createNetwork(names: readonly string[]): Network {
  removeLeftovers()
  const number = (networks += 1)
  const directory = join(tmpdir(), namespaceName(`${number}`))
  const router = namespaceName(`${number}-router`)
  const hosts = new Map<string, Host>(
    names.map((name, index) => [
      name,
      {
        namespace: namespaceName(`${number}-${name}`),
        address: `10.77.${index}.2`,
        link: { here: 'eth0', there: `to${index}` },
        folder: join(directory, name),
      },
    ]),
  )
  const hostOf = (name: string): Host => {
    const host = hosts.get(name)
    if (host === undefined) throw new Error(`the network has no host ${name}`)
    return host
  }
  let isRemoved = false
  const remove = (): void => {
    if (isRemoved) return
    isRemoved = true
    process.off('exit', remove)
    for (const { namespace } of [{ namespace: router }, ...hosts.values()]) removeNamespace(namespace)
    rmSync(directory, { recursive: true, force: true })
  }
  process.once('exit', remove)

  mkdirSync(directory)
  const hostsFile = join(directory, 'hosts')
  const lines = [...hosts].map(([name, { address }]) => `${address} ${name}.example.org ${name}\n`)
  writeFileSync(hostsFile, ['127.0.0.1 localhost\n', ...lines].join(''))
  ip([`netns add ${router}`, ...[...hosts.values()].map(({ namespace }) => `netns add ${namespace}`)])
  within(router, ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
  for (const { namespace, address, link, folder } of hosts.values()) {
    const gateway = address.replace(/2$/, '1')
    ip([`link add ${link.here} netns ${namespace} type veth peer name ${link.there} netns ${router}`])
    ip([`addr add ${gateway}/24 dev ${link.there}`, `link set ${link.there} up`], router)
    ip(
      [
        ...['link set lo up', `addr add ${address}/24 dev ${link.here}`, `link set ${link.here} up`],
        `route add default via ${gateway}`,
      ],
      namespace,
    )
    for (const part of ['lib', 'srv', 'home']) mkdirSync(join(folder, part), { recursive: true })
  }

  const slowed = new Map<string, number | undefined>()
  const suffer = ({ unplugged = [], silent = [], lostPercent = 0, slow = {} }: NetworkFaults): void => {
    const dropped = silent.flatMap(([one, other]) => {
      const [a, b] = [hostOf(one).address, hostOf(other).address]
      return [`ip saddr ${a} ip daddr ${b} drop`, `ip saddr ${b} ip daddr ${a} drop`]
    })
    const lost = lostPercent > 0 ? [`numgen random mod 1000 < ${Math.round(lostPercent * 10)} drop`] : []
    const rules = [...dropped, ...lost].join('; ')
    filter(`table inet faults { chain way { type filter hook forward priority 0; ${rules}; }; }`, router)
    const plugs = [...hosts].map(
      ([name, { link }]) => `link set ${link.there} ${unplugged.includes(name) ? 'down' : 'up'}`,
    )
    ip(plugs, router)
    for (const [name, { namespace, link }] of hosts) {
      if (slow[name] === slowed.get(name)) continue
      slowed.set(name, slow[name])
      for (const [at, device] of [
        [namespace, link.here],
        [router, link.there],
      ] as const)
        within(at, ['tc', 'qdisc', ...queueOf(slow[name], device)])
    }
  }
  return {
    directory,
    addressOf: (host) => hostOf(host).address,
    folderOf: (host, which) => join(hostOf(host).folder, which),
    start: (host, [program = 'true', ...args], options = {}) => {
      const { namespace, folder } = hostOf(host)
      // Seen by this program and what it starts alone.
      const mounts = [
        [hostsFile, '/etc/hosts'],
        [join(folder, 'lib'), '/var/lib'],
        [join(folder, 'srv'), '/srv'],
      ].map(([from, to]) => `mount --bind '${from}' ${to}`)
      const prepare = [...mounts, 'exec "$0" "$@"'].join(' && ')
      return spawn('ip', ['netns', 'exec', namespace, 'sh', '-c', prepare, program, ...args], {
        cwd: join(folder, 'home'),
        ...options,
        env: {
          ...(options.env ?? process.env),
          HOME: join(folder, 'home'),
          PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
        },
      })
    },
    suffer,
    remove,
  }
}

/** What tc(8) is told so that a link carries so many bytes a second; as many as it can without a number. */
function queueOf(bytesPerSecond: number | undefined, device: string): readonly string[] {
  if (bytesPerSecond === undefined) return ['delete', 'dev', device, 'root']
  const rate = ['rate', `${bytesPerSecond * 8}bit`, 'burst', '64k', 'latency', '200ms']
  return ['replace', 'dev', device, 'root', 'tbf', ...rate]
}
