import t from 'tap'
import type { SimulatedSite } from '@nb/simulation'
import { simulate } from '../play.ts'
import { clients, day, fullSchedule, gigabyte, hour, monday, nightly, policy } from '../sites.ts'

const disk = { name: 'disk1', mediaServer: 'media1', writeBytesPerSecond: 100e6, maxConcurrentJobs: 1 }

/** Fulls of 36 GB, each of which takes six minutes, from eight to midnight. */
const siteOf = (
  count: number,
  disks: SimulatedSite['diskUnits'],
  periodMs: number,
  changes: Partial<SimulatedSite> = {},
): SimulatedSite => ({
  clients: clients(count, 36 * gigabyte),
  mediaServers: [{ name: 'media1' }],
  diskUnits: disks ?? [],
  retentionLevels: [{ level: 1, periodMs }],
  policies: [
    policy(
      clients(count, 1).map(({ name }) => name),
      [fullSchedule(nightly(20, 4), { frequencyMs: day })],
    ),
  ],
  ...changes,
})

t.test('at its mark a disk takes nothing more, and what waits for it says so', async (t) => {
  const marked = { ...disk, capacityBytes: 100 * gigabyte, highWaterPercent: 70 }
  const { jobs, misses, waiting, diskUnits } = await simulate(siteOf(3, [marked], 30 * day), 1)
  t.same(
    jobs.map(({ client, status }) => [client, status]),
    [
      ['c1', 0],
      ['c2', 0],
      ['c3', 196],
    ],
    '72 of 100 GB are above 70 %',
  )
  t.match(misses, [
    { client: 'c3', kind: 'not-started', waitedFor: { kind: 'storage-unit-full', name: 'disk1' } },
  ])
  t.ok(waiting.some(({ kind, totalMs }) => kind === 'storage-unit-full' && totalMs >= 3 * hour))
  t.equal(diskUnits[0]?.usedBytes, 72 * gigabyte)
})

t.test('without a mark it is full when it is full', async (t) => {
  const unmarked = { ...disk, capacityBytes: 100 * gigabyte }
  const { jobs } = await simulate(siteOf(3, [unmarked], 30 * day), 1)
  t.match(jobs.map(({ status }) => status).slice(0, 3), [0, 0, 129])
})

t.test(
  'a backup as large as the last waits for room below the mark until something has expired',
  async (t) => {
    const marked = { ...disk, capacityBytes: 100 * gigabyte, highWaterPercent: 98 }
    // The second night begins with 72 GB of the first, of which half expires at ten.
    const early = policy(['c1'], [fullSchedule(nightly(20, 4), { frequencyMs: day, retentionLevel: 2 })], {
      name: 'early',
    })
    const late = policy(['c2'], [fullSchedule(nightly(20, 4), { frequencyMs: day })], { name: 'late' })
    const { jobs, diskUnits } = await simulate(
      siteOf(2, [marked], 30 * day, {
        retentionLevels: [
          { level: 1, periodMs: 30 * day },
          { level: 2, periodMs: day + 2 * hour },
        ],
        policies: [early, late],
      }),
      3,
    )
    t.same(
      jobs.map(({ client, status, activeAt }) => [
        client,
        status,
        activeAt === undefined ? undefined : (activeAt - monday) / hour,
      ]),
      [
        ['c1', 0, 20],
        ['c2', 0, 20.1],
        // Tried since nobody else writes there, it finds no room, and none again after c2.
        ['c1', 129, 46.1],
        // Waits for room, which the clean-up makes when the first image expires.
        ['c2', 0, 46],
        ['c2', 196, undefined],
        ['c1', 196, undefined],
      ],
    )
    t.equal(diskUnits[0]?.usedBytes, 72 * gigabyte)
  },
)

t.test('where one disk of a group is at its mark the other is chosen', async (t) => {
  const disks = ['disk1', 'disk2'].map((name) => ({
    ...disk,
    name,
    capacityBytes: 100 * gigabyte,
    highWaterPercent: 30,
  }))
  const base = siteOf(2, disks, 30 * day)
  const { jobs } = await simulate(
    {
      ...base,
      groups: [{ name: 'disks', members: ['disk1', 'disk2'], selection: 'prioritised' }],
      policies: base.policies.map((each) => ({ ...each, storage: { kind: 'group', name: 'disks' } })),
      maxJobsPerClient: 1,
    },
    1,
  )
  t.same(
    jobs.map(({ storageUnit, status }) => [storageUnit, status]),
    [
      ['disk1', 0],
      ['disk2', 0],
    ],
  )
})
