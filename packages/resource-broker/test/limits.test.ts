import type { JobType } from '@nb/contracts'
import t from 'tap'
import { type Holder, limitBlockers, limitsOf } from '../src/limits.ts'
import { Usage } from '../src/usage.ts'

const backup = { jobType: 'backup' as JobType, policy: 'nightly', client: 'web' }

t.test(
  'the limit of this client stands instead of that of any client, which stands instead of ours',
  async (t) => {
    const most = (limits: object) => limitsOf({ ...backup, limits }, 3).client?.most
    t.equal(most({}), 3)
    t.equal(most({ maxJobsPerClient: 2 }), 2)
    t.equal(most({ maxJobsPerClient: 2, maxJobsThisClient: 5 }), 5)
  },
)

t.test('a policy is limited only when the request says so', async (t) => {
  t.equal(limitsOf({ ...backup, limits: {} }, 1).policy, undefined)
  t.same(limitsOf({ ...backup, limits: { maxJobsPerPolicy: 4 } }, 1).policy, {
    kind: 'policy',
    name: 'nightly',
    most: 4,
  })
})

t.test('only jobs that take data from clients are limited', async (t) => {
  const limits = { maxJobsPerPolicy: 1, maxJobsPerClient: 1 }
  t.same(limitsOf({ ...backup, jobType: 'restore', limits }, 1), {})
  t.same(limitsOf({ ...backup, jobType: 'verify', limits }, 1), {})
  t.ok(limitsOf({ ...backup, jobType: 'archive', limits }, 1).client)
})

t.test('both limits are named when both are reached, with who holds them and what would help', async (t) => {
  const usage = new Usage()
  const nightly = { kind: 'policy', name: 'nightly' } as const
  const web = { kind: 'client', name: 'web' } as const
  const [first, second, third] = [17, 18, 19].map((job) => ({ jobId: String(job), since: job - 16 })) as [
    Holder,
    Holder,
    Holder,
  ]
  usage.add(first, [nightly, web])
  usage.add(second, [nightly])
  usage.add(third, [nightly])
  const limits = limitsOf({ ...backup, limits: { maxJobsPerPolicy: 2 } }, 1)
  t.match(limitBlockers(limits, usage), [
    { kind: 'policy-limit', limit: 2, inUse: 3, reason: 2040, goesOnWhen: 'fewer than 2 of them run' },
    {
      kind: 'client-limit',
      limit: 1,
      inUse: 1,
      holders: [{ jobId: '17', since: 1 }],
      goesOnWhen: 'job 17 ends',
    },
  ])
  usage.delete(first, [nightly, web])
  usage.delete(second, [nightly])
  t.same(limitBlockers(limits, usage), [])
})
