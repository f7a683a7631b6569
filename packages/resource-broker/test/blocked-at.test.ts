import type { Allocation, Blocker, MediaNeed } from '@nb/contracts'
import t from 'tap'
import { anything, blockedAt, sharedReasons, takenKeys } from '../src/blocked-at.ts'

const held = [{ jobId: '17', since: 0 }]
const blocker = (kind: Blocker['kind'], name: string, fields: Partial<Blocker> = {}): Blocker => ({
  kind,
  name,
  storageUnit: 'tape1',
  reason: 2001,
  holders: held,
  goesOnWhen: 'it ends',
  ...fields,
})
type Storage = Extract<MediaNeed, { kind: 'write' }>['storage']
const write = (storage: Storage, multiplexing = 1): MediaNeed => ({
  kind: 'write',
  storage,
  volumePool: 'NetBackup',
  retentionLevel: 1,
  multiplexing,
})
const unit = write({ kind: 'unit', name: 'tape1' })
const group = write({ kind: 'group', name: 'g' })
const any = write({ kind: 'any' })

t.test('what wakes is the storage unit, and what jobs hold there', async (t) => {
  const blockers = [
    blocker('drive', 'd1'),
    blocker('drive', 'd2', { holders: [] }),
    blocker('volume', 'A00001'),
    blocker('media-server', 'media1'),
    blocker('robot', 'robot1', { holders: [] }),
  ]
  const keys = ['unit:tape1', 'drive:d1', 'volume:A00001', 'media-server:media1']
  t.same(blockedAt(unit, blockers).wakeKeys, keys)
  t.same(blockedAt(group, blockers).wakeKeys, [...keys, 'group:g'])
  t.same(blockedAt(any, blockers).wakeKeys, [anything])
  const nowhere: Blocker = { kind: 'not-configured', name: 'g', reason: 2097, holders: [], goesOnWhen: '' }
  t.same(blockedAt(group, [nowhere]).wakeKeys, [anything])
})

t.test('a turn wakes when it is over, also who may go anywhere', async (t) => {
  const turn = blocker('turn', 'tape1', { reason: 2034 })
  t.same(blockedAt(unit, [turn]).wakeKeys, ['turn:17', 'unit:tape1'])
  t.same(blockedAt(any, [turn]).wakeKeys, [anything, 'turn:17'])
})

t.test('what an allocation takes wakes and passes those who wait for it', async (t) => {
  const allocation: Allocation = {
    allocationId: 'a',
    jobId: '1',
    storageUnit: 'tape1',
    mediaServer: 'media1',
    purpose: 'write',
    medium: { kind: 'tape', maxFragmentBytes: 1, drive: 'd1', volumeId: 'A00001', volumePool: 'NetBackup' },
    since: 0,
  }
  t.same(takenKeys(allocation), ['unit:tape1', 'media-server:media1', 'drive:d1', 'volume:A00001'])
  const disk = { ...allocation, medium: { kind: 'disk', maxFragmentBytes: 1 } as const }
  t.same(takenKeys(disk), ['unit:tape1', 'media-server:media1'])
})

t.test('a storage unit is worth keeping where jobs end all that blocks', async (t) => {
  const keepable = (...blockers: Blocker[]) => blockedAt(unit, blockers).keepable
  const down = { holders: [] }
  t.same(keepable(blocker('drive', 'd1'), blocker('drive', 'd2', down)), ['tape1'], 'one drive is enough')
  t.same(keepable(blocker('drive', 'd2', down), blocker('drive', 'd1')), ['tape1'], 'in any order')
  t.same(keepable(blocker('drive', 'd1', down)), [])
  t.same(keepable(blocker('volume', 'A1'), blocker('volume', 'A2', down)), ['tape1'])
  t.same(keepable(blocker('storage-unit-limit', 'tape1'), blocker('drive', 'd1')), ['tape1'])
  t.same(keepable(blocker('drive', 'd1'), blocker('storage-unit-down', 'tape1', down)), [])
  t.same(keepable(blocker('drive', 'd1'), blocker('robot', 'robot1', down)), [])
  const elsewhere = blocker('storage-unit-down', 'tape2', { ...down, storageUnit: 'tape2' })
  t.same(keepable(elsewhere, blocker('drive', 'd1')), ['tape1'], 'each by itself')
  t.same([...blockedAt(unit, [elsewhere, blocker('drive', 'd1')]).passedAt], ['unit:tape1', 'drive:d1'])
})

t.test('needs share reasons that mean the same for all, and no others', async (t) => {
  const drives = [blocker('drive', 'd1'), blocker('drive', 'd2', { reason: 830, holders: [] })]
  const other = write({ kind: 'unit', name: 'tape1' })
  t.equal(sharedReasons(unit, drives), sharedReasons(other, [...drives].reverse()))
  t.not(sharedReasons(unit, drives), sharedReasons(unit, drives.slice(1)))
  t.not(sharedReasons(unit, drives), sharedReasons(group, drives), 'a group wakes with its group')
  t.not(sharedReasons(unit, drives), sharedReasons(any, drives))
  t.equal(sharedReasons(write({ kind: 'unit', name: 'tape1' }, 4), drives), undefined, 'may join a group')
  t.equal(sharedReasons(unit, [...drives, blocker('volume', 'A1', { reason: 2032 })]), undefined)
  t.equal(sharedReasons(unit, [blocker('drive', 'd1', { reason: 2054 })]), undefined)
  t.equal(sharedReasons(unit, [blocker('turn', 'tape1', { reason: 2034 })]), undefined)
  t.equal(sharedReasons(unit, []), undefined)
})
