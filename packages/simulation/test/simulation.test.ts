import t from 'tap'
import { simulate } from './play.ts'
import { NbError } from '@nb/contracts'
import { type SimulatedSite, createSimulation } from '@nb/simulation'
import { clients, day, fullSchedule, gigabyte, hour, monday, nightly, policy } from './sites.ts'

const disk1 = { name: 'disk1', mediaServer: 'media1', writeBytesPerSecond: 100e6, maxConcurrentJobs: 2 }
const diskUnits = [disk1]
const mediaServers = [{ name: 'media1' }]

t.test('three fulls on a disk of two slots end when a pocket calculator says', async (t) => {
  const names = ['c1', 'c2', 'c3']
  const {
    jobs,
    misses,
    queue,
    diskUnits: units,
    bytesWritten,
  } = await simulate(
    {
      clients: clients(3, 360 * gigabyte),
      mediaServers,
      diskUnits,
      policies: [policy(names, [fullSchedule(nightly(20, 6, [1]))])],
    },
    2,
  )
  const opens = monday + 20 * hour
  // Two share 100 MB/s: 360 GB at 50 MB/s are two hours. The third then has all of it: one hour.
  t.same(
    jobs.map(({ client, submittedAt, activeAt, endedAt, status, bytes }) => [
      client,
      submittedAt - opens,
      (activeAt as number) - opens,
      (endedAt as number) - opens,
      status,
      bytes,
    ]),
    [
      ['c1', 0, 0, 2 * hour, 0, 360 * gigabyte],
      ['c2', 0, 0, 2 * hour, 0, 360 * gigabyte],
      ['c3', 0, 2 * hour, 3 * hour, 0, 360 * gigabyte],
    ],
  )
  t.same(misses, [])
  t.same(queue.mean.slice(7, 11), [0, 1, 1, 0])
  t.same(units[0]?.bytes.slice(7, 12), [0, 360 * gigabyte, 360 * gigabyte, 360 * gigabyte, 0])
  t.equal(units[0]?.usedBytes, 1080 * gigabyte)
  t.equal(bytesWritten, 1080 * gigabyte)
})

t.test('an incremental holds what has changed since the image it is compared with', async (t) => {
  const { jobs } = await simulate(
    {
      clients: clients(1, 100 * gigabyte),
      mediaServers,
      diskUnits,
      policies: [
        policy(
          ['c1'],
          [
            fullSchedule(nightly(20, 6, [1])),
            {
              name: 'inc',
              type: 'differential',
              frequencyMs: day,
              windows: nightly(20, 6),
              retentionLevel: 0,
            },
            {
              name: 'cum',
              type: 'cumulative',
              frequencyMs: 3 * day,
              windows: nightly(20, 6),
              retentionLevel: 1,
            },
          ],
        ),
      ],
    },
    5,
  )
  t.same(
    jobs.map(({ schedule, bytes }) => [schedule, bytes / gigabyte]),
    [
      ['full', 100],
      ['inc', 10],
      ['inc', 10],
      // A tenth changes a day; of what changed on three days some changed twice: 1 - 0.9³.
      ['cum', 27.1],
      ['inc', 10],
    ],
  )
})

t.test('a window that closes leaves the queue with 196, and tells what was waited for', async (t) => {
  const names = ['c1', 'c2', 'c3', 'c4', 'c5']
  const { jobs, misses, waiting } = await simulate(
    {
      clients: clients(5, 360 * gigabyte),
      mediaServers,
      diskUnits,
      policies: [policy(names, [fullSchedule(nightly(20, 3, [1]))])],
    },
    2,
  )
  t.same(
    jobs.map(({ client, status, endedAt }) => [client, status, ((endedAt ?? 0) - monday) / hour]),
    [
      ['c1', 0, 22],
      ['c2', 0, 22],
      ['c3', 0, 24],
      ['c4', 0, 24],
      ['c5', 196, 23],
    ],
  )
  t.match(misses, [
    {
      kind: 'not-started',
      client: 'c5',
      status: 196,
      closesAt: monday + 23 * hour,
      waitedFor: { kind: 'storage-unit-limit', name: 'disk1' },
    },
  ])
  t.match(waiting, [{ policy: 'nightly', kind: 'storage-unit-limit', name: 'disk1', jobs: 3 }])
  t.equal(waiting[0]?.totalMs, (2 + 2 + 3) * hour)
})

t.test('the same seed gives the same bytes, another one other ones', async (t) => {
  const names = Array.from({ length: 12 }, (_, index) => `c${index + 1}`)
  const site: SimulatedSite = {
    clients: clients(12, 300 * gigabyte, 80e6).map((client) => ({ ...client, variation: 0.3 })),
    mediaServers: [{ name: 'media1', bytesPerSecond: 150e6 }],
    diskUnits,
    policies: [
      policy(names, [
        fullSchedule(nightly(20, 8, [1, 4])),
        { name: 'inc', type: 'differential', frequencyMs: day, windows: nightly(20, 8), retentionLevel: 0 },
      ]),
    ],
    failures: { random: { clientUnreachable: 0.1, mediaError: 0.05 } },
  }
  const [first, again, other] = [
    await simulate(site, 10, 5),
    await simulate(site, 10, 5),
    await simulate(site, 10, 6),
  ]
  t.ok(first.jobs.some(({ status }) => status === 58))
  t.ok(first.jobs.some(({ status }) => status === 84))
  t.equal(JSON.stringify(again), JSON.stringify(first))
  t.not(JSON.stringify(other), JSON.stringify(first))
})

t.test('time goes on from where it stood, and results are of then', async (t) => {
  const simulation = createSimulation({
    clients: clients(1, 360 * gigabyte),
    mediaServers,
    diskUnits,
    policies: [policy(['c1'], [fullSchedule(nightly(20, 6))])],
  })
  await simulation.run(monday + 20.5 * hour)
  const half = await simulation.results()
  t.match(half.jobs, [{ client: 'c1', status: undefined }])
  t.equal(half.diskUnits[0]?.bytes[8], 180 * gigabyte)
  await simulation.run(monday + 22 * hour)
  const whole = await simulation.results()
  t.match(whole.jobs, [{ client: 'c1', status: 0, endedAt: monday + 21 * hour }])
  t.equal(whole.diskUnits[0]?.bytes[8], 360 * gigabyte)
  await simulation.stop()
})

t.test('a site that can not be meant is refused by the name of the field', (t) => {
  const site: SimulatedSite = { clients: clients(1, 1), mediaServers, diskUnits, policies: [] }
  const wrong: readonly (readonly [string, Partial<SimulatedSite>])[] = [
    ['clients', { clients: [...site.clients, ...site.clients] }],
    ['clients[0].changePerDay', { clients: [{ ...site.clients[0], changePerDay: 3 } as never] }],
    ['diskUnits[0].mediaServer', { mediaServers: [{ name: 'other' }] }],
    ['mediaServers', { mediaServers: [] }],
    ['policies[0].clients', { policies: [policy(['nobody'], [])] }],
    [
      'policies[0].schedules[1].copies',
      {
        policies: [policy(['c1'], [fullSchedule([]), fullSchedule([], { name: 'twice', copies: [{}, {}] })])],
      },
    ],
    [
      'diskUnits[0].highWaterPercent',
      { diskUnits: [{ ...disk1, capacityBytes: 1, highWaterPercent: 99.5 }] },
    ],
    ['diskUnits[0].highWaterPercent', { diskUnits: [{ ...disk1, capacityBytes: 1, highWaterPercent: 0 }] }],
    ['diskUnits[0].capacityBytes', { diskUnits: [{ ...disk1, highWaterPercent: 90 }] }],
    [
      'failures.planned[0].name',
      { failures: { planned: [{ kind: 'drive-down', name: 'drive9', at: 0, durationMs: 1 }] } },
    ],
  ]
  for (const [field, changes] of wrong) {
    t.equal(refusedField({ ...site, ...changes }), field)
  }
  t.end()
})

function refusedField(site: SimulatedSite): unknown {
  try {
    createSimulation(site)
    return 'not refused'
  } catch (error) {
    return error instanceof NbError && error.code === 'argument-invalid' ? error.details['field'] : error
  }
}

t.test('a job of several copies that comes by the ports is not played as one of one', async (t) => {
  const site = {
    clients: clients(1, gigabyte),
    mediaServers,
    diskUnits: [disk1, { ...disk1, name: 'disk2' }],
    policies: [],
  }
  const simulation = createSimulation(site)
  await simulation.run(monday + 13 * hour)
  const { scheduler } = simulation.ports
  const copies = ['disk1', 'disk2'].map((name) => ({ storage: { kind: 'unit', name } as const }))
  await scheduler.putPolicy({ policy: policy(['c1'], [fullSchedule(nightly(20, 6), { copies })]) })
  await simulation.run(monday + 30 * hour)
  const { jobs } = await simulation.results()
  await simulation.stop()
  t.match(jobs, [{ status: 228, bytes: 0 }])
})
