import assert from 'node:assert/strict'
import type { MediaManager, MediaNeed } from '@nb/contracts'
import { collect } from '../collect.ts'
import { type Check, denied, disk, granted, kinds, onUnit, rejects, write } from './media-manager-site.ts'

const GiB = 1024 ** 3
const tell = (media: MediaManager, storageUnit: string, freeGiB: number, full?: true): Promise<void> =>
  media.reportSpace({
    storageUnit,
    totalBytes: 100 * GiB,
    freeBytes: freeGiB * GiB,
    ...(full === undefined ? {} : { full }),
  })
const expecting = (need: MediaNeed, expectedGiB: number): MediaNeed =>
  ({ ...need, expectedBytes: expectedGiB * GiB }) as MediaNeed

/** The room of disk storage units: marks, being full, and what is expected of running jobs. */
export function mediaManagerSpaceChecks(check: Check): void {
  check('the room of a disk is told, shown, and refused where it can not be', async ({ media }) => {
    await rejects(tell(media, 'disk1', 50), 'storage-unit-unknown')
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 9 }))
    await rejects(tell(media, 'disk1', 101), 'argument-invalid')
    await tell(media, 'disk1', 50)
    await granted(media, 'a1', expecting(onUnit('disk1'), 20))
    const [unit] = await collect(media.storageUnits({ name: 'disk1' }))
    assert.ok(unit?.type === 'disk' && unit.space !== undefined)
    const { totalBytes, freeBytes, committedBytes, full } = unit.space
    assert.deepEqual(
      [totalBytes, freeBytes, committedBytes, full],
      [100 * GiB, 50 * GiB, 20 * GiB, undefined],
    )
    await media.putStorageUnit(unit)
    for (const marks of [{ highWaterPercent: 0 }, { highWaterPercent: 50, lowWaterPercent: 50 }])
      await rejects(media.putStorageUnit(disk('disk2', marks)), 'argument-invalid')
  })

  check('of a disk that is not there that is told, and its room again when it is back', async ({ media }) => {
    const missing = 'Storage unit disk1 cannot be mounted: /srv/nb has no marker.'
    await rejects(media.reportSpace({ storageUnit: 'disk1', missing }), 'storage-unit-unknown')
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 9 }))
    await rejects(media.reportSpace({ storageUnit: 'disk1', missing: '' }), 'argument-invalid')
    await tell(media, 'disk1', 50)
    await media.reportSpace({ storageUnit: 'disk1', missing })
    const [gone] = await collect(media.storageUnits({ name: 'disk1' }))
    assert.ok(gone?.type === 'disk')
    assert.deepEqual([gone.state, gone.missing, gone.space], ['up', missing, undefined])
    await media.putStorageUnit(gone)
    await granted(media, 'a1', onUnit('disk1'))
    await tell(media, 'disk1', 40)
    const [back] = await collect(media.storageUnits({ name: 'disk1' }))
    assert.ok(back?.type === 'disk')
    assert.deepEqual([back.missing, back.space?.freeBytes], [undefined, 40 * GiB])
  })

  check('at its high-water mark a disk is not written to, but read from', async ({ media }) => {
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 9, highWaterPercent: 90 }))
    await media.putStorageUnit(disk('disk2', { maxConcurrentJobs: 9 }))
    await media.putGroup({ name: 'g', members: ['disk1', 'disk2'], selection: 'failover' })
    await tell(media, 'disk1', 10)
    const answer = await denied(media, 'a1', onUnit('disk1'))
    assert.ok(answer.possible)
    assert.deepEqual(kinds(answer), [['storage-unit-full', 2030]])
    assert.match(answer.blockers[0]?.goesOnWhen ?? '', /below its high-water mark of 90% \(now 90\.0%/)
    const { allocation } = await granted(media, 'a2', write({ kind: 'group', name: 'g' }))
    assert.equal(allocation.storageUnit, 'disk2', 'failover passes a full one over')
    await granted(media, 'r1', { kind: 'read', storageUnit: 'disk1' })
    const changes = media.watch({})[Symbol.asyncIterator]()
    const told = changes.next()
    // Over a wire the watch is in place once a later call has been answered.
    await collect(media.storageUnits({}))
    await tell(media, 'disk1', 11)
    const change = await told
    assert.deepEqual(change.done !== true && change.value.storageUnits, ['disk1'])
    await granted(media, 'a1', onUnit('disk1'))
    await changes.return?.()
  })

  check('a disk on which a job found no room is full until more is free', async ({ media }) => {
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 9 }))
    await tell(media, 'disk1', 20, true)
    for (const freeGiB of [20, 15]) {
      await tell(media, 'disk1', freeGiB)
      assert.deepEqual(kinds(await denied(media, 'a1', onUnit('disk1'))), [['storage-unit-full', 129]])
    }
    await tell(media, 'disk1', 21)
    await granted(media, 'a1', onUnit('disk1'))
  })

  check('jobs do not all go where there is room for one', async ({ media }) => {
    for (const name of ['disk1', 'disk2']) {
      await media.putStorageUnit(disk(name, { maxConcurrentJobs: 9 }))
      await tell(media, name, 32)
    }
    await media.putGroup({ name: 'g', members: ['disk1', 'disk2'], selection: 'prioritised' })
    const need = expecting(write({ kind: 'group', name: 'g' }), 20)
    const unitOf = async (id: string) => (await granted(media, id, need)).allocation.storageUnit
    assert.deepEqual([await unitOf('a1'), await unitOf('a2')], ['disk1', 'disk2'])
    const answer = await denied(media, 'a3', need)
    assert.deepEqual(kinds(answer), [
      ['storage-unit-full', 2030],
      ['storage-unit-full', 2030],
    ])
    assert.deepEqual(
      answer.blockers.map(({ holders }) => holders.map(({ jobId }) => jobId)),
      [['a1'], ['a2']],
      'who is expected to write there holds it',
    )
    await granted(media, 'small', expecting(write({ kind: 'group', name: 'g' }), 5))
    await media.release({ allocationId: 'a2' })
    await granted(media, 'a3', need)
  })

  check('what is expected is a guess: where nothing has more room it is tried', async ({ media }) => {
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 9 }))
    await tell(media, 'disk1', 12)
    await granted(media, 'a1', expecting(onUnit('disk1'), 500))
    assert.deepEqual(kinds(await denied(media, 'a2', expecting(onUnit('disk1'), 500))), [
      ['storage-unit-full', 2030],
    ])
    await granted(media, 'a1', expecting(onUnit('disk1'), 400))
    await media.release({ allocationId: 'a1' })
    await granted(media, 'a2', expecting(onUnit('disk1'), 500))
  })

  check('a group can choose the disk with the most room', async ({ media }) => {
    for (const name of ['disk1', 'disk2', 'disk3', 'silent'])
      await media.putStorageUnit(disk(name, { maxConcurrentJobs: 9 }))
    await tell(media, 'disk1', 30)
    await tell(media, 'disk2', 50)
    await tell(media, 'disk3', 40)
    const members = ['silent', 'disk1', 'disk2', 'disk3']
    await media.putGroup({ name: 'g', members, selection: 'most-free-space' })
    const need = expecting(write({ kind: 'group', name: 'g' }), 15)
    const unitOf = async (id: string) => (await granted(media, id, need)).allocation.storageUnit
    assert.deepEqual(
      [await unitOf('a1'), await unitOf('a2'), await unitOf('a3')],
      ['disk2', 'disk3', 'disk2'],
    )
  })
}
