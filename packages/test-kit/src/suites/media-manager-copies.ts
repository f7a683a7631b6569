import assert from 'node:assert/strict'
import type { MediaManager, MediaNeed, StorageChoice } from '@nb/contracts'
import { collect } from '../collect.ts'
import {
  type Check,
  denied,
  disk,
  everything,
  granted,
  kinds,
  onUnit,
  rejects,
  unit,
} from './media-manager-site.ts'

const GiB = 1024 ** 3

function copiesOn(storages: readonly StorageChoice[], expectedGiB?: number): MediaNeed {
  const [first, ...others] = storages.map((storage) => ({
    storage,
    volumePool: 'NetBackup',
    retentionLevel: 1,
  }))
  if (first === undefined) throw new TypeError('no copies')
  const sized = expectedGiB === undefined ? {} : { expectedBytes: expectedGiB * GiB }
  return { kind: 'write', ...first, ...sized, further: others }
}
const group: StorageChoice = { kind: 'group', name: 'g' }

async function disks(media: MediaManager, maxConcurrentJobs: number): Promise<void> {
  for (const name of ['disk1', 'disk2', 'disk3'])
    await media.putStorageUnit(disk(name, { maxConcurrentJobs }))
  await media.putStorageUnit(disk('far', { maxConcurrentJobs, mediaServer: 'media2' }))
  const members = ['disk1', 'disk2', 'disk3', 'far']
  await media.putGroup({ name: 'g', members, selection: 'prioritised' })
}

/** Several copies at once: all of them, or none. */
export function mediaManagerCopiesChecks(check: Check): void {
  check('copies at once get a disk each, and are given back together', async ({ media, restart }) => {
    await disks(media, 1)
    const need = copiesOn([unit('disk2'), unit('disk1')])
    const { allocation } = await granted(media, 'a1', need)
    assert.equal(allocation.storageUnit, 'disk2')
    assert.deepEqual(
      allocation.further?.map(({ storageUnit, purpose }) => [storageUnit, purpose]),
      [['disk1', 'write']],
    )
    assert.equal((await collect(media.allocations({}))).length, 2, 'each counts')
    assert.deepEqual((await granted(media, 'a1', need)).allocation, allocation, 'the same id is the same')
    const again = await restart()
    assert.deepEqual((await granted(again, 'a1', need)).allocation, allocation, 'after a restart too')
    assert.deepEqual(kinds(await denied(again, 'b', onUnit('disk1'))), [['storage-unit-limit', 2040]])
    await again.release({ allocationId: 'a1' })
    assert.deepEqual(await collect(again.allocations({})), [])
  })

  check('where one copy has no place, nothing is set aside for the others', async ({ media }) => {
    await disks(media, 1)
    await granted(media, 'a1', onUnit('disk3'))
    const before = await everything(media)
    const answer = await denied(media, 'a2', copiesOn([unit('disk1'), unit('disk3')]))
    assert.ok(answer.possible)
    assert.deepEqual(
      answer.blockers.map(({ kind, name, holders }) => [kind, name, holders.map(({ jobId }) => jobId)]),
      [['storage-unit-limit', 'disk3', ['a1']]],
    )
    assert.deepEqual(await everything(media), before)
    assert.deepEqual(
      (await collect(media.allocations({}))).map(({ jobId }) => jobId),
      ['a1'],
    )
    const { blockers } = await media.blockers({ need: copiesOn([unit('disk1'), unit('disk3')]) })
    assert.deepEqual(
      blockers.map(({ name }) => name),
      ['disk3'],
    )
    await granted(media, 'a3', onUnit('disk1'))
  })

  check('copies are never on the same disk, nor on two media servers', async ({ media }) => {
    await disks(media, 9)
    const two = (await granted(media, 'a1', copiesOn([group, unit('disk1')]))).allocation
    assert.deepEqual([two.storageUnit, two.further?.[0]?.storageUnit], ['disk2', 'disk1'])
    const far = (await granted(media, 'a2', copiesOn([group, group]))).allocation
    assert.equal(new Set([far, ...(far.further ?? [])].map(({ storageUnit }) => storageUnit)).size, 2)
    for (const storages of [
      [unit('disk1'), unit('disk1')],
      [unit('disk1'), unit('far')],
      [unit('none'), group],
    ]) {
      const answer = await denied(media, 'never', copiesOn(storages))
      assert.ok(!answer.possible, JSON.stringify(storages))
    }
    const four = await denied(media, 'never', copiesOn([group, group, group, group]))
    assert.ok(!four.possible, 'three disks for four copies')
    await rejects(
      media.allocate({ allocationId: 'x', jobId: 'x', need: copiesOn([group, group, group, group, group]) }),
      'argument-invalid',
    )
  })

  check('each copy is expected to be as large', async ({ media }) => {
    await disks(media, 9)
    for (const storageUnit of ['disk1', 'disk2'])
      await media.reportSpace({ storageUnit, totalBytes: 100 * GiB, freeBytes: 32 * GiB })
    await granted(media, 'a1', copiesOn([unit('disk1'), unit('disk2')], 20))
    const answer = await denied(media, 'a2', copiesOn([unit('disk3'), unit('disk2')], 20))
    assert.deepEqual(kinds(answer), [['storage-unit-full', 2030]])
  })
}
