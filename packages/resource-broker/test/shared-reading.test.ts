import type { Blocker } from '@nb/contracts'
import t from 'tap'
import { blockedAt } from '../src/blocked-at.ts'
import { SharedReading } from '../src/shared-reading.ts'

const full = (unit: string, fields: Partial<Blocker> = {}): Blocker => ({
  kind: 'storage-unit-limit',
  name: unit,
  storageUnit: unit,
  reason: 2040,
  holders: [{ jobId: '17', since: 0 }],
  goesOnWhen: 'it ends',
  ...fields,
})
const reading = (...blockers: Blocker[]) => {
  const at = blockedAt({ kind: 'read', storageUnit: 'disk1' }, blockers)
  return new SharedReading(at, blockers)
}

t.test('the same reasons are known in any order, whoever holds what meanwhile', async (t) => {
  const known = reading(full('disk1'), full('disk2'))
  t.equal(known.isOf([full('disk2'), full('disk1', { holders: [{ jobId: '18', since: 1 }] })]), true)
  t.same(known.at.keepable, ['disk1', 'disk2'])
})

t.test('others are others', async (t) => {
  const known = reading(full('disk1'), full('disk2'))
  t.equal(known.isOf([full('disk1')]), false, 'one less')
  t.equal(known.isOf([full('disk1'), full('disk2'), full('disk3')]), false, 'one more')
  t.equal(known.isOf([full('disk1'), full('disk3')]), false, 'of another storage unit')
  t.equal(known.isOf([full('disk1'), full('disk2', { reason: 2045 })]), false, 'of another reason')
  t.equal(known.isOf([full('disk1'), full('disk2', { kind: 'storage-unit-down' })]), false, 'of another kind')
  t.equal(known.isOf([full('disk1'), full('disk2', { name: 'media1' })]), false, 'at another thing')
  t.equal(known.isOf([full('disk1'), full('disk2', { holders: [] })]), false, 'that nobody holds')
  t.equal(known.isOf([full('disk1'), full('disk1')]), false, 'one twice')
})

t.test('where a storage unit has several reasons none is known again', async (t) => {
  const both = [full('disk1'), full('disk1', { kind: 'media-server', name: 'media1', reason: 2062 })]
  t.equal(reading(...both).isOf(both), false)
})
