import type { Blocker } from '@nb/contracts'
import t from 'tap'
import { notWaitingSentence, waitingSentence } from '../src/sentence.ts'

const noon = Date.UTC(2026, 0, 1, 12, 3)
const unit = (name: string): Blocker => ({
  kind: 'storage-unit-limit',
  name,
  storageUnit: name,
  reason: 2040,
  limit: 2,
  inUse: 2,
  holders: [
    { jobId: '17', since: noon },
    { jobId: '18', since: noon + 1000 },
  ],
  goesOnWhen: 'one of them ends',
})
const policy: Blocker = {
  kind: 'policy-limit',
  name: 'nightly',
  reason: 2040,
  limit: 1,
  inUse: 1,
  holders: [{ jobId: '17', since: noon }],
  goesOnWhen: 'job 17 ends',
}

t.test('one reason', async (t) => {
  t.equal(
    waitingSentence('19', noon, [unit('disk1')]),
    'job 19 waits since 2026-01-01T12:03:00.000Z for storage unit disk1: 2 of 2 jobs run there ' +
      '(job 17 since 2026-01-01T12:03:00.000Z, job 18 since 2026-01-01T12:03:01.000Z); ' +
      'job 19 goes on when one of them ends',
  )
})

t.test('any volume of a pool is told as such, not as a volume of the name of the pool', async (t) => {
  const { limit: _l, inUse: _i, ...rest } = unit('tape1')
  const blocker: Blocker = { ...rest, kind: 'volume', name: 'Weekly', holders: [] }
  const told = (more: Partial<Blocker>): string => waitingSentence('19', noon, [{ ...blocker, ...more }])
  t.match(
    told({ reason: 2000, wanted: { pool: 'Weekly', density: 'hcart' } }),
    ' for a volume of pool Weekly (',
  )
  t.match(told({ reason: 2087, limit: 1 }), ' for a volume of pool Weekly (')
  t.match(told({ reason: 2032, limit: 20 }), ' for a volume of pool Weekly (')
  t.match(told({ name: 'A00001', reason: 2032, limit: 1 }), ' for volume A00001 (')
})

t.test('limits and a unit must all give way; of several units one is enough', async (t) => {
  const sentence = waitingSentence('19', noon, [policy, unit('disk1'), unit('disk2')])
  t.match(
    sentence,
    /for policy nightly: 1 of 1 jobs run .*; and for storage unit disk1: .*; or for storage unit disk2: /,
  )
})

t.test('a long list is cut, and says how much is missing', async (t) => {
  const units = Array.from({ length: 20 }, (_, index) => unit(`disk${index}`))
  t.match(waitingSentence('19', noon, units), /; and 12 more reasons$/)
  t.match(waitingSentence('19', noon, units.slice(0, 9)), /; and 1 more reason$/)
})

t.test('a job that does not wait', async (t) => {
  t.equal(notWaitingSentence('17', []), 'job 17 does not wait for resources')
  const allocation = {
    allocationId: 'a',
    jobId: '17',
    storageUnit: 'disk1',
    mediaServer: 'media1',
    purpose: 'write',
    medium: { kind: 'disk', maxFragmentBytes: 1 },
    since: noon,
  } as const
  t.equal(
    notWaitingSentence('17', [allocation]),
    'job 17 does not wait: it holds storage unit disk1 on media server media1 since 2026-01-01T12:03:00.000Z',
  )
})
