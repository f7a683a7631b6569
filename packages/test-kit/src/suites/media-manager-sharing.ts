import assert from 'node:assert/strict'
import type { AllocatedMedium, MediaManager, MediaNeed, TapeStorageUnit } from '@nb/contracts'
import { collect } from '../collect.ts'
import {
  blank,
  type Check,
  denied,
  disk,
  granted,
  kinds,
  onUnit,
  rejects,
  site,
  write,
} from './media-manager-site.ts'

/** Multiplex groups, media servers, robots, load-balanced groups: what several jobs share, or may not. */
export function mediaManagerSharingChecks(check: Check): void {
  multiplexing(check)
  mediaServers(check)
  robots(check)
  loadBalance(check)
}

const shared = (
  multiplexing: number,
  fields: Partial<Extract<MediaNeed, { kind: 'write' }>> = {},
): MediaNeed => ({
  kind: 'write',
  storage: { kind: 'unit', name: 'tape1' },
  volumePool: 'NetBackup',
  retentionLevel: 1,
  multiplexing,
  ...fields,
})

async function mediumOf(media: MediaManager, id: string, need: MediaNeed): Promise<Tape> {
  const { allocation } = await granted(media, id, need)
  assert.ok(allocation.medium.kind === 'tape')
  return allocation.medium
}

type Tape = Extract<AllocatedMedium, { kind: 'tape' }>

function multiplexing(check: Check): void {
  const streams: Partial<TapeStorageUnit> = { maxStreamsPerDrive: 3, maxConcurrentDrives: 1 }

  check('jobs that may share a drive join one another up to the lowest limit', async ({ media }) => {
    await site(media, streams)
    const first = await mediumOf(media, 'a1', shared(8))
    assert.equal(first.multiplex?.most, 3, 'the lower of the unit and the job')
    const second = await mediumOf(media, 'a2', shared(2))
    assert.deepEqual(
      [second.drive, second.volumeId, second.multiplex?.group],
      [first.drive, first.volumeId, first.multiplex?.group],
    )
    assert.equal(second.multiplex?.most, 2, 'the lower of all members')
    const answer = await denied(media, 'a3', shared(8))
    assert.ok(answer.possible)
    assert.ok(answer.blockers.some(({ holders }) => holders.length === 2))
    await media.release({ allocationId: 'a2' })
    await granted(media, 'a3', shared(8))
    await granted(media, 'a4', shared(8))
    await denied(media, 'a5', shared(8))
  })
  check('a job that shares with none, of another pool, level or purpose, joins none', async ({ media }) => {
    await site(media, streams)
    await media.putPool({ name: 'Other', scratch: false })
    await media.putVolume({ ...blank('B00001'), pool: 'Other' })
    const first = await mediumOf(media, 'a1', shared(8))
    assert.equal((await media.blockers({ need: shared(8) })).blockers.length, 0)
    for (const need of [
      shared(1),
      onUnit('tape1'),
      shared(8, { retentionLevel: 2 }),
      shared(8, { volumePool: 'Other' }),
      shared(8, { continues: true }),
      { kind: 'read', storageUnit: 'tape1', volumeId: first.volumeId } as const,
    ])
      assert.ok(!(await media.allocate({ allocationId: 'x', jobId: 'x', need })).granted)
  })
  check('without a wish of the unit nothing is shared', async ({ media }) => {
    await site(media)
    const first = await mediumOf(media, 'a1', shared(8))
    assert.equal(first.multiplex, undefined)
    assert.notEqual((await mediumOf(media, 'a2', shared(8))).drive, first.drive)
  })
  check(
    'the limit of drives counts drives, and the last member gives drive and volume back',
    async (fixture) => {
      const { media, restart } = fixture
      await site(media, { maxStreamsPerDrive: 2, maxConcurrentDrives: 2 })
      const drives = []
      for (const id of ['a1', 'a2', 'a3', 'a4']) drives.push((await mediumOf(media, id, shared(4))).drive)
      assert.equal(new Set(drives).size, 2)
      const again = await restart()
      await denied(again, 'a5', shared(4))
      await again.release({ allocationId: 'a1' })
      const joined = await mediumOf(again, 'a5', shared(4))
      assert.equal(joined.drive, drives[0], 'the group is the same after a restart')
      for (const allocationId of ['a2', 'a5']) await again.release({ allocationId })
      const alone = await mediumOf(again, 'a6', onUnit('tape1'))
      assert.equal(alone.drive, drives[0])
    },
  )
  check('a restore takes a volume only when the whole group has ended', async ({ media }) => {
    await site(media, streams)
    const { volumeId } = await mediumOf(media, 'a1', shared(8))
    await granted(media, 'a2', shared(8))
    const read: MediaNeed = { kind: 'read', storageUnit: 'tape1', volumeId }
    const answer = await denied(media, 'r1', read)
    assert.deepEqual(kinds(answer), [['volume', 2032]])
    assert.equal(answer.blockers[0]?.holders.length, 2)
    await media.release({ allocationId: 'a1' })
    await denied(media, 'r1', read)
    await media.release({ allocationId: 'a2' })
    await granted(media, 'r1', read)
  })
  check('a number of streams out of bounds is refused by name', async ({ media }) => {
    for (const multiplexing of [0, 33]) {
      const asked = media.allocate({ allocationId: 'a', jobId: 'j', need: shared(multiplexing) })
      assert.equal((await rejects(asked, 'argument-invalid')).details['field'], 'need.multiplexing')
    }
    const error = await rejects(site(media, { maxStreamsPerDrive: 33 }), 'argument-invalid')
    assert.equal(error.details['field'], 'maxStreamsPerDrive')
  })
}

function mediaServers(check: Check): void {
  check('a media server bounds the jobs of all its storage units', async ({ media, restart }) => {
    await media.putMediaServer({ name: 'media1', state: 'up', maxConcurrentJobs: 2 })
    for (const name of ['disk1', 'disk2', 'disk3']) await media.putStorageUnit(disk(name))
    await media.putStorageUnit(disk('far', { mediaServer: 'media2' }))
    await granted(media, 'a1', onUnit('disk1'), '17')
    await granted(media, 'a2', { kind: 'read', storageUnit: 'disk2' }, '18')
    const answer = await denied(media, 'a3', onUnit('disk3'))
    assert.ok(answer.possible)
    assert.deepEqual(kinds(answer), [['media-server', 2062]])
    const [blocker] = answer.blockers
    assert.deepEqual(
      [blocker?.name, blocker?.storageUnit, blocker?.limit, blocker?.inUse],
      ['media1', 'disk3', 2, 2],
    )
    assert.deepEqual(blocker?.holders.map(({ jobId }) => jobId).sort(), ['17', '18'])
    await granted(media, 'b1', onUnit('far'))
    const again = await restart()
    await denied(again, 'a3', onUnit('disk3'))
    await again.release({ allocationId: 'a1' })
    await granted(again, 'a3', onUnit('disk3'))
  })
  check('a media server that is down gives nothing; its jobs go on', async ({ media }) => {
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 2 }))
    await granted(media, 'a1', onUnit('disk1'))
    await media.putMediaServer({ name: 'media1', state: 'down', stateReason: 'new memory' })
    const answer = await denied(media, 'a2', onUnit('disk1'))
    assert.deepEqual(kinds(answer), [['media-server', 2027]])
    assert.match(answer.blockers[0]?.goesOnWhen ?? '', /new memory/)
    assert.equal((await collect(media.allocations({}))).length, 1)
    await media.putMediaServer({ name: 'media1', state: 'up' })
    await granted(media, 'a2', onUnit('disk1'))
  })
  check('who waits for a media server is told by all its storage units', async ({ media }) => {
    await media.putMediaServer({ name: 'media1', state: 'up', maxConcurrentJobs: 1 })
    for (const name of ['disk1', 'disk2']) await media.putStorageUnit(disk(name))
    await granted(media, 'a1', onUnit('disk1'))
    const ending = new AbortController()
    const changes = media.watch({}, { signal: ending.signal })[Symbol.asyncIterator]()
    const next = changes.next()
    await collect(media.storageUnits({}))
    await media.release({ allocationId: 'a1' })
    const told = await next
    assert.ok(told.done !== true)
    assert.deepEqual([...told.value.storageUnits].sort(), ['disk1', 'disk2'])
    ending.abort()
  })
  check('load is told by registered media servers, 0 to 1', async ({ media }) => {
    await rejects(media.reportLoad({ name: 'media1', load: 0.5 }), 'media-server-unknown')
    await media.putMediaServer({ name: 'media1', state: 'up' })
    await media.reportLoad({ name: 'media1', load: 0.5 })
    const [server] = await collect(media.mediaServers({ name: 'media1' }))
    assert.equal(server?.load?.value, 0.5)
    for (const load of [-0.1, 1.1]) await assert.rejects(media.reportLoad({ name: 'media1', load }))
    assert.deepEqual(await collect(media.mediaServers({ name: 'none' })), [])
  })
}

function robots(check: Check): void {
  check('while a robot is down only what is in its drives is used', async ({ media }) => {
    await site(media)
    await media.recordMount({ volumeId: 'A00002', drive: 'drive1' })
    await media.putRobot({ name: 'tld0', state: 'down', stateReason: 'door open' })
    assert.deepEqual(
      (await collect(media.drives({}))).map(({ control }) => control),
      ['AVR', 'AVR'],
    )
    assert.equal((await mediumOf(media, 'a1', onUnit('tape1'))).volumeId, 'A00002')
    const answer = await denied(media, 'a2', onUnit('tape1'))
    assert.ok(answer.possible)
    assert.deepEqual(kinds(answer), [['robot', 2020]])
    assert.match(answer.blockers[0]?.goesOnWhen ?? '', /door open/)
    const read = await denied(media, 'r1', { kind: 'read', storageUnit: 'tape1', volumeId: 'A00001' })
    assert.deepEqual(kinds(read), [['robot', 2020]])
    await media.putRobot({ name: 'tld0', state: 'up' })
    assert.deepEqual(await collect(media.robots({})), [{ name: 'tld0', state: 'up' }])
    await granted(media, 'a2', onUnit('tape1'))
  })
}

function loadBalance(check: Check): void {
  check('a load-balanced group gives the unit of the least busy media server', async ({ media }) => {
    for (const name of ['1', '2', '3']) {
      await media.putMediaServer({ name: `media${name}`, state: 'up', maxConcurrentJobs: 4 })
      await media.putStorageUnit(disk(`disk${name}`, { mediaServer: `media${name}`, maxConcurrentJobs: 4 }))
    }
    await media.putGroup({ name: 'g', members: ['disk1', 'disk2', 'disk3'], selection: 'load-balanced' })
    for (const [name, load] of [
      ['media1', 0.9],
      ['media2', 0.2],
      ['media3', 0.3],
    ] as const)
      await media.reportLoad({ name, load })
    const need = write({ kind: 'group', name: 'g' })
    const chosen = async (id: string) => (await granted(media, id, need)).allocation.storageUnit
    // 0.2 against 0.3; then 0.2 + 1/4 against 0.3; then 0.45 against 0.55.
    assert.deepEqual(
      [await chosen('a1'), await chosen('a2'), await chosen('a3')],
      ['disk2', 'disk3', 'disk2'],
    )
    await media.putMediaServer({ name: 'media2', state: 'down' })
    await media.putMediaServer({ name: 'media3', state: 'down' })
    assert.equal(await chosen('a4'), 'disk1')
  })
}
