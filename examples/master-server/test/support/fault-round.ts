import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Job } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import type { Ports } from '@nb/remote'
import type { Test } from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import type { NetworkFaults } from '../../../host-program/test/support/network.ts'
import { done, type NetworkSite } from './network-site.ts'
import { policyFile } from './policy-file.ts'
import { until } from './until.ts'

/** What befalls a site while jobs run. */
export interface Fault {
  readonly network?: NetworkFaults
  /** Hosts whose program is stopped by SIGSTOP, and goes on afterwards. */
  readonly stopped?: readonly string[]
}

/** A job that runs when the fault begins, and what it must come to. */
export interface FaultedJob {
  readonly kind: 'backup' | 'restore'
  readonly client: string
  /** The status of its try; each is true of this fault. */
  readonly ends: readonly number[]
  /** What it says of why, where it fails. */
  readonly why?: RegExp
}

/** A fault, and the jobs that it meets. */
export interface Round {
  readonly name: string
  readonly fault: Fault
  /** How long it lasts, milliseconds. @default until all jobs have come to an end */
  readonly forMs?: number
  /** Within what time from the fault on each job has come to its end, or, where it goes on, from the end of the fault on, milliseconds. */
  readonly withinMs: number
  readonly jobs: readonly FaultedJob[]
}

/** What a link to a client carries while jobs are to be met by a fault, bytes a second. */
const slowLink = 2_000_000
/** How much later than stated an end may be seen on a machine with other things to do, milliseconds. */
const busyMs = 20_000

/** How long anything is waited for, milliseconds; how long it may take is asserted apart. */
const longestMs = 200_000

/** Makes what a client has to back up, and its policy. */
export async function giveSource(site: NetworkSite, client: string): Promise<void> {
  const folder = sourceOf(site, client)
  mkdirSync(folder)
  for (let file = 0; file < 50; file++)
    writeFileSync(join(folder, `file-${file}`), Buffer.alloc(200_000, `${client} ${file} `))
  await givePolicy(site, client, { client, selection: '/srv/data' })
  done(await site.nb('backup', client, '--wait'))
}

/** A policy that runs by hand alone. */
export async function givePolicy(
  site: NetworkSite,
  name: string,
  { client, selection }: { readonly client: string; readonly selection: string },
): Promise<void> {
  const policy = { name, clients: [client], selection, storageUnit: 'disk-media1' }
  done(await site.nb('policy', 'import', policyFile(site.network.directory, policy)))
}

/** Plays a round: the jobs are under way, the fault comes, each job ends as it must; healed, each is done once more and succeeds. */
export async function playRound(
  t: Test,
  site: NetworkSite,
  ports: Ports,
  round: Round,
  moment: number,
): Promise<void> {
  const { fault, jobs } = round
  const slow = Object.fromEntries(jobs.map(({ client }) => [client, slowLink]))
  site.network.suffer({ slow })
  const begun = await Promise.all(
    jobs.map(async (job) => {
      const jobId = await begin(site, job)
      await dataFlows(ports, jobId)
      return { ...job, jobId }
    }),
  )
  await sleep(moment)
  t.comment(`${round.name}: ${moment} ms after the data began to flow`)
  const faultAt = performance.now()
  impose(site, { ...fault, network: { slow, ...fault.network } })
  let healedAt = Infinity
  const heal = (): void => {
    if (healedAt < Infinity) return
    impose(site, {})
    for (const host of fault.stopped ?? []) site.processOf(host).kill('SIGCONT')
    healedAt = performance.now()
  }
  const healing = round.forMs === undefined ? undefined : sleep(round.forMs).then(heal)
  await Promise.all(
    begun.map(async ({ jobId, client, kind, ends, why }) => {
      const { status, statusText = '' } = await outcome(ports, jobId)
      const tookMs = performance.now() - (round.forMs === undefined ? faultAt : healedAt)
      t.ok(ends.includes(status), `${kind} of ${client}: ${status} ${statusText}`)
      if (status > 1 && why !== undefined) t.match(statusText, why, `${kind} of ${client} says why`)
      t.ok(tookMs <= round.withinMs + busyMs, `${kind} of ${client}: it ended after ${Math.round(tookMs)} ms`)
      if (status > 1)
        t.match((await site.nb('job', jobId)).said, new RegExp(`\\b${status}\\b`), 'nb job tells the status')
    }),
  )
  await healing
  heal()
  for (const { jobId, kind, client } of begun) {
    if (kind === 'backup') await backUpAgain(t, site, ports, jobId, client)
    else await restoreAgain(t, site, ports, jobId, client)
  }
  await nothingIsLeft(t, site, ports)
}

function impose(site: NetworkSite, { network = {}, stopped = [] }: Fault): void {
  site.network.suffer(network)
  for (const host of stopped) site.processOf(host).kill('SIGSTOP')
}

async function begin(site: NetworkSite, { kind, client }: FaultedJob): Promise<string> {
  if (kind === 'restore') rmSync(targetOf(site, client), { recursive: true, force: true })
  const said = done(
    kind === 'backup' ? await site.nb('backup', client) : await site.nb(...restoreCommand(client)),
  )
  return /\bjob (\d+)/.exec(said)?.[1] ?? said
}

function restoreCommand(client: string): string[] {
  return [
    'restore',
    '/srv/data',
    '--client',
    client,
    '--to',
    '/srv/back',
    '--strip',
    '/srv/data',
    '--policy',
    client,
  ]
}

/** Resolves once a job moves data. */
export async function dataFlows({ jobs }: Ports, jobId: string): Promise<void> {
  await until(longestMs, `job ${jobId} moves data`, async () => {
    const lines = await collect(jobs.log({ jobId }))
    return lines.some(({ text }) => /^begin (writing|reading)/.test(text)) ? true : undefined
  })
}

/** How a try of a job has ended. */
export async function outcome(
  { jobs }: Ports,
  jobId: string,
): Promise<{ readonly status: number; readonly statusText?: string }> {
  return until(longestMs, `job ${jobId} ends a try`, async () => {
    const tries = await collect(jobs.attempts({ jobId }))
    const ended = tries.find(({ status }) => status !== undefined) ?? (await jobs.get({ jobId }))
    return ended?.status === undefined ? undefined : { ...ended, status: ended.status }
  })
}

async function backUpAgain(
  t: Test,
  site: NetworkSite,
  { jobs }: Ports,
  jobId: string,
  client: string,
): Promise<void> {
  let job = (await jobs.get({ jobId })) as Job
  if (job.state === 'waiting-for-retry') {
    done(await site.nb('suspend', jobId))
    done(await site.nb('resume', jobId))
    job = await jobs.wait({ jobId })
  } else if (job.status !== 0) {
    const again = await begin(site, { kind: 'backup', client, ends: [] })
    job = await jobs.wait({ jobId: again })
  }
  t.equal(job.status, 0, `the next backup of ${client} succeeds`)
}

async function restoreAgain(
  t: Test,
  site: NetworkSite,
  { jobs }: Ports,
  jobId: string,
  client: string,
): Promise<void> {
  const { status } = (await jobs.get({ jobId })) as Job
  if (status !== 0) {
    const said = done(await site.nb(...restoreCommand(client), '--if-exists', 'overwrite'))
    const again = await jobs.wait({ jobId: /\bjob (\d+)/.exec(said)?.[1] ?? '' })
    t.equal(again.status, 0, `the next restore of ${client} succeeds: ${again.statusText}`)
  }
  t.same(compareTrees(sourceOf(site, client), targetOf(site, client)), [], `${client} has back what it had`)
}

/** Nothing is held for nobody, and on the disk is what the catalog has. */
async function nothingIsLeft(t: Test, site: NetworkSite, { catalog }: Ports): Promise<void> {
  t.equal(done(await site.nb('orphans')), '', 'nothing is set aside for nobody')
  t.equal(done(await site.nb('queue')), '', 'nobody waits')
  const images = (await collect(catalog.listImages({}))).map(({ backupId }) => backupId).sort()
  const disk = join(site.network.folderOf('media1', 'srv'), 'disk')
  // What could not be removed during the fault is removed by whoever notices first that it is over.
  for (let tries = 0; tries < 100 && String(imagesOn(disk)) !== String(images); tries++) await sleep(100)
  t.same(imagesOn(disk), images, 'on the disk is what the catalog has')
}

/** The images of which a disk has anything. */
function imagesOn(disk: string): readonly string[] {
  const names = readdirSync(disk, { recursive: true, encoding: 'utf8' })
  return [...new Set(names.flatMap((name) => /web\d_\d+/.exec(name)?.[0] ?? []))].sort()
}

function sourceOf(site: NetworkSite, client: string): string {
  return join(site.network.folderOf(client, 'srv'), 'data')
}

function targetOf(site: NetworkSite, client: string): string {
  return join(site.network.folderOf(client, 'srv'), 'back')
}
