import t from 'tap'
import { simulate } from '../play.ts'
import { clients, day, fullSchedule, gigabyte, hour, monday, nightly, policy, tapeSite } from '../sites.ts'

t.test('a full that is larger than a volume goes on with the next, in the same drive', async (t) => {
  const site = tapeSite(
    1,
    5,
    {
      clients: clients(1, 2520 * gigabyte),
      policies: [policy(['c1'], [fullSchedule(nightly(20, 6, [1]))])],
    },
    1000 * gigabyte,
  )
  const { jobs, volumes, drives } = await simulate(site, 2)
  t.match(jobs, [{ status: 0, bytes: 2520 * gigabyte, endedAt: monday + 27 * hour }])
  t.match(volumes, { all: 5, full: 2, partlyFull: 1, empty: 2, fewestEmpty: 2 })
  t.equal(
    drives[0]?.bytes.reduce((sum, bytes) => sum + bytes, 0),
    2520 * gigabyte,
  )
})

t.test(
  'a full for which no empty volume is left ends with 96, and what it wrote is free again',
  async (t) => {
    const site = tapeSite(
      1,
      2,
      {
        clients: clients(1, 2520 * gigabyte),
        policies: [policy(['c1'], [fullSchedule(nightly(20, 3, [1]))])],
      },
      1000 * gigabyte,
    )
    const { jobs, misses, volumes } = await simulate(site, 2)
    t.match(jobs[0], { status: 96, bytes: 0 })
    t.match(misses, [{ kind: 'failed', status: 96, client: 'c1' }])
    t.equal(volumes.partlyFull, 0)
  },
)

t.test('four slow clients share a drive and are done when one fast one would be', async (t) => {
  const names = ['c1', 'c2', 'c3', 'c4']
  const slow = clients(4, 180 * gigabyte, 25e6)
  const run = async (multiplexing: number) => {
    const rest = {
      clients: slow,
      policies: [policy(names, [fullSchedule(nightly(20, 9, [1]), { multiplexing })])],
    }
    const site = tapeSite(1, 5, rest)
    const units = site.tapeUnits?.map((unit) => ({ ...unit, maxStreamsPerDrive: 4 })) ?? []
    const { jobs } = await simulate({ ...site, tapeUnits: units }, 2)
    return jobs.map(({ endedAt }) => ((endedAt ?? 0) - monday) / hour)
  }
  // 180 GB at 25 MB/s are two hours; four of them are the 100 MB/s that the drive writes.
  t.same(await run(4), [22, 22, 22, 22])
  t.same(await run(1), [22, 24, 26, 28])
})

t.test('volumes whose images have expired are written again', async (t) => {
  const site = tapeSite(
    1,
    12,
    {
      clients: clients(1, 720 * gigabyte),
      policies: [policy(['c1'], [fullSchedule(nightly(20, 3), { frequencyMs: day, retentionLevel: 0 })])],
    },
    720 * gigabyte,
  )
  const { jobs, volumes, misses } = await simulate(site, 24)
  t.same(misses, [])
  t.equal(jobs.length, 24, 'twice as many fulls as there are volumes')
  t.ok(jobs.every(({ status }) => status === 0))
  t.ok(volumes.empty >= 2)
})
