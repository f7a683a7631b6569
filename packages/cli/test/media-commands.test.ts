import type { Drive, QueuedRequest, Volume, WantedVolume } from '@nb/contracts'
import t from 'tap'
import { type InMemoryServer, noon, startInMemoryServer } from './in-memory-server.ts'

let server: InMemoryServer
t.beforeEach(async () => {
  server = await startInMemoryServer()
  const { units, servers, robots, pools, volumes, drives } = server.media.facts
  const both = { mediaServer: 'local', maxFragmentBytes: 2 ** 40, state: 'up' } as const
  units.set('disk1', { ...both, type: 'disk', name: 'disk1', onDemandOnly: false, maxConcurrentJobs: 1 })
  units.set('tape1', {
    ...both,
    type: 'tape',
    name: 'tape1',
    density: 'hcart',
    maxConcurrentDrives: 2,
    maxStreamsPerDrive: 4,
    onDemandOnly: true,
  })
  servers.set('local', { name: 'local', state: 'up', load: { value: 0.42, at: noon - 5000 } })
  robots.set('tld0', { name: 'tld0', state: 'up' })
  pools.set('Scratch', { name: 'Scratch', scratch: true })
  pools.set('NetBackup', { name: 'NetBackup', scratch: false, maxPartiallyFull: 2 })
  for (const one of [
    volume('A00001', { assignedAt: noon, retentionLevel: 3, slot: 4 }),
    volume('A00002', {}),
  ])
    volumes.set(one.volumeId, one)
  drives.set('drive0', drive({ robot: 'tld0', control: 'TLD', loadedVolume: 'A00001' }))
})
t.afterEach(() => server.stop())

const volume = (volumeId: string, more: Partial<Volume>): Volume => ({
  volumeId,
  density: 'hcart',
  pool: 'NetBackup',
  robot: 'tld0',
  state: 'active',
  mounts: 7,
  ...more,
})

const drive = (more: Partial<Drive>): Drive => ({
  name: 'drive0',
  mediaServer: 'local',
  density: 'hcart',
  state: 'up',
  ...more,
})

t.test('nb storage add makes tape of the drives that a media server has in a robot', async (t) => {
  server.media.facts.drives.set('drive1', { ...drive({ robot: 'tld0' }), name: 'drive1' })
  const add = (...args: string[]) => server.nb('storage', 'add', ...args, '--media-server', 'local')
  t.match(await add('tape2', '--robot', 'tld0', '--max-streams', '4'), {
    code: 0,
    out: 'storage unit tape2 of local is added; its media server runs with --tape LIBRARY --tape-unit tape2\n',
  })
  t.match(server.media.facts.units.get('tape2'), {
    ...{ type: 'tape', density: 'hcart', robot: 'tld0', mediaServer: 'local', onDemandOnly: true },
    ...{ maxConcurrentDrives: 2, maxStreamsPerDrive: 4 },
  })
  t.match(await add('tape3', '--robot', 'tld9'), { code: 1, err: /has no drives in a robot tld9/ })
  t.match(await add('tape3', '--robot', 'tld0', '--max-jobs', '1'), {
    code: 2,
    err: /--max-jobs is for disks/,
  })
  t.match(await add('disk3', '--max-drives', '1'), { code: 2, err: /name its robot with --robot/ })
  t.match(await add('tape1', '--robot', 'tld0'), { code: 1, err: /there is a storage unit tape1, of local/ })
})

t.test('nb storage lists units and groups; down tells why, and running jobs go on', async (t) => {
  t.match(await server.nb('group', 'set', 'all', 'disk1', 'tape1', '--selection', 'failover'), {
    code: 0,
    out: 'group all: failover of disk1 tape1\n',
  })
  t.match(await server.nb('storage', 'down', 'disk1', '--reason', 'file system check'), {
    code: 0,
    out: 'storage unit disk1: is down, file system check\n',
  })
  const { out } = await server.nb('storage')
  t.match(out, /disk1 +disk +local +down +1 job +to 1\.0 TiB +by any policy +file system check\n/)
  t.match(out, /tape1 +tape hcart +local +up +2 drives of 4 streams +to 1\.0 TiB +when named/)
  t.match(out, /GROUP +CHOOSES +MEMBERS\nall +failover +disk1 tape1\n$/)
  t.match(await server.nb('storage', 'up', 'none', 'disk1'), {
    code: 1,
    out: 'storage unit disk1: is up\n',
    err: /no storage unit none/,
  })
  t.notMatch((await server.nb('storage')).out, /file system check/, 'the reason goes with the state')
  t.match(await server.nb('group', 'set', 'x', 'none'), { code: 1, err: /storage-unit-unknown/ })
  t.match(await server.nb('group', 'remove', 'all'), { code: 0, out: 'group all: removed\n' })
  t.match(await server.nb('group', 'remove', 'all'), { code: 1, err: /status 2097/ })
  t.equal((await server.nb('storage', '--json')).out.trim().split('\n').length, 2)
})

t.test('nb storage set changes a limit and nothing else', async (t) => {
  t.match(await server.nb('storage', 'set', 'disk1', '--max-jobs', '3'), {
    code: 0,
    out: 'storage unit disk1: 3 jobs at once, water marks 98% 80%\n',
  })
  t.match(server.media.facts.units.get('disk1'), { maxConcurrentJobs: 3, maxFragmentBytes: 2 ** 40 })
  t.match(
    await server.nb(
      'storage',
      'set',
      'tape1',
      '--max-drives',
      '1',
      '--max-streams',
      '32',
      '--max-fragment',
      '1024',
    ),
    { code: 0, out: 'storage unit tape1: 1 drive of 32 streams at once\n' },
  )
  t.match(server.media.facts.units.get('tape1'), { maxFragmentBytes: 2 ** 30, onDemandOnly: true })
  await server.nb('storage', 'set', 'tape1', '--used', 'by-any')
  t.equal(server.media.facts.units.get('tape1')?.onDemandOnly, false)
  for (const wrong of [['disk1'], ['disk1', '--max-drives', '2'], ['tape1', '--max-jobs', '2']])
    t.equal((await server.nb('storage', 'set', ...wrong)).code, 2, wrong.join(' '))
  t.match(await server.nb('storage', 'set', 'none', '--max-jobs', '1'), {
    code: 1,
    err: /storage-unit-unknown/,
  })
})

t.test('nb storage shows the room of disks and their water marks, which can be set', async (t) => {
  t.match(
    await server.nb('storage', 'set', 'disk1', '--high-water', '90', '--low-water', '70', '--staging', 'on'),
    { code: 0, out: /water marks 90% 70% staging\n/ },
  )
  const unit = server.media.facts.units.get('disk1')
  t.match(unit, { highWaterPercent: 90, lowWaterPercent: 70, staging: true })
  if (unit?.type !== 'disk') throw new Error('disk1 is no disk')
  const space = { totalBytes: 100 * 2 ** 30, freeBytes: 12 * 2 ** 30, at: 0, committedBytes: 5 * 2 ** 30 }
  server.media.facts.units.set('disk1', { ...unit, space })
  const { out } = await server.nb('storage')
  t.match(out, /FREE +MARKS/)
  t.match(out, /disk1 .*12\.0 GiB of 100 GiB, 88% used, 5\.0 GiB expected +90% 70% staging/)
  t.match(out, /tape1 .* - +-/)
  server.media.facts.units.set('disk1', { ...unit, space: { ...space, committedBytes: 0, full: true } })
  t.match((await server.nb('storage')).out, /12\.0 GiB of 100 GiB, full +90%/)
  server.media.facts.units.set('disk1', { ...unit, missing: '/srv/nb has no marker' })
  t.match(
    (await server.nb('storage')).out,
    /disk1 +disk +local +not there .* - +90% 70% staging +\/srv\/nb has no marker/,
  )
  server.media.facts.units.set('disk1', {
    ...unit,
    missing: 'no marker',
    state: 'down',
    stateReason: 'moved',
  })
  t.match((await server.nb('storage')).out, /disk1 +disk +local +down .* moved\n/)
  server.media.facts.units.set('disk1', unit)
  t.equal((await server.nb('storage', 'set', 'tape1', '--high-water', '90')).code, 2)
  await server.nb('storage', 'set', 'disk1', '--staging', 'off')
  t.match(server.media.facts.units.get('disk1'), { staging: false, highWaterPercent: 90 })
})

t.test('media servers are throttled and taken down, robots too', async (t) => {
  t.match((await server.nb('media-servers')).out, /local +up +no limit +42% +0:05 ago/)
  t.match(await server.nb('media-server', 'set', 'local', '--max-jobs', '8'), {
    code: 0,
    out: 'media server local: at most 8 at once\n',
  })
  await server.nb('media-server', 'down', 'local', '--reason', 'new kernel')
  t.match((await server.nb('media-servers')).out, /local +down +8 +42% .*new kernel/)
  t.match(await server.nb('media-server', 'set', 'local', '--max-jobs', 'none'), { code: 0, out: /no limit/ })
  t.match(await server.nb('media-server', 'up', 'local'), { code: 0 })
  t.match(server.media.facts.servers.get('local'), { state: 'up', stateReason: undefined })
  t.match(await server.nb('media-server', 'up', 'far'), {
    code: 1,
    err: /media-server-unknown[^]*status 2101/,
  })
  t.match(await server.nb('robot', 'down', 'tld0', '--reason', 'door open'), { code: 0 })
  t.match((await server.nb('robots')).out, /tld0 +down +door open\n/)
  t.match(await server.nb('robot', 'up', 'tld9'), { code: 1, err: /there is no robot tld9/ })
})

t.test('nb volumes filters, and tells state, place and mounts', async (t) => {
  t.match(
    (await server.nb('volumes')).out,
    /A00001 +NetBackup +hcart +tld0 slot 4 +active +2026-03-01 12:00:00 +3 +7 /,
  )
  const ids = async (...args: string[]): Promise<string[]> =>
    [...(await server.nb('volumes', '--json', ...args)).out.matchAll(/"volumeId":"(\w+)"/g)].map(
      ([, id]) => id ?? '',
    )
  t.same(await ids(), ['A00001', 'A00002'])
  t.same(await ids('--assigned'), ['A00001'])
  t.same(await ids('--no-assigned'), ['A00002'])
  t.same(await ids('A00002'), ['A00002'])
  t.same(await ids('--pool', 'Scratch'), [])
  t.match(await server.nb('volume', 'freeze', 'A00001', '--reason', 'read errors'), {
    code: 0,
    out: 'volume A00001: is frozen, read errors\n',
  })
  t.same(await ids('--state-is', 'frozen', '--state-is', 'full'), ['A00001'])
  t.match((await server.nb('volumes')).out, /frozen .* read errors\n/)
  for (const [verb, state] of [
    ['unfreeze', 'active'],
    ['full', 'full'],
    ['suspend', 'suspended'],
    ['activate', 'active'],
  ] as const) {
    t.equal((await server.nb('volume', verb, 'A00001')).code, 0, verb)
    t.equal(server.media.facts.volumes.get('A00001')?.state, state)
  }
  server.media.facts.volumes.set('A00002', {
    ...(server.media.facts.volumes.get('A00002') as Volume),
    state: 'imported',
  })
  t.match(await server.nb('volume', 'unfreeze', 'A00002'), {
    code: 1,
    err: /volume A00002 is not frozen, it is imported[^]*status 228/,
  })
  t.equal(server.media.facts.volumes.get('A00002')?.state, 'imported')
  await server.nb('volume', 'activate', 'A00002')
  t.match(await server.nb('volume', 'suspend', 'A00002'), { code: 1, err: /no images[^]*status 228/ })
  t.equal((await server.nb('volumes', '--state-is', 'lost')).code, 2)
})

t.test('nb volume images tells what is on a volume, also what the catalog no longer has', async (t) => {
  server.media.facts.images.set('A00001', ['web1_2', 'gone_1'])
  const { out } = await server.nb('volume', 'images', 'A00001')
  t.match(out, /web1_2 +nightly +complete +2026-03-01 12:00:00 +1 +never\ngone_1 +- +not in the catalog/)
  t.match(await server.nb('volume', 'images', 'A00002'), { code: 0, err: /no images are on A00002/ })
  t.match(await server.nb('volume', 'images', 'B00001'), { code: 1, err: /status 227/ })
})

t.test(
  'nb drives tells control state, volume and jobs; a drive goes down, up and to an operator',
  async (t) => {
    server.media.facts.allocations.push({
      allocationId: 'a',
      jobId: '12',
      storageUnit: 'tape1',
      mediaServer: 'local',
      purpose: 'write',
      since: noon,
      medium: {
        kind: 'tape',
        maxFragmentBytes: 1,
        drive: 'drive0',
        volumeId: 'A00001',
        volumePool: 'NetBackup',
      },
    })
    t.match((await server.nb('drives')).out, /drive0 +hcart +local +tld0 +TLD +A00001 +12 +- +-\n/)
    t.match(JSON.parse((await server.nb('drives', '--json')).out), { control: 'TLD', jobIds: ['12'] })
    t.match(await server.nb('drive', 'down', 'drive0', '--reason', 'head worn'), {
      code: 0,
      out: 'drive drive0: is down, head worn\n',
    })
    t.equal(server.media.facts.drives.get('drive0')?.state, 'down')
    t.match(await server.nb('drive', 'operator', 'drive0'), { code: 0, out: /is under an operator\n/ })
    t.match(await server.nb('drive', 'up', 'drive0', 'drive9'), {
      code: 1,
      out: /drive0: is up\n/,
      err: /drive9/,
    })
  },
)

t.test('nb drives tells the hours since cleaning, and nb drive cleaned begins them anew', async (t) => {
  const { drives } = server.media.facts
  const drive0 = drives.get('drive0') as Drive
  drives.set('drive0', { ...drive0, mountMsSinceCleaning: 103.5 * 3_600_000 })
  t.match((await server.nb('drives')).out, /SINCE CLEANING.*\n.* +103\.5 h +-\n/)
  t.match(JSON.parse((await server.nb('drives', '--json')).out), { mountMsSinceCleaning: 372_600_000 })
  t.match(await server.nb('drive', 'cleaned', 'drive0', 'drive9'), {
    code: 1,
    out: 'drive drive0: is cleaned, its hours begin anew\n',
    err: /drive9/,
  })
  t.match((await server.nb('drives')).out, / +0\.0 h +-\n/)
})

t.test('nb pools counts volumes, and nb pool set keeps what it is not told', async (t) => {
  const { out } = await server.nb('pools')
  t.match(out, /NetBackup +no +1 +1 +0 +2\n/)
  t.match(out, /Scratch +yes +0 +0 +0 +no limit\n/)
  t.match(await server.nb('pool', 'set', 'NetBackup', '--max-partly-full', 'none'), { code: 0 })
  t.match(await server.nb('pool', 'set', 'Scratch', '--max-partly-full', '3'), {
    code: 0,
    out: /scratch, at most 3/,
  })
  t.same(server.media.facts.pools.get('NetBackup'), { name: 'NetBackup', scratch: false })
  t.same(server.media.facts.pools.get('Scratch'), { name: 'Scratch', scratch: true, maxPartiallyFull: 3 })
})

t.test('nb errors lists what is remembered, and forgets only what it is told', async (t) => {
  server.media.facts.errors = [
    { drive: 'drive0', volumeId: 'A00001', kind: 'write', jobId: '12', at: noon },
    { drive: 'drive1', kind: 'position', at: noon },
  ]
  t.match(
    (await server.nb('errors')).out,
    /2026-03-01 12:00:00 +write +A00001 +drive0 +12\n.* position +- +drive1/,
  )
  t.match(await server.nb('errors', '--forget'), { code: 2, err: /say whose/ })
  t.match(await server.nb('errors', '--drive', 'nope', '--forget'), {
    code: 1,
    err: /there is no drive nope/,
  })
  t.match(await server.nb('errors', '--volume', 'N0PE'), { code: 1, err: /there is no volume N0PE/ })
  t.match(await server.nb('volumes', '--pool', 'nope'), {
    code: 0,
    err: 'no volumes; there is no volume pool nope: nb pools lists them\n',
  })
  t.match(await server.nb('errors', '--drive', 'drive0', '--forget'), { code: 0, err: /nb drive up/ })
  t.equal(server.media.facts.errors.length, 1)
  t.match(await server.nb('errors', '--volume', 'A00001'), { code: 0, err: 'no errors are remembered\n' })
})

t.test('nb orphans finds what belongs to no job, and --repair gives it back', async (t) => {
  t.match(await server.nb('orphans'), { code: 0, err: /no orphans/ })
  const allocation = {
    allocationId: 'a-1',
    jobId: '9',
    storageUnit: 'disk1',
    mediaServer: 'local',
    purpose: 'write',
    medium: { kind: 'disk', maxFragmentBytes: 1 },
    since: noon,
  } as const
  server.broker.orphans = {
    orphanedAllocations: [allocation],
    orphanedLeases: [{ leaseId: 'l-1', expiresAt: noon, allocation }],
  }
  t.match(await server.nb('orphans'), {
    code: 0,
    out: /allocation +9 +disk1 +2026-03-01 12:00:00 +a-1\nlease +9 +disk1 .* l-1\n/,
    err: /--repair gives them back/,
  })
  t.match(await server.nb('orphans', '--repair'), { code: 0, err: 'given back\n' })
  t.match(JSON.parse((await server.nb('orphans', '--json')).out), { orphanedLeases: [], repaired: false })
})

t.test('nb robot inventory marks what differs, tells what an update would do, and does it', async (t) => {
  const { devices } = server
  const slot = (number: number) => ({ place: { kind: 'slot', number } as const })
  devices.places = [
    {
      place: { kind: 'drive', number: 1 },
      drive: 'drive0',
      barcode: 'A00001L8',
      volumeId: 'A00001',
      expected: 'A00001',
    },
    { ...slot(1), barcode: 'B00001L8' },
    { ...slot(2), expected: 'A00002' },
    { ...slot(3), barcode: 'A00003L8', volumeId: 'A00003', expected: 'A00004' },
    { ...slot(4), unlabelled: true },
    slot(5),
    { place: { kind: 'import-export', number: 1 }, barcode: 'CLN001L8' },
  ]
  const unread = 'its barcode could not be read'
  devices.differences = [
    { kind: 'new', volume: { ...volume('B00001', {}), barcode: 'B00001L8', slot: 1 } },
    { kind: 'moved', volumeId: 'A00003', to: 3 },
    { kind: 'moved', volumeId: 'A00005', from: 3, to: 7 },
    { kind: 'gone', volumeId: 'A00002', from: 2 },
    { kind: 'refused', place: 'slot 4', why: unread },
  ]
  const { out, err } = await server.nb('robot', 'inventory', 'tld0')
  t.match(
    out,
    /^PLACE +DRIVE +BARCODE +VOLUME +EXPECTED +NOTE\ndrive 1 +drive0 +A00001L8 +A00001 +A00001 +-\n/,
  )
  t.match(out, /^slot 1 .* new: would be volume B00001$/m)
  t.match(out, /^slot 2 .* A00002 should be here$/m)
  t.match(out, /^slot 3 +- +A00003L8 +A00003 +A00004 +A00004 should be here$/m)
  t.match(out, /^slot 4 +- +unreadable .*could not be read$/m)
  t.match(out, /^mail slot 1 .*nb robot inject tld0$/m)
  t.match(err, /empty: 1 slot\n5 differences: nb robot inventory tld0 --preview tells/)
  const told = [
    'volume B00001: new, B00001L8 in slot 1, pool NetBackup, density hcart',
    'volume A00003: came in, now in slot 3',
    'volume A00005: from slot 3, now in slot 7',
    'volume A00002: not in tld0 any more, was in slot 2',
    `slot 4: a cartridge is not taken in: ${unread}`,
    '',
  ].join('\n')
  t.match(await server.nb('robot', 'inventory', 'tld0', '--preview'), { code: 0, out: told })
  t.match(await server.nb('robot', 'inventory', 'tld0', '--update'), { code: 1, out: told })
  t.same(JSON.parse((await server.nb('robot', 'inventory', 'tld0', '--json')).out), {
    robot: 'tld0',
    places: devices.places,
    differences: devices.differences,
  })
  devices.differences = []
  t.match(await server.nb('robot', 'inventory', 'tld0', '--update'), { code: 0, out: '', err: /has what/ })
  t.match(await server.nb('robot', 'inventory', 'none'), { code: 1, err: /no robot none.*\(not-found\)/ })
})

t.test('nb robot inject tells what came in, and what is left in the mail slots', async (t) => {
  t.match(await server.nb('robot', 'inject', 'tld0'), {
    code: 0,
    out: '',
    err: /nothing is in the mail slots/,
  })
  server.devices.report = {
    injected: [
      { barcode: 'A00009L8', volumeId: 'A00009', mailSlot: 1, slot: 4 },
      { barcode: 'CLN001L8', mailSlot: 2, slot: 5 },
    ],
    left: [{ mailSlot: 3, why: 'its barcode could not be read' }],
    differences: [
      { kind: 'moved', volumeId: 'A00009', to: 4 },
      { kind: 'gone', volumeId: 'A00002', from: 2 },
    ],
  }
  t.match(await server.nb('robot', 'inject', 'tld0'), {
    code: 1,
    out: [
      'volume A00009 (A00009L8): from mail slot 1 into slot 4 of tld0',
      'CLN001L8: from mail slot 2 into slot 5 of tld0',
      'volume A00002: not in tld0 any more, was in slot 2',
      '',
    ].join('\n'),
    err: 'a cartridge: left in mail slot 3 of tld0: its barcode could not be read\n',
  })
  t.match(JSON.parse((await server.nb('robot', 'inject', 'tld0', '--json')).out), {
    robot: 'tld0',
    left: [{}],
  })
})

t.test('nb volume eject and label tell each volume, whatever comes of the others', async (t) => {
  t.match(await server.nb('volume', 'eject', 'A00002', 'A00001'), {
    code: 1,
    out: 'volume A00001: in mail slot 1 of tld0, take it out\n',
    err: /A00002 stays in robot tld0.*\(element-full\)/,
  })
  server.media.facts.volumes.set('A00003', volume('A00003', { state: 'frozen' }))
  t.match(await server.nb('volume', 'label', 'A00001', 'A00003', '--overwrite', '--drive', 'drive1'), {
    code: 0,
    out: /^volume A00001: labelled in drive drive1, generation g-1\nvolume A00003: labelled in drive drive1/,
    err: 'volume A00003 is frozen still: nb volume activate A00003 lets it be written to\n',
  })
  t.same(server.devices.asked[0], { volumeId: 'A00001', drive: 'drive1', overwrite: true })
  await server.nb('volume', 'label', 'A00001')
  t.same(server.devices.asked.at(-1), { volumeId: 'A00001' })
})

t.test('nb volume pool moves volumes without images', async (t) => {
  server.media.facts.volumes.set('A00007', volume('A00007', { pool: 'Scratch', scratchPool: 'Scratch' }))
  server.media.facts.volumes.set('A00008', volume('A00008', { assignedAt: noon }))
  t.match(await server.nb('volume', 'pool', 'offsite', 'A00008', 'A00099', 'A00007'), {
    code: 1,
    out: 'volume A00007: in pool offsite\n',
    err: /A00008 stays in pool.*images on it(.|\n)*no volume A00099/,
  })
  const moved = server.media.facts.volumes.get('A00007')
  t.equal(moved?.pool, 'offsite')
  t.equal(moved?.scratchPool, undefined)
  t.equal(server.media.facts.volumes.get('A00008')?.assignedAt, noon)
})

t.test('nb requests lists the volumes that you have to bring; denied, their jobs are told', async (t) => {
  t.match(await server.nb('requests'), { code: 0, out: '', err: /no job waits/ })
  const blocker = {
    kind: 'volume',
    storageUnit: 'tape1',
    reason: 2000,
    holders: [],
    goesOnWhen: '…',
  } as const
  const waiting = (jobId: string, since: number, wanted: WantedVolume | undefined): QueuedRequest => ({
    request: {
      requestId: jobId,
      jobId,
      jobType: wanted?.volumeId === undefined ? 'backup' : 'restore',
      priority: 0,
      client: 'web1',
      limits: {},
      need: { kind: 'read', storageUnit: 'tape1' },
    },
    since,
    passedBy: 0,
    blockers: [
      { ...blocker, name: wanted?.volumeId ?? 'offsite', ...(wanted === undefined ? {} : { wanted }) },
    ],
  })
  server.broker.waiting.push(
    waiting('9', noon - 60_000, { pool: 'offsite', density: 'hcart', robot: 'tld0' }),
    waiting('10', noon - 90_000, undefined),
    waiting('12', noon - 120_000, { volumeId: 'A00009', pool: 'NetBackup', density: 'hcart' }),
  )
  const { out, err } = await server.nb('requests')
  t.match(
    out,
    /^JOB +TYPE +WAITING +WANTS +IN +DENSITY +CLIENT +POLICY\n +12 +restore .* volume A00009 +tape1 +hcart +web1 +-\n/,
  )
  t.match(out, /^ +9 +backup .* a volume of pool offsite +tld0 /m)
  t.notMatch(out, /^ +10 /m)
  t.match(err, /nb why JOB/)
  t.equal((await server.nb('requests', '--json')).out.trim().split('\n').length, 2)
  t.match(await server.nb('request', 'deny', '12', '99', '--reason', 'lost'), {
    code: 1,
    out: 'job 12: its request is denied\n',
    err: /Job 99 asks for no volume/,
  })
  t.same(server.broker.reasons, ['lost'])
  t.equal((await server.nb('request', 'deny', 'A00009')).code, 2, 'jobs have numbers')
})
