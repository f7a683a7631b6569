import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Programs and the Debian packages they are in. */
const packages = { ip: 'iproute2', nft: 'nftables' } as const

/** Namespaces of tests begin with this; the id of the process that made them follows. */
const prefix = 'nb-test-'

/** A name for a namespace or a folder of this process. */
export function namespaceName(name: string): string {
  return `${prefix}${process.pid}-${name}`
}

/** Runs a program of the system; `undefined` where it is not installed. Throws what it says when it fails. */
function run(program: keyof typeof packages, args: readonly string[], input = ''): string | undefined {
  const { error, status, stdout, stderr } = spawnSync(program, args, {
    input,
    encoding: 'utf8',
    timeout: 30_000,
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  })
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') return undefined
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr.trim()}\n${input}`)
  return stdout
}

/** Commands of ip(8), in a namespace or, without one, where this process is. */
export function ip(commands: readonly string[], namespace?: string): string {
  const where = namespace === undefined ? [] : ['-n', namespace]
  return run('ip', [...where, '-batch', '-'], `${commands.join('\n')}\n`) ?? ''
}

/** Replaces all that nft(8) filters in a namespace. */
export function filter(rules: string, namespace: string): void {
  run('ip', ['netns', 'exec', namespace, 'nft', '-f', '-'], `flush ruleset\n${rules}\n`)
}

/** Runs a command that is none of ip(8) in a namespace. */
export function within(namespace: string, command: readonly string[]): void {
  run('ip', ['netns', 'exec', namespace, ...command])
}

/** Ends what still runs in a namespace, and removes it. */
export function removeNamespace(name: string): void {
  for (const pid of (run('ip', ['netns', 'pids', name]) ?? '').split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
  run('ip', ['netns', 'delete', name])
}

/** Removes what tests that were killed have left: namespaces, and folders with such names. */
export function removeLeftovers(): void {
  for (const name of namesIn('/run/netns')) if (isLeftover(name)) removeNamespace(name)
  for (const name of namesIn(tmpdir()))
    if (isLeftover(name)) rmSync(join(tmpdir(), name), { recursive: true, force: true })
}

function isLeftover(name: string): boolean {
  const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]
  return pid !== undefined && !isAlive(Number(pid))
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Why no network of namespaces can be made here, and what to do about it; `undefined` where it can. */
export function whyNoNetwork(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces are made by root alone: run the tests as root'
  for (const program of ['ip', 'nft'] as const)
    if (run(program, ['-V']) === undefined)
      return `${program} is not installed: apt-get install ${packages[program]}`
  const probe = namespaceName('probe')
  try {
    ip([`netns add ${probe}`])
  } catch (error) {
    return `no network namespace can be made (a container needs CAP_SYS_ADMIN for it): ${String(error)}`
  }
  try {
    ip(['link add probe0 type veth peer name probe1'], probe)
    filter(
      'table inet probe { chain in { type filter hook input priority 0; numgen random mod 2 < 1 drop; }; }',
      probe,
    )
    within(probe, ['sh', '-c', 'mount --bind /etc/hosts /etc/hosts && mount --bind /srv /var/lib'])
    return undefined
  } catch (error) {
    return `the kernel has no virtual links (veth), no nftables, or lets no folder be mounted: ${String(error)}`
  } finally {
    removeNamespace(probe)
  }
}
