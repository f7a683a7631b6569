import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type ImageRecord,
  type Job,
  duplicateJobRequest,
  importJobRequest,
  verifyJobRequest,
} from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { makeTree } from '../../../../packages/transfer/test/client/make-tree.ts'
import { secondStorageUnit } from '../../src/compose.ts'
import { type BootedServer, boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { backUp, restoreTo } from '../support/site.ts'

t.setTimeout(110_000)

const root = scratch('copies')
const [source, state, second] = [join(root, 'source'), join(root, 'state'), join(root, 'second')]
t.teardown(() => rmSync(root, { recursive: true }))

const start = (): Promise<BootedServer> => boot(state, { settings: { tries: 1, secondDisk: second } })

async function imageOf({ ports }: BootedServer, backupId = ''): Promise<ImageRecord> {
  return (await ports.catalog.getImage({ backupId })) as ImageRecord
}

async function run(
  { ports }: BootedServer,
  request: Parameters<BootedServer['ports']['jobs']['submit']>[0],
): Promise<Job> {
  return ports.jobs.wait(await ports.jobs.submit(request))
}

async function duplicated(server: BootedServer, backupId = '', name = secondStorageUnit): Promise<Job> {
  const image = await imageOf(server, backupId)
  const storage = { kind: 'unit', name } as const
  return run(server, duplicateJobRequest(image, { requestId: randomUUID(), storage }))
}

function fragmentsIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.nbf'))
    .sort()
}

t.test(
  'a second copy is made, verified, promoted and restored from, while the first storage unit burns',
  async (t) => {
    mkdirSync(source)
    makeTree(source, { seed: 3, deep: false })
    let server = await start()
    t.teardown(() => server.stop())
    const full = await backUp(server, source, 'full')
    writeFileSync(join(source, 'later'), 'later')
    const incremental = await backUp(server, source, 'incr')
    t.same(fragmentsIn(second), [], 'nothing is written there unasked')
    for (const { backupId } of [full, incremental]) {
      const job = await duplicated(server, backupId)
      t.match(job, { status: 0, type: 'duplicate' }, job.statusText ?? '')
    }
    const image = await imageOf(server, full.backupId)
    t.match(
      image.copies.map(({ copy, storageUnit }) => [copy, storageUnit]),
      [
        [1, 'disk1'],
        [2, secondStorageUnit],
      ],
    )
    const verified = await run(server, verifyJobRequest(image, { requestId: randomUUID(), copy: 2 }))
    t.match(verified, { status: 0 }, verified.statusText ?? '')
    t.match(await duplicated(server, full.backupId), {
      status: 20,
      statusText: /^copy 2 of .* is on disk2 already/,
    })
    t.match(await duplicated(server, full.backupId, 'disk1'), {
      status: 20,
      statusText: /is on disk1 already/,
    })
    t.equal((await imageOf(server, full.backupId)).copies.length, 2)

    await t.test(
      'a damaged block of the first is read from the second once that is the primary one',
      async (t) => {
        const lost = join(state, 'disk1')
        for (const name of fragmentsIn(lost)) rmSync(join(lost, name))
        t.match(await restoreTo(server, source, incremental.backupId ?? '', join(root, 'failed')), {
          status: 165,
        })
        for (const { backupId = '' } of [full, incremental])
          t.match((await server.ports.catalog.promoteCopy({ backupId, copy: 2 })).copies[0], { copy: 2 })
        const target = join(root, 'restored')
        const job = await restoreTo(server, source, incremental.backupId ?? '', target)
        t.match(job, { status: 0, storageUnit: secondStorageUnit }, job.statusText ?? '')
        t.same(compareTrees(source, target, { allocation: false }), [])
        const broken = await duplicated(server, full.backupId, 'disk1')
        t.match(broken, { status: 20 }, 'the catalog still has a copy there')
      },
    )

    await t.test(
      'with catalog and first storage unit gone, the second one alone brings all back',
      async (t) => {
        const before = await collect(server.ports.catalog.listImages({}))
        await server.stop()
        for (const name of ['images', 'database', 'disk1']) rmSync(join(state, name), { recursive: true })
        server = await start()
        const request = importJobRequest({ requestId: randomUUID(), storageUnit: secondStorageUnit })
        t.match(await run(server, request), { status: 0 })
        const after = await collect(server.ports.catalog.listImages({}))
        t.same(
          after.map(({ backupId, counts, copies }) => ({ backupId, counts, copies })),
          before.map(({ backupId, counts, copies }) => ({
            backupId,
            counts,
            copies: copies.filter(({ copy }) => copy === 2),
          })),
        )
        const target = join(root, 'restored-again')
        t.match(await restoreTo(server, source, incremental.backupId ?? '', target), { status: 0 })
        t.same(compareTrees(source, target, { allocation: false }), [])
      },
    )
  },
)

t.test(
  'two jobs that copy one image at once make one copy, and neither spoils that of the other',
  async (t) => {
    const own = join(root, 'twice')
    const server = await boot(join(own, 'state'), {
      settings: { tries: 1, secondDisk: join(own, 'second'), maxJobsPerClient: 4 },
    })
    t.teardown(() => server.stop())
    const data = join(own, 'source')
    mkdirSync(data)
    for (const name of ['a', 'b', 'c']) writeFileSync(join(data, name), Buffer.alloc(3_000_000, name))
    const { backupId = '' } = await backUp(server, data, 'full')
    const jobs = await Promise.all([1, 2, 3].map(() => duplicated(server, backupId)))
    t.equal(jobs.filter(({ status }) => status === 0).length, 1)
    for (const { statusText } of jobs.filter(({ status }) => status !== 0))
      t.match(statusText, /is making a copy of image|is on disk2 already/)
    const image = await imageOf(server, backupId)
    t.strictSame(
      image.copies.map(({ copy, storageUnit }) => [copy, storageUnit]),
      [
        [1, 'disk1'],
        [2, secondStorageUnit],
      ],
    )
    const verified = await run(server, verifyJobRequest(image, { requestId: randomUUID(), copy: 2 }))
    t.match(verified, { status: 0 }, verified.statusText ?? '')
  },
)

t.test('a copy whose source is damaged is not made, and nothing of it stays', async (t) => {
  const own = join(root, 'damaged')
  const copies = join(own, 'second')
  const server = await boot(join(own, 'state'), { settings: { tries: 1, secondDisk: copies } })
  t.teardown(() => server.stop())
  const data = join(own, 'source')
  mkdirSync(data)
  for (const name of ['a', 'b', 'c']) writeFileSync(join(data, name), Buffer.alloc(700_000, name))
  const { backupId = '' } = await backUp(server, data, 'full')
  const unit = join(own, 'state', 'disk1')
  const [, name = ''] = fragmentsIn(unit)
  const bytes = readFileSync(join(unit, name))
  bytes[100_000] = 0xff ^ (bytes[100_000] ?? 0)
  writeFileSync(join(unit, name), bytes)
  const job = await duplicated(server, backupId)
  t.match(job, { status: 85, statusText: /ragment 2 .*block 0/ })
  t.same(fragmentsIn(copies), [])
  t.equal((await imageOf(server, backupId)).copies.length, 1)
  t.same(await collect(server.ports.broker.grants({})), [], 'nothing is held any more')
})
