import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Ports } from '@nb/remote'
import t, { type Test } from 'tap'
import { whyNoNetwork } from '../../host-program/test/support/namespaces.ts'
import { dataFlows, givePolicy, giveSource, outcome } from './support/fault-round.ts'
import { createNetworkSite, done, type NetworkSite } from './support/network-site.ts'

const fileBytes = 64 * 2 ** 20
/** What the links carry, bytes a second: both jobs take a few seconds. */
const slowLink = 24 * 2 ** 20
/** Far less than the file, and more than a garbage collector leaves lying around for that long. */
const mostMoreMemory = 32 * 2 ** 20

/** A backup of a big file over a slow link, beside its restore to another client over another one: nobody reads ahead into memory. */
async function playSlowLink(t: Test, site: NetworkSite, ports: Ports): Promise<void> {
  const big = Buffer.alloc(fileBytes, 'a big file ')
  writeFileSync(join(site.network.folderOf('web1', 'srv'), 'big'), big)
  await givePolicy(site, 'big', { client: 'web1', selection: '/srv/big' })
  done(await site.nb('backup', 'big', '--wait'))
  site.network.suffer({ slow: { web1: slowLink, web2: slowLink } })
  const begun = [
    await site.nb('backup', 'big'),
    await site.nb(
      ...'restore /srv/big --client web1 --to-client web2 --to /srv/big-back --policy big'.split(' '),
    ),
  ].map((run) => /\bjob (\d+)/.exec(done(run))?.[1] ?? '')
  await Promise.all(begun.map((jobId) => dataFlows(ports, jobId)))
  // Those that read from a disk, far faster than the link carries.
  const hosts = ['web1', 'media1']
  const before = hosts.map((host) => memoryOf(site, host))
  const most = [...before]
  const ended = Promise.all(begun.map((jobId) => ports.jobs.wait({ jobId })))
  let over = false
  void ended.finally(() => (over = true))
  while (!over) {
    for (const [index, host] of hosts.entries())
      most[index] = Math.max(most[index] ?? 0, memoryOf(site, host))
    await sleep(100)
  }
  for (const [index, host] of hosts.entries()) {
    const more = (most[index] ?? 0) - (before[index] ?? 0)
    t.ok(more < mostMoreMemory, `${host} took ${Math.round(more / 2 ** 20)} MiB more`)
  }
  for (const { id, type, status, activeAt = 0, endedAt = 0 } of await ended) {
    t.equal(status, 0, `${type}, job ${id}`)
    t.ok(endedAt - activeAt > 2000, `the link was slow: it took ${endedAt - activeAt} ms`)
  }
  t.ok(readFileSync(join(site.network.folderOf('web2', 'srv'), 'big-back/srv/big')).equals(big))
  site.network.suffer({})
}

/** Resident memory of a host's program, bytes. */
function memoryOf(site: NetworkSite, host: string): number {
  const status = readFileSync(`/proc/${site.processOf(host).pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024
}

/** What libfaketime is loaded by, as its own command says. */
const preload = spawnSync('faketime', ['-f', '+0', 'sh', '-c', 'echo "$LD_PRELOAD"'], { encoding: 'utf8' })

/** Why no clock can be set wrong here; `undefined` where it can. */
function whyNoOtherClock(): string | undefined {
  return preload.status === 0 ? undefined : 'faketime is not installed: apt-get install faketime'
}

/** Hosts with clocks that are wrong: within an hour nothing is different, beyond the life of certificates it is refused and said why. */
async function playOtherClocks(t: Test, site: NetworkSite, ports: Ports): Promise<void> {
  const restart = async (host: string, skew?: string): Promise<void> => {
    const old = site.processOf(host)
    old.kill()
    await once(old, 'exit')
    const library = preload.stdout.trim().replace('libfaketime.so', 'libfaketimeMT.so')
    const other = [`LD_PRELOAD=${library}`, `FAKETIME=${skew}`, 'FAKETIME_DONT_FAKE_MONOTONIC=1']
    await site.start(host, skew === undefined ? [] : ['env', ...other])
  }
  const backup = async (): Promise<string> =>
    /\bjob (\d+)/.exec(done(await site.nb('backup', 'web1')))?.[1] ?? ''

  await restart('web1', '+1h')
  await restart('media1', '-1h')
  t.equal(
    (await ports.jobs.wait({ jobId: await backup() })).status,
    0,
    'two hours between client and media server',
  )
  const { said, code } = await site.nb(
    'restore',
    '/srv/data',
    '--client',
    'web1',
    '--to',
    '/srv/skewed',
    '--wait',
  )
  t.equal(code, 0, said)

  await restart('media1')
  await restart('web1', '+40d')
  const late = await outcome(ports, await backup())
  t.match(late, {
    status: 46,
    statusText: /web1 refuses the certificate that it was shown: it has expired; .*clock/,
  })
  await restart('web1')
  await restart('media1', '-40d')
  const early = await outcome(ports, await backup())
  t.match(early, { status: 46, statusText: /media1 refuses .*: it is not valid yet; correct the clock/ })
  await restart('media1')
  t.equal((await ports.jobs.wait({ jobId: await backup() })).status, 0, 'with right clocks all is well again')
}

t.test(
  'hosts with slow links, and with clocks of their own',
  { skip: whyNoNetwork() ?? false },
  async (t) => {
    const site = await createNetworkSite({
      backup1: { role: 'master-server' },
      media1: { role: 'media-server' },
      web1: { role: 'client' },
      web2: { role: 'client' },
    })
    t.teardown(site.network.remove)
    const ports = await connect({ socketPath: join(site.stateOf('backup1'), 'nb.sock') })
    await t.test('a link is slow: what is sent waits where it is read, and memory stays as it is', (t) =>
      playSlowLink(t, site, ports),
    )
    await t.test('clocks differ', { skip: whyNoOtherClock() ?? false }, async (t) => {
      await giveSource(site, 'web1')
      await playOtherClocks(t, site, ports)
    })
    ports.close()
  },
)
