import type { MediaNeed, StorageChoice } from '@nb/contracts'
import t from 'tap'
import { backup, tapeHouse } from '../tape-house.ts'

type House = Awaited<ReturnType<typeof tapeHouse>>

const GiB = 2 ** 30

/** Disks of 100 GiB with so much free, and what tells of them and writes to them. */
async function diskHouse(free: Readonly<Record<string, number>>) {
  const house = await tapeHouse()
  const { media } = house
  const tell = (storageUnit: string, freeGiB: number, full?: true): Promise<void> => {
    const space = { storageUnit, totalBytes: 100 * GiB, freeBytes: freeGiB * GiB }
    return media.reportSpace(full === undefined ? space : { ...space, full })
  }
  for (const [name, freeGiB] of Object.entries(free)) {
    await media.putStorageUnit({
      type: 'disk',
      name,
      mediaServer: 'media1',
      state: 'up',
      maxFragmentBytes: 2 ** 40,
      maxConcurrentJobs: 20,
      onDemandOnly: false,
    })
    await tell(name, freeGiB)
  }
  await media.putGroup({ name: 'disks', members: Object.keys(free), selection: 'prioritised' })
  return { ...house, tell }
}

const onDisk = (jobId: string, storage: StorageChoice, expectedGiB?: number) => {
  const need: MediaNeed = { kind: 'write', storage, volumePool: 'NetBackup', retentionLevel: 1 }
  const expected = expectedGiB === undefined ? need : { ...need, expectedBytes: expectedGiB * GiB }
  return { ...backup(jobId, { client: `client${jobId}` }), need: expected }
}
const disk1: StorageChoice = { kind: 'unit', name: 'disk1' }
const disks: StorageChoice = { kind: 'group', name: 'disks' }

const why = async ({ broker }: Pick<House, 'broker'>, jobId: string): Promise<string> =>
  (await broker.explain({ jobId })).sentence

t.test(
  'a disk at its high-water mark: the job says which, how full, and what to do; room lets it go on',
  async (t) => {
    const house = await diskHouse({ disk1: 1 })
    const call = house.broker.acquire(onDisk('1', disk1))
    t.match(
      await why(house, '1'),
      /for storage unit disk1, which is 99% used \(2030: .*\); job 1 goes on when storage unit disk1 is used below its high-water mark of 98% \(now 99\.0%: 1\.0 GiB of 100 GiB are free\): let images expire, add space, or raise the mark/,
    )
    await house.tell('disk1', 3)
    t.equal((await call).allocation.storageUnit, 'disk1')
    await house.stop()
  },
)

t.test('raising the mark lets it go on as well', async (t) => {
  const house = await diskHouse({ disk1: 1 })
  const call = house.broker.acquire(onDisk('1', disk1))
  t.match(await why(house, '1'), /high-water mark of 98%/)
  for await (const unit of house.media.storageUnits({ name: 'disk1' }))
    if (unit.type === 'disk') await house.media.putStorageUnit({ ...unit, highWaterPercent: 100 })
  t.equal((await call).allocation.storageUnit, 'disk1')
  await house.stop()
})

t.test('a disk on which a job found no room is left alone until there is some', async (t) => {
  const house = await diskHouse({ disk1: 10 })
  await house.tell('disk1', 0, true)
  const call = house.broker.acquire(onDisk('1', disk1))
  t.match(
    await why(house, '1'),
    /for room on storage unit disk1 \(129: .*\); job 1 goes on when space is seen on storage unit disk1, where a job found none/,
  )
  await house.tell('disk1', 10)
  t.equal((await call).allocation.storageUnit, 'disk1')
  await house.stop()
})

t.test('ten jobs at once do not all choose the disk that has room for one', async (t) => {
  const house = await diskHouse({ disk1: 12, disk2: 52 })
  const given: string[] = []
  const leases: string[] = []
  const calls = Array.from({ length: 10 }, (_, at) =>
    house.broker.acquire(onDisk(`${at}`, disks, 10)).then(({ leaseId, allocation }) => {
      leases.push(leaseId)
      given.push(allocation.storageUnit)
    }),
  )
  const waits = await why(house, '9')
  t.same(given, ['disk1', 'disk2', 'disk2', 'disk2', 'disk2', 'disk2'])
  t.match(waits, /for room on storage unit disk1, where others write \(job 0 since .*\)/)
  t.match(
    waits,
    /has room for about 10\.0 GiB below its high-water mark \(0 bytes are left beside what running jobs are expected/,
  )
  while (leases.length > 0) await house.broker.release({ leaseId: leases.shift() as string })
  await Promise.all(calls)
  t.equal(given.length, 10, 'all are served as the others end')
  await house.stop()
})

t.test('a smaller job passes one that is too large for what is left, and says so', async (t) => {
  const house = await diskHouse({ disk1: 32 })
  const first = await house.broker.acquire(onDisk('1', disk1, 20))
  const large = house.broker.acquire(onDisk('2', disk1, 20))
  const small = await house.broker.acquire(onDisk('3', disk1, 5))
  t.equal(small.allocation.storageUnit, 'disk1')
  t.match(house.textsOf('2').join('\n'), /job 3/, 'who was served before')
  await house.broker.release({ leaseId: first.leaseId })
  t.equal((await large).allocation.jobId, '2')
  await house.stop()
})
