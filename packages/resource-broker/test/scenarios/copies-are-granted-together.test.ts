import type { MediaNeed } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { backup, tapeHouse } from '../tape-house.ts'

const place = (name: string) => ({
  storage: { kind: 'unit', name } as const,
  volumePool: 'NetBackup',
  retentionLevel: 1,
})
const copies = (jobId: string, ...[first, ...others]: readonly string[]) => {
  const need: MediaNeed = { kind: 'write', ...place(first ?? ''), further: others.map(place) }
  return { ...backup(jobId, { client: `client${jobId}` }), need }
}
const single = (jobId: string, name: string) => {
  const need: MediaNeed = { kind: 'write', ...place(name) }
  return { ...backup(jobId, { client: `client${jobId}` }), need }
}

async function house() {
  const made = await tapeHouse()
  for (const name of ['disk1', 'disk2'])
    await made.media.putStorageUnit({
      type: 'disk',
      name,
      mediaServer: 'media1',
      state: 'up',
      maxFragmentBytes: 2 ** 40,
      maxConcurrentJobs: 1,
      onDemandOnly: false,
    })
  return made
}

t.test('two jobs with the same two disks in other orders do not lock one another out', async (t) => {
  const { broker, media, stop } = await house()
  const first = await broker.acquire(copies('1', 'disk1', 'disk2'))
  const second = broker.acquire(copies('2', 'disk2', 'disk1'))
  const { blockers, sentence } = await broker.explain({ jobId: '2' })
  t.match(blockers, [{ kind: 'storage-unit-limit', name: 'disk2', holders: [{ jobId: '1' }] }])
  t.match(sentence, /for storage unit disk2: 1 of 1 jobs run there \(job 1 since/)
  t.match(
    (await broker.explain({ jobId: '1' })).sentence,
    /it holds storage unit disk1 .* and storage unit disk2/,
  )
  await broker.release({ leaseId: first.leaseId })
  t.match((await second).allocation, { storageUnit: 'disk2', further: [{ storageUnit: 'disk1' }] })
  t.equal((await collect(media.allocations({}))).length, 2)
  t.match(await broker.reconcile({ repair: true }), { orphanedAllocations: [], orphanedLeases: [] })
  t.equal((await collect(media.allocations({}))).length, 2, 'what belongs to a lease is no orphan')
  await stop()
})

t.test('the end of a job wakes who waits for the disk of its further copy', async (t) => {
  const { broker, stop } = await house()
  const both = await broker.acquire(copies('1', 'disk1', 'disk2'))
  const waits = broker.acquire(single('2', 'disk2'))
  await broker.explain({ jobId: '2' })
  await broker.release({ leaseId: both.leaseId })
  t.equal((await waits).allocation.jobId, '2')
  await stop()
})

t.test('a job of several copies waits until all of its disks are free at once', async (t) => {
  const { broker, stop } = await house()
  const one = await broker.acquire(single('1', 'disk1'))
  const two = await broker.acquire(single('2', 'disk2'))
  let isGiven = false
  const both = broker.acquire(copies('3', 'disk1', 'disk2')).then(({ allocation }) => {
    isGiven = true
    return allocation
  })
  await broker.release({ leaseId: one.leaseId })
  t.match((await broker.explain({ jobId: '3' })).blockers, [{ name: 'disk2' }])
  t.equal(isGiven, false)
  await broker.release({ leaseId: two.leaseId })
  t.match(await both, { storageUnit: 'disk1', further: [{ storageUnit: 'disk2' }] })
  await stop()
})

t.test('copies that can never be written together are refused, with the reason', async (t) => {
  const { broker, stop } = await house()
  await t.rejects(broker.acquire(copies('1', 'disk1', 'disk1')), {
    code: 'request-impossible',
    message: /disk1 has a storage unit for copy 2 on media server media1/,
  })
  await stop()
})
