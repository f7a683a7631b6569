import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { numberSetting, seededRandom } from '@nb/test-kit'
import t from 'tap'
import { snapshotTree } from '../../all-in-one/test/support/site.ts'
import { otherThanMasterAway } from './support/complaints.ts'
import { policyFile } from './support/policy-file.ts'
import { openSite } from './support/site.ts'
import { until } from './support/until.ts'
import { assertNoLeak, assertRestores, assertSound, endOfTry, submitRestore } from './support/sound.ts'

const isLong = process.env['NB_LONG'] === '1'
const seed = numberSetting('NB_SEED', 1)
/** Who is killed, at what. */
const everyFault = (['client', 'master', 'media'] as const).flatMap((victim) => [
  { victim, during: 'backup' as const },
  { victim, during: 'restore' as const },
])
const faults = isLong
  ? everyFault
  : everyFault.filter(({ victim, during }) => (victim === 'media') === (during === 'restore'))
const rounds = isLong ? 10 : 1
/** How long it may take until a job tells of a host that died, milliseconds: hosts.md. */
const toldWithinMs = 25_000
t.setTimeout(rounds * 240_000)

/** What a job may end with, by who was killed at what. */
const truths: Readonly<Record<string, RegExp>> = {
  'client backup': /^(23|50|58) .*(web1|channel)/,
  'client restore': /^(23|50|58) .*(web1|channel)/,
  'media backup': /^63 .*session/,
  'media restore': /^(63|2826) .*(session|media1)/,
  'master backup': /^(23|25|63|0) /,
  'master restore': /^63 /,
}

t.test(`hosts are killed at ${rounds} × ${faults.length} random moments (seed ${seed})`, async (t) => {
  t.comment(
    `seed ${seed}, ${rounds} rounds of ${faults.length} kills; the full count is 10 (npm run test:long)`,
  )
  const random = seededRandom(seed)
  const site = await openSite(t)
  const { directory, master, media, nb, ports } = site
  const client = await (await site.client('web1')).start()
  const hosts = { client, master, media }
  const source = join(directory, 'source')
  mkdirSync(source)
  for (let at = 0; at < 15; at++) writeFileSync(join(source, `big-${at}`), Buffer.alloc(4 << 20, `${at} `))
  const policy = { name: 'nightly', clients: ['web1'], selection: source, storageUnit: 'disk1' }
  await nb('policy', 'import', policyFile(directory, policy))

  const snapshots = new Map<string, string>()
  const reported = { snapshots, source, client: 'web1' }
  let edits = 0
  const edit = (): string => {
    edits += 1
    writeFileSync(join(source, `small-${edits % 5}`), `edit ${edits} `.repeat(1000))
    const snapshot = join(directory, `snapshot-${edits}`)
    snapshotTree(source, snapshot)
    return snapshot
  }
  const backUp = async (): Promise<string> => {
    const { jobIds } = await ports.scheduler.runNow({ policy: 'nightly', schedule: 'full' })
    return jobIds[0] as string
  }
  const backedUp = async (): Promise<string> => {
    const snapshot = edit()
    const job = await ports.jobs.wait({ jobId: await backUp() })
    if (job.status !== 0) t.fail(`a backup in peace ended with ${job.status}: ${job.statusText}`)
    snapshots.set(job.backupId as string, snapshot)
    // How busy this machine is changes all the time.
    spans.backup = (job.endedAt ?? 0) - (job.activeAt ?? 0)
    return job.backupId as string
  }

  const spans = { backup: 0, restore: 0 }
  const first = await backedUp()
  const newest = await backedUp()
  const restoring = Date.now()
  await assertRestores(site, reported, first, snapshots.get(first) as string)
  spans.restore = Date.now() - restoring
  const idle = new Map(Object.values(hosts).map((host) => [host, host.footprint().files]))
  t.comment(`a backup takes ${spans.backup} ms, a restore ${spans.restore} ms`)

  const ends: string[] = []
  for (let round = 0; round < rounds; round++)
    for (const { victim, during } of faults) {
      const what = `${victim} killed in a ${during}`
      const host = hosts[victim]
      const target = join(directory, `target-${round}-${victim}`)
      const snapshot = during === 'backup' ? edit() : ''
      const jobId =
        during === 'backup'
          ? await backUp()
          : (await submitRestore(site, { source, client: 'web1', backupId: newest, target })).jobId
      await until(60_000, `job ${jobId} begins`, async () =>
        (await ports.jobs.get({ jobId }))?.activeAt === undefined ? undefined : true,
      )
      await new Promise((resolve) => setTimeout(resolve, random() * spans[during] * 0.7))
      await host.kill()
      const killedAt = Date.now()
      // Some come back at once, some a while later.
      await new Promise((resolve) => setTimeout(resolve, random() < 0.5 ? 0 : 1500))
      await host.start()

      const job = await endOfTry(site, jobId, toldWithinMs)
      ends.push(`${victim} ${during}: ${job.tryStatus} after ${Date.now() - killedAt} ms`)
      t.comment(`${what}: ${job.tryStatus} ${job.tryText}`)
      if (job.tryStatus !== 0) t.match(`${job.tryStatus} ${job.tryText}`, truths[`${victim} ${during}`], what)
      if (job.state !== 'done') {
        await ports.jobs.cancel({ jobId })
        await ports.jobs.wait({ jobId })
      } else if (during === 'backup' && job.status === 0) snapshots.set(job.backupId as string, snapshot)
      if (existsSync(target))
        t.same(
          readdirSync(target).filter((name) => name.includes('.nb-')),
          [],
          `${what}: no half-written file stays`,
        )
      const next = await backedUp()
      if (!isLong) continue
      await assertSound(site, { ...reported, snapshots: new Map([[next, snapshots.get(next) as string]]) })
      for (const [each, files] of idle) await assertNoLeak(each, files)
    }
  await assertSound(site, reported)
  for (const [each, files] of idle) await assertNoLeak(each, files)
  t.ok(
    ends.some((end) => !end.includes(': 0 ')),
    'some kills ended what ran',
  )
  t.comment(`${ends.join('; ')}; ${snapshots.size} images restored and compared`)
  for (const each of Object.values(hosts))
    t.equal(otherThanMasterAway(each.said), '', `${each.name} had nothing else to complain of`)
})
