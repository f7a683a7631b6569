import t from 'tap'
import { Interner, needKey } from '../src/interner.ts'
import { backup, restore } from './tape-house.ts'

t.test('equal needs, limits and names of different requests are one object', async (t) => {
  const interner = new Interner()
  const limits = { maxJobsPerPolicy: 3 }
  const [first, second] = ['1', '2'].map((jobId) =>
    interner.request(backup(jobId, { limits: { ...limits }, client: 'web' })),
  )
  t.equal(first?.need, second?.need)
  t.equal(first?.limits, second?.limits)
  t.same(second, backup('2', { limits, client: 'web' }), 'and nothing is changed')
  const limit = { kind: 'client', name: 'web', most: 1 } as const
  t.equal(interner.limit(limit), interner.limit({ ...limit }))
  t.not(interner.limit(limit), interner.limit({ ...limit, kind: 'policy' }))
  t.same(interner.limit({ ...limit, most: 2 }), { ...limit, most: 2 })
  t.equal(interner.limit(undefined), undefined)
})

t.test('optional fields stay absent', async (t) => {
  const { policy: _, ...request } = restore('1', 1)
  t.same(Object.keys(new Interner().request(request)).sort(), Object.keys(request).sort())
})

t.test('after clear, nothing from before is given', async (t) => {
  const interner = new Interner()
  const before = interner.need(backup('1').need)
  interner.clear()
  t.not(interner.need(backup('2').need), before)
})

t.test('needs that the media manager may answer otherwise have keys of their own', async (t) => {
  const needs = [
    backup('1').need,
    backup('1', {}, { multiplexing: 2 }).need,
    backup('1', {}, { continues: true }).need,
    backup('1', {}, { retentionLevel: 2 }).need,
    backup('1', {}, { volumePool: 'DataStore' }).need,
    backup('1', {}, { storage: { kind: 'group', name: 'tape1' } }).need,
    backup('1', {}, { storage: { kind: 'any' } }).need,
    restore('1', 1).need,
    restore('1', 2).need,
  ]
  t.equal(new Set(needs.map(needKey)).size, needs.length)
  t.equal(needKey(backup('1', {}, { multiplexing: 1 }).need), needKey(backup('2').need))
})
