import { readFileSync } from 'node:fs'
import { createPowerLossStorage, createVirtualClock, collect, driven, sampleLine } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { createJobStore } from '../src/index.ts'
import { jobKey, lineKey } from '../src/store-keys.ts'
import { request } from './fixture.ts'

const registration = { requestId: 'r', type: 'restore', origin: 'user', client: 'web1', lines: [] } as const
const need = { kind: 'read', storageUnit: 'disk1' } as const

t.test('numbers go on after a restart, also when the last jobs are gone', async (t) => {
  const clock = createVirtualClock()
  const store = new MemoryLevel()
  const first = createJobStore({ store, clock })
  t.strictSame(await first.create({ kind: 'backup', request: request({ requestId: 'a' }) }), {
    jobId: '1',
    created: true,
  })
  t.strictSame(await first.create({ kind: 'backup', request: request({ requestId: 'b' }) }), {
    jobId: '2',
    created: true,
  })
  for (const jobId of ['1', '2']) {
    await first.apply(jobId, {
      kind: 'ended',
      at: clock.now(),
      ending: { status: 0, statusText: '', warnings: 0 },
    })
    await first.apply(jobId, { kind: 'settled' })
  }
  await clock.advance(31 * 86_400_000)
  t.equal(await first.purge(), 2)
  await first.stop()
  const second = createJobStore({ store, clock })
  t.strictSame(await second.create({ kind: 'backup', request: request({ requestId: 'c' }) }), {
    jobId: '3',
    created: true,
  })
  t.strictSame(await second.create({ kind: 'backup', request: request({ requestId: 'c' }) }), {
    jobId: '3',
    created: false,
  })
  await second.stop()
})

t.test('without lines nothing of a log is written or told; logs of before go with their jobs', async (t) => {
  const clock = createVirtualClock()
  const store = new MemoryLevel<string, string>()
  const first = createJobStore({ store, clock })
  await first.create({ kind: 'backup', request: request({ requestId: 'a' }) })
  await first.append({ jobId: '1', lines: [sampleLine('of before')] })
  await first.stop()
  const second = createJobStore({ store, clock }, { keepsLines: false })
  await second.start()
  const told: string[] = []
  second.on('line:appended', ({ line }) => told.push(line.text))
  t.same((await collect(second.lines('1', 0))).map(({ line }) => line.text).at(-1), 'of before')
  const lines = [sampleLine('dropped')]
  await second.create({ kind: 'backup', request: request({ requestId: 'b', lines }) })
  await second.append({ jobId: '2', lines })
  for (const jobId of ['1', '2']) {
    const ending = { status: 0, statusText: '', warnings: 0 }
    await second.apply(jobId, { kind: 'ended', at: clock.now(), ending }, lines)
    await second.apply(jobId, { kind: 'settled' })
    await second.append({ jobId, lines })
  }
  t.strictSame(await collect(second.lines('2', 0)), [])
  t.strictSame(told, [])
  t.match(await second.view('2'), { state: 'done', status: 0 })
  await clock.advance(31 * 86_400_000)
  t.equal(await second.purge(), 2)
  t.strictSame(
    (await store.keys().all()).filter((key) => key.includes('lines')),
    [],
  )
  t.equal(await second.view('2'), undefined)
  await second.stop()
})

t.test('a job that has just ended is read as one that is read from the store', async (t) => {
  const clock = createVirtualClock()
  const store = new MemoryLevel<string, string>()
  const first = createJobStore({ store, clock })
  await first.create({ kind: 'backup', request: request({ requestId: 'a' }) })
  await first.apply('1', { kind: 'ended', at: 1, ending: { status: 84, statusText: 'x', warnings: 0 } })
  await first.apply('1', { kind: 'settled' })
  const [record, job] = [await first.read('1'), await first.view('1')]
  await first.stop()
  const second = createJobStore({ store, clock })
  t.strictSame(await second.read('1'), record)
  t.strictSame(await second.view('1'), job)
  t.match(job, { status: 84 })
  await second.stop()
})

t.test('a request id of another type of job is refused', async (t) => {
  const jobStore = createJobStore({ store: new MemoryLevel(), clock: createVirtualClock() })
  await jobStore.create({ kind: 'backup', request: request({ requestId: 'a' }) })
  const restore = { requestId: 'a', type: 'restore', origin: 'user', client: 'web1', lines: [] } as const
  await t.rejects(jobStore.create({ kind: 'registered', request: restore }), {
    code: 'request-duplicate',
    details: { jobId: '1' },
  })
  await jobStore.stop()
})

t.test('damaged records are named, and everything else works on', async (t) => {
  const clock = createVirtualClock()
  const store = new MemoryLevel()
  const first = createJobStore({ store, clock })
  for (const requestId of ['a', 'b', 'c'])
    await first.create({ kind: 'backup', request: request({ requestId }) })
  await first.append({ jobId: '3', lines: [sampleLine('a line to be damaged')] })
  await first.stop()
  const jobs = store.sublevel('jobs', { valueEncoding: 'utf8' })
  await jobs.put(jobKey('1'), '{"half')
  await jobs.put(jobKey('2'), JSON.stringify({ version: 1, id: '2' }))
  await store.sublevel('lines', { valueEncoding: 'utf8' }).put(lineKey('3', 3), 'null')
  await store.sublevel('meta', { valueEncoding: 'utf8' }).put('lastId', 'many')

  const errors: string[] = []
  const log = Object.assign(() => undefined, {
    error: (format: string, ...values: readonly unknown[]) => void errors.push([format, ...values].join(' ')),
    trace: () => undefined,
  })
  const told: string[] = []
  const second = createJobStore({ store, clock, log })
  second.on('store:corrupt', ({ key }) => told.push(key))
  await second.start()
  t.strictSame(told, ['lastId', jobKey('1'), jobKey('2')])
  t.equal(second.damage.length, 3)
  t.ok(errors.some((text) => text.includes(jobKey('2'))))
  await t.rejects(second.view('1'), { code: 'store-corrupt', status: 220, details: { key: jobKey('1') } })
  t.strictSame(
    (await collect(second.list({}))).map(({ id }) => id),
    ['3'],
  )
  const texts = (await collect(second.lines('3', 0))).map(({ line }) => line.text)
  t.match(texts.at(-1), /store-corrupt: .*0000000000000003\/0000000003/)
  t.strictSame(await second.create({ kind: 'backup', request: request({ requestId: 'd' }) }), {
    jobId: '4',
    created: true,
  })
  await second.stop()
})

t.test('a record of a later version is refused as such', async (t) => {
  const store = new MemoryLevel()
  await store.sublevel('jobs', { valueEncoding: 'utf8' }).put(jobKey('1'), JSON.stringify({ version: 2 }))
  const jobStore = createJobStore({ store, clock: createVirtualClock() })
  await t.rejects(jobStore.view('1'), { code: 'version-unsupported', status: 43 })
  await jobStore.stop()
})

t.test('what was reported survives the loss of power', async (t) => {
  const clock = createVirtualClock()
  const storage = createPowerLossStorage()
  const open = () => createJobStore({ store: storage.database('jobs'), clock })
  const ending = { status: 0, statusText: 'done', warnings: 0 }
  const first = open()
  await first.create({ kind: 'backup', request: request({ requestId: 'a' }) })
  await first.create({ kind: 'backup', request: request({ requestId: 'b' }) })
  await first.apply('1', { kind: 'cancel-requested', at: 1, reason: 'enough' })
  await first.apply('2', { kind: 'ended', at: 1, ending })
  storage.lose()
  storage.restore()
  const second = open()
  t.match(await second.view('1'), { state: 'queued', cancelRequested: true })
  t.match(await second.view('2'), { state: 'done' })
  await second.apply('2', { kind: 'settled' })
  storage.lose()
  storage.restore()
  t.match(await open().view('2'), { state: 'done', status: 0 })
})

t.test('the end of a job is written as soon as the database can', async (t) => {
  const clock = createVirtualClock()
  const store = new MemoryLevel()
  let broken = false
  const batch = store.batch.bind(store) as (...input: unknown[]) => Promise<void>
  Object.assign(store, {
    batch: (...input: unknown[]) => (broken ? Promise.reject(new Error('no space')) : batch(...input)),
  })
  const jobStore = createJobStore({ store, clock })
  await jobStore.create({ kind: 'backup', request: request() })
  broken = true
  await t.rejects(jobStore.append({ jobId: '1', lines: [sampleLine('lost')] }), { code: 'store-failed' })
  const ended = jobStore.apply('1', {
    kind: 'ended',
    at: 1,
    ending: { status: 0, statusText: '', warnings: 0 },
  })
  await clock.advance(10_000)
  t.match(await jobStore.view('1'), { state: 'queued' }, 'nothing is shown that is not written')
  broken = false
  await driven(clock, ended)
  t.match(await jobStore.view('1'), { state: 'done' })
  await jobStore.stop()
})

t.test('a change tells whether its job moves on, and shows it to those who ask', async (t) => {
  const clock = createVirtualClock()
  const store = createJobStore({ store: new MemoryLevel(), clock })
  const told: [state: string, isMove: boolean, status: number | undefined, bytes: number | undefined][] = []
  store.on('job:changed', ({ state, isMove, status, job }) =>
    told.push([state, isMove, status, job.progress?.bytes]),
  )
  await store.create({ kind: 'registered', request: registration })
  store.show('1', { progress: { files: 1, bytes: 5 } })
  await store.apply('1', { kind: 'noted', facts: { backupId: 'web1_1' } })
  await store.apply('1', {
    kind: 'ended',
    at: clock.now(),
    ending: { status: 0, statusText: '', warnings: 0 },
  })
  await store.apply('1', { kind: 'settled' })
  t.strictSame(told, [
    ['active', true, undefined, undefined],
    ['active', false, undefined, 5],
    ['active', false, undefined, 5],
    ['done', true, undefined, 5],
    ['done', true, 0, 5],
  ])
  await store.stop()
})

t.test('a noted change is decided by at once and written with the next', async (t) => {
  const clock = createVirtualClock()
  const database = new MemoryLevel<string, string>()
  const store = createJobStore({ store: database, clock })
  const asked = { jobId: '1', sessionId: 's', mediaServer: 'media1', requestId: '1', need } as const
  await store.create({ kind: 'registered', request: registration })
  await store.apply('1', { kind: 'media-asked', request: 's/1', input: asked })
  store.note('1', { kind: 'media-answered', request: 's/1' })
  t.strictSame(store.current('1')?.mediaRequests, [])
  const written = async () => (await restarted()).current('1')?.mediaRequests.map(({ key }) => key)
  const restarted = async () => {
    const other = createJobStore({ store: database, clock })
    await other.start()
    return other
  }
  t.strictSame(await written(), ['s/1'], 'a crash takes it back')
  await store.apply('1', { kind: 'noted', facts: {} })
  t.strictSame(await written(), [])
  t.throws(() => store.note('2', { kind: 'media-answered', request: 's/1' }), { code: 'job-unknown' })
  await store.stop()
})

t.test('many old jobs go, the young ones stay', async (t) => {
  const clock = createVirtualClock()
  const store = createJobStore({ store: new MemoryLevel(), clock })
  const end = async (requestId: string): Promise<void> => {
    const { jobId } = await store.create({ kind: 'registered', request: { ...registration, requestId } })
    const ending = { status: 0, statusText: '', warnings: 0 }
    await store.apply(jobId, { kind: 'ended', at: clock.now(), ending })
    await store.apply(jobId, { kind: 'settled' })
  }
  for (let count = 0; count < 230; count++) await end(`old ${count}`)
  await clock.advance(1000)
  for (let count = 0; count < 5; count++) await end(`young ${count}`)
  t.equal(await store.purge(clock.now()), 230)
  t.same(
    (await collect(store.list({}))).map(({ id }) => id),
    ['235', '234', '233', '232', '231'],
  )
  await store.stop()
})

t.test('a database of the time before jobs had tries is read, and goes on in the present form', async (t) => {
  interface Golden {
    readonly lastId: string
    readonly jobs: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  }
  const golden = JSON.parse(readFileSync(new URL('golden/jobs-1.json', import.meta.url), 'utf8')) as Golden
  const store = new MemoryLevel<string, string>()
  const jobs = store.sublevel('jobs', { valueEncoding: 'utf8' })
  for (const [key, record] of Object.entries(golden.jobs)) await jobs.put(key, JSON.stringify(record))
  await store.sublevel('meta', { valueEncoding: 'utf8' }).put('lastId', golden.lastId)
  const clock = createVirtualClock(1_767_300_000_000)
  const jobStore = createJobStore({ store, clock })
  await jobStore.start()
  t.same(jobStore.damage, [])
  t.match(await jobStore.view('1'), { state: 'done', status: 0, attempt: 1, schedule: 'full' })
  t.match(await jobStore.view('2'), { state: 'queued', policy: 'nightly', attempt: 1 })
  t.match(await jobStore.view('3'), { type: 'restore', state: 'active' })
  t.match(jobStore.current('2'), {
    backup: { schedule: { name: 'full' } },
    scheduleType: 'full',
    queueings: 1,
  })
  const ending = { status: 150, statusText: 'ended', warnings: 0 }
  await jobStore.apply('2', { kind: 'ended', at: clock.now(), ending })
  await jobStore.stop()
  t.match(JSON.parse((await jobs.get('2'.padStart(16, '0'))) ?? ''), { attempt: { number: 1 }, queueings: 1 })
  const [, second] = Object.values(golden.jobs)
  await jobs.put(jobKey('2'), JSON.stringify({ ...second, tries: [] }))
  const torn = createJobStore({ store, clock })
  await torn.start()
  t.match(
    torn.damage,
    [{ code: 'store-corrupt', details: { key: jobKey('2') } }],
    'half of the present form is damage',
  )
  await torn.stop()
})

t.test('a database of a newer version is refused, says so, and stays as it is', async (t) => {
  const clock = createVirtualClock()
  const store = new MemoryLevel<string, string>()
  const jobs = createJobStore({ store, clock })
  await jobs.create({ kind: 'backup', request: request({ requestId: 'a' }) })
  await jobs.stop()
  t.equal(await store.sublevel('form').get('form'), '2', 'noted with the first job')
  await store.sublevel('form').put('form', '3')
  const before = await store.iterator().all()
  const older = createJobStore({ store, clock })
  const refused = {
    code: 'version-unsupported',
    message: /the jobs database has form 3/,
    details: { known: 2 },
  }
  await t.rejects(older.start(), refused)
  await t.rejects(older.create({ kind: 'backup', request: request({ requestId: 'b' }) }), refused)
  t.same(await store.iterator().all(), before)
})
