import type { MediaNeed } from '@nb/contracts'
import t from 'tap'
import { hour, runningSite } from '../running-site.ts'
import { writeTo } from '../site.ts'

const shared = (multiplexing: number): MediaNeed => ({ ...writeTo('tape1'), multiplexing })

t.test(
  'four jobs write to one drive, the fifth takes another, and the last gives the drive back',
  async (t) => {
    const { media, give, lines } = await runningSite(t, { maxStreamsPerDrive: 4 })
    const drives = []
    for (const job of ['1', '2', '3', '4', '5']) drives.push((await give(job, shared(4))).drive)
    t.same(drives, ['d1', 'd1', 'd1', 'd1', 'd2'])
    t.match(lines[0], /allocated drive d1 and volume A00001 .* shared by up to 4 jobs/)
    for (const allocationId of ['a1', 'a2', 'a3']) await media.release({ allocationId })
    t.equal((await give('6', shared(4))).drive, 'd1', 'the group of fewest members takes the next')
    const read = { kind: 'read', storageUnit: 'tape1', volumeId: 'A00001' } as const
    t.match(await media.blockers({ need: read }), {
      blockers: [{ reason: 2032, goesOnWhen: 'jobs 4, 6 give volume A00001 back (in drive d1)' }],
    })
    for (const allocationId of ['a4', 'a6']) await media.release({ allocationId })
    t.equal((await give('7', read)).volumeId, 'A00001')
  },
)

t.test('a full group says that the end of one of its jobs is enough', async (t) => {
  const { media, give } = await runningSite(t, { maxStreamsPerDrive: 2, maxConcurrentDrives: 1 })
  await give('1', shared(2))
  await give('2', shared(8))
  for (const name of ['d2', 'd3']) await media.setDriveState({ name, state: 'down' })
  const { blockers } = await media.blockers({ need: shared(8) })
  t.match(blockers, [
    { kind: 'storage-unit-limit', reason: 2040, limit: 1, inUse: 1, goesOnWhen: /all jobs that share/ },
    { kind: 'drive', name: 'd1', goesOnWhen: 'one of the 2 jobs that share drive d1 ends' },
    { kind: 'drive', name: 'd2', reason: 830 },
    { kind: 'drive', name: 'd3', reason: 830 },
  ])
  await media.release({ allocationId: 'a1' })
  t.equal((await give('3', shared(8))).drive, 'd1')
})

t.test(
  'nobody joins a group whose tape has become too old; what says what a job waits for says so too',
  async (t) => {
    const { media, clock, give, volume } = await runningSite(t, { maxStreamsPerDrive: 4 })
    await media.putVolume({ ...(await volume('A00001')), expiresAt: clock.now() + hour })
    t.equal((await give('1', shared(4))).drive, 'd1')
    for (const name of ['d2', 'd3']) await media.setDriveState({ name, state: 'down' })
    t.same((await media.blockers({ need: shared(4) })).blockers, [])
    await clock.advance(hour)
    const { blockers } = await media.blockers({ need: shared(4) })
    t.match(blockers, [{ kind: 'drive', name: 'd1' }, { name: 'd2' }, { name: 'd3' }])
  },
)

t.test('a job that shares its drive with few limits its group only while it runs', async (t) => {
  const { media, give } = await runningSite(t, { maxStreamsPerDrive: 4 })
  t.match(await give('1', shared(2)), { drive: 'd1', multiplex: { most: 2 } })
  t.match(await give('2', shared(4)), { drive: 'd1', multiplex: { most: 4 } })
  t.equal((await give('3', shared(4))).drive, 'd2', 'two are enough for the first')
  await media.release({ allocationId: 'a3' })
  await media.release({ allocationId: 'a1' })
  const drives = []
  for (const job of ['4', '5', '6', '7']) drives.push((await give(job, shared(4))).drive)
  t.same(drives, ['d1', 'd1', 'd1', 'd3'], 'those that are left may be four')
})

t.test('nobody joins a group whose tape is full or whose drive is down; its jobs go on', async (t) => {
  const { media, give } = await runningSite(t, { maxStreamsPerDrive: 4 })
  const { volumeId } = await give('1', shared(4))
  await media.setVolumeState({ volumeId, state: 'full' })
  t.equal((await give('2', shared(4))).drive, 'd2')
  await media.setDriveState({ name: 'd2', state: 'down' })
  t.equal((await give('3', shared(4))).drive, 'd3')
  t.equal((await give('4', shared(4))).drive, 'd3')
})

t.test('a group that begins wakes those who may join it', async (t) => {
  const { media, give } = await runningSite(t, { maxStreamsPerDrive: 4 })
  const changes = media.watch({})[Symbol.asyncIterator]()
  await give('1', shared(4))
  t.same(await changes.next(), { done: false, value: { storageUnits: ['tape1'], groups: [] } })
})
