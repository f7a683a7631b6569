import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Policy, StorageChoice } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { type BootedServer, boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { mountSmallDisk } from '../support/small-disk.ts'
import { manualPolicy, restoreTo } from '../support/site.ts'

t.setTimeout(60_000)

const mib = 1024 * 1024

function makeSource(source: string, sizeMib: number): void {
  mkdirSync(source)
  for (let at = 0; at < sizeMib; at++) writeFileSync(join(source, `file-${at}`), randomBytes(mib))
}

/** A server whose disk1 has little room, and a disk2 with enough. */
async function site(test: Pick<typeof t, 'comment' | 'teardown'>, name: string, sizeMib: number) {
  const root = scratch(name)
  const disk = mountSmallDisk(join(root, 'disk'), sizeMib)
  if (typeof disk === 'string') return void test.comment(`SKIPPED: ${disk}`)
  test.teardown(() => disk.unmount())
  const server = await boot(join(root, 'state'), {
    diskDirectory: disk.directory,
    settings: { tries: 2, retryDelayMs: 1000, secondDisk: join(root, 'disk2') },
  })
  test.teardown(() => server.stop())
  // The wait for a retry keeps no process alive.
  const alive = setInterval(() => undefined, 1000)
  test.teardown(() => clearInterval(alive))
  return { root, disk, server, source: join(root, 'source') }
}

async function start(
  { ports }: BootedServer,
  source: string,
  storage: StorageChoice,
  changes: Partial<Policy> = {},
): Promise<string> {
  const before = await ports.scheduler.getPolicy({ name: 'manual' })
  if (before === undefined)
    await ports.scheduler.putPolicy({ policy: { ...manualPolicy(source), storage, ...changes } })
  const { jobIds } = await ports.scheduler.runNow({ policy: 'manual', schedule: 'full' })
  return jobIds[0] as string
}

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20))
}

t.test('a disk runs full in the middle of a job: the next try takes another disk of the group', async (t) => {
  const here = await site(t, 'group-full', 8)
  if (here === undefined) return
  const { root, disk, server, source } = here
  const { ports } = server
  makeSource(source, 12)
  await ports.media.putGroup({ name: 'disks', members: ['disk1', 'disk2'], selection: 'prioritised' })
  const jobId = await start(server, source, { kind: 'group', name: 'disks' })
  const job = await ports.jobs.wait({ jobId })
  t.equal(job.status, 0, job.statusText ?? '')
  t.match(
    (await collect(ports.jobs.attempts({ jobId }))).map(({ status, storageUnit }) => [storageUnit, status]),
    [
      ['disk1', 129],
      ['disk2', 0],
    ],
  )
  t.same(
    readdirSync(disk.directory, { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile() && !entry.name.startsWith('.nb'),
    ),
    [],
    'nothing of it stays on the full disk',
  )
  const restored = await restoreTo(server, source, job.backupId as string, join(root, 'restored'))
  t.equal(restored.status, 0, restored.statusText ?? '')
  t.same(compareTrees(source, join(root, 'restored')), [])

  const next = await ports.jobs.wait({ jobId: await start(server, source, { kind: 'any' }) })
  t.match(next, { status: 0, storageUnit: 'disk2' })
  const attempts = await collect(ports.jobs.attempts({ jobId: next.id }))
  t.equal(attempts.length, 1, 'how much it will be is known from the last one: disk1 is not tried')
})

t.test('above its high-water mark a disk takes no backup until something has expired', async (t) => {
  const here = await site(t, 'high-water', 16)
  if (here === undefined) return
  const { server, source } = here
  const { ports } = server
  makeSource(source, 4)
  const [unit] = await collect(ports.media.storageUnits({ name: 'disk1' }))
  if (unit?.type !== 'disk') throw new Error('disk1 is no disk')
  t.match(unit.space, { totalBytes: 16 * mib }, 'its room is known from the start')
  await ports.media.putStorageUnit({ ...unit, highWaterPercent: 20, lowWaterPercent: 10 })
  const first = await ports.jobs.wait({ jobId: await start(server, source, { kind: 'unit', name: 'disk1' }) })
  t.equal(first.status, 0, first.statusText ?? '')

  const jobId = await start(server, source, { kind: 'unit', name: 'disk1' })
  await until(async () => (await ports.jobs.explain({ jobId })).waiting)
  const { sentence, blockers } = await ports.jobs.explain({ jobId })
  t.match(sentence, /storage unit disk1, which is 2\d% used .*high-water mark of 20%/)
  t.match(blockers, [{ kind: 'storage-unit-full', reason: 2030, name: 'disk1' }])

  await ports.catalog.expireImage({ backupId: first.backupId as string, force: true })
  t.match(await ports.jobs.cleanImages(), { removed: [first.backupId] })
  const second = await ports.jobs.wait({ jobId })
  t.equal(second.status, 0, second.statusText ?? '')
})
