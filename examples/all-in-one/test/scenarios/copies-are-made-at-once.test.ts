import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Job, Policy, ScheduleCopy } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { type BootedServer, boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { mountSmallDisk } from '../support/small-disk.ts'
import { manualPolicy, restoreTo } from '../support/site.ts'
import { terminalOf } from '../support/terminal.ts'

t.setTimeout(110_000)

const day = 86_400_000

async function site(test: Pick<typeof t, 'teardown'>, name: string, disk2?: string) {
  const root = scratch(name)
  const [source, state, second] = [join(root, 'source'), join(root, 'state'), disk2 ?? join(root, 'disk2')]
  mkdirSync(join(source, 'deep'), { recursive: true })
  for (let at = 0; at < 5; at++) writeFileSync(join(source, `file-${at}`), randomBytes(700_000))
  writeFileSync(join(source, 'deep', 'small'), 'small')
  const server = await boot(state, { settings: { tries: 1, secondDisk: second } })
  test.teardown(() => server.stop())
  return { root, source, state, second, server }
}

const twoDisks = (onFailure: NonNullable<ScheduleCopy['onFailure']>): readonly ScheduleCopy[] => [
  { storage: { kind: 'unit', name: 'disk1' } },
  { storage: { kind: 'unit', name: 'disk2' }, retentionLevel: 8, onFailure },
]

async function backUp(
  { ports }: BootedServer,
  source: string,
  copies: readonly ScheduleCopy[],
): Promise<Job> {
  const manual = manualPolicy(source)
  const policy: Policy = {
    ...manual,
    schedules: manual.schedules.map((schedule) => ({ ...schedule, retentionLevel: 0, copies })),
  }
  const stored = await ports.scheduler.getPolicy({ name: 'manual' })
  if (stored === undefined) await ports.scheduler.putPolicy({ policy })
  const { jobIds } = await ports.scheduler.runNow({ policy: 'manual', schedule: 'full' })
  return await ports.jobs.wait({ jobId: jobIds[0] as string })
}

t.test('a backup writes two copies at once; one is enough when the other is gone', async (t) => {
  const { root, source, state, second, server } = await site(t, 'copies-at-once')
  const { ports } = server
  const job = await backUp(server, source, twoDisks('continue'))
  t.equal(job.status, 0, job.statusText ?? '')
  const backupId = job.backupId as string
  const image = await ports.catalog.getImage({ backupId })
  t.match(image?.copies, [
    { copy: 1, storageUnit: 'disk1' },
    { copy: 2, storageUnit: 'disk2' },
  ])
  const made = image?.backupTime ?? 0
  const keptDays = image?.copies.map(({ expiresAt = Infinity }) => Math.round((expiresAt - made) / day))
  t.same(keptDays, [7, 365], 'each copy is kept by its own retention level')
  t.equal(Math.round(((image?.expiresAt ?? 0) - made) / day), 365, 'the image as long as the last of them')
  t.same(await collect(ports.media.allocations({})), [], 'both places are given back')

  const { nb, stop } = await terminalOf(server, state)
  t.teardown(stop)
  t.match((await nb('job', job.id)).out, /requesting resource: storage unit disk1 and storage unit disk2/)
  t.match((await nb('job', job.id)).out, /granted resource: storage unit disk1 and disk2/)
  for (const copy of ['1', '2'])
    t.match(await nb('verify', backupId, '--copy', copy), { code: 0 }, `copy ${copy} is verified`)

  rmSync(
    join(
      state,
      'disk1',
      ...readdirSync(join(state, 'disk1'))
        .filter((name) => !name.startsWith('.'))
        .slice(0, 1),
    ),
    { recursive: true },
  )
  const lost = await restoreTo(server, source, backupId, join(root, 'lost'))
  t.not(lost.status, 0, 'the first copy is gone')
  await ports.catalog.promoteCopy({ backupId, copy: 2 })
  const restored = await restoreTo(server, source, backupId, join(root, 'restored'))
  t.equal(restored.status, 0, restored.statusText ?? '')
  t.same(compareTrees(source, join(root, 'restored')), [])
  t.ok(readdirSync(second).length > 0)
})

t.test(
  'the disk of the second copy runs full: the job ends with 1 and says which copy is missing',
  async (t) => {
    const disk = mountSmallDisk(join(scratch('copies-full'), 'small'), 2)
    if (typeof disk === 'string') return void t.comment(`SKIPPED: ${disk}`)
    t.teardown(() => disk.unmount())
    const { root, source, server } = await site(t, 'copies-one-full', disk.directory)
    const { ports } = server
    const job = await backUp(server, source, twoDisks('continue'))
    t.equal(job.status, 1, job.statusText ?? '')
    t.match(job.statusText, /copy 2 on storage unit disk2 is missing: .*disk2 is full/)
    const image = await ports.catalog.getImage({ backupId: job.backupId as string })
    t.match(image?.copies, [{ copy: 1, storageUnit: 'disk1' }])
    t.equal(image?.copies.length, 1)
    t.same(await collect(ports.mediaServer.storedImages({ storageUnit: 'disk2' })), [], 'nothing stays there')
    const restored = await restoreTo(server, source, job.backupId as string, join(root, 'restored'))
    t.equal(restored.status, 0, restored.statusText ?? '')
    t.same(compareTrees(source, join(root, 'restored')), [])
  },
)

t.test('or it fails all copies, and nothing stays on either disk', async (t) => {
  const disk = mountSmallDisk(join(scratch('copies-all'), 'small'), 2)
  if (typeof disk === 'string') return void t.comment(`SKIPPED: ${disk}`)
  t.teardown(() => disk.unmount())
  const { source, server } = await site(t, 'copies-all-fail', disk.directory)
  const { ports } = server
  const job = await backUp(server, source, twoDisks('failAllCopies'))
  t.equal(job.status, 129, job.statusText ?? '')
  for (const storageUnit of ['disk1', 'disk2'])
    t.same(await collect(ports.mediaServer.storedImages({ storageUnit })), [])
})

t.test('a copy whose own time has come goes, the image stays with the others', async (t) => {
  const { root, source, server } = await site(t, 'copy-expires')
  const { ports } = server
  const job = await backUp(server, source, [
    { storage: { kind: 'unit', name: 'disk1' }, retentionLevel: 25 },
    { storage: { kind: 'unit', name: 'disk2' }, retentionLevel: 3 },
  ])
  t.equal(job.status, 0, job.statusText ?? '')
  const backupId = job.backupId as string
  t.match(await ports.jobs.cleanImages(), { removed: [], removedCopies: [`${backupId} copy 1`] })
  t.match((await ports.catalog.getImage({ backupId }))?.copies, [{ copy: 2 }])
  t.same(await collect(ports.mediaServer.storedImages({ storageUnit: 'disk1' })), [])
  const restored = await restoreTo(server, source, backupId, join(root, 'restored'))
  t.equal(restored.status, 0, restored.statusText ?? '')
  t.same(compareTrees(source, join(root, 'restored')), [])
})

t.test('a disk for staging gives up what has been copied when it reaches its high-water mark', async (t) => {
  const root = scratch('staging')
  const disk = mountSmallDisk(join(root, 'small'), 16)
  if (typeof disk === 'string') return void t.comment(`SKIPPED: ${disk}`)
  t.teardown(() => disk.unmount())
  const source = join(root, 'source')
  mkdirSync(source)
  for (let at = 0; at < 5; at++) writeFileSync(join(source, `file-${at}`), randomBytes(700_000))
  const told: string[] = []
  const server = await boot(join(root, 'state'), {
    diskDirectory: disk.directory,
    settings: { tries: 1, secondDisk: join(root, 'disk2') },
    warn: (text) => void told.push(text),
  })
  t.teardown(() => server.stop())
  const { ports } = server
  const [unit] = await collect(ports.media.storageUnits({ name: 'disk1' }))
  if (unit?.type !== 'disk') throw new Error('disk1 is no disk')
  await ports.media.putStorageUnit({ ...unit, highWaterPercent: 15, lowWaterPercent: 10, staging: true })
  const job = await backUp(server, source, twoDisks('continue'))
  t.equal(job.status, 0, job.statusText ?? '')
  const backupId = job.backupId as string
  // What the media server tells every minute.
  const [full] = await collect(ports.media.storageUnits({ name: 'disk1' }))
  const { totalBytes = 0, freeBytes = 0 } = (full?.type === 'disk' && full.space) || {}
  await ports.media.reportSpace({ storageUnit: 'disk1', totalBytes, freeBytes })
  while (!told.some((text) => text.includes('1 copy')))
    await new Promise((resolve) => setTimeout(resolve, 20))
  t.match(
    told.join('\n'),
    /storage unit disk1 is 2\d\.\d% used, its high-water mark is 15%: 1 copy of images/,
  )
  t.match((await ports.catalog.getImage({ backupId }))?.copies, [{ copy: 2, storageUnit: 'disk2' }])
  t.same(await collect(ports.mediaServer.storedImages({ storageUnit: 'disk1' })), [])
  const again = await ports.jobs.makeRoom({ storageUnit: 'disk2', bytes: 2 ** 40 })
  t.same(again.removedCopies, [], 'the last copy is never removed')
  const restored = await restoreTo(server, source, backupId, join(root, 'restored'))
  t.equal(restored.status, 0, restored.statusText ?? '')
})
