import type { AllocationResult, JobLogLine, MediaManager, ResourceRequest } from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { collect, createVirtualClock } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { createResourceBroker } from '../src/index.ts'

const disk = (name: string, maxConcurrentJobs = 1) => ({
  name,
  type: 'disk' as const,
  mediaServer: 'media1',
  state: 'up' as const,
  maxFragmentBytes: 1024 ** 3,
  onDemandOnly: false,
  maxConcurrentJobs,
})
const request = (jobId: string, fields: Partial<ResourceRequest> = {}): ResourceRequest => ({
  requestId: `r-${jobId}`,
  jobId,
  jobType: 'backup',
  priority: 0,
  policy: 'nightly',
  client: `client-${jobId}`,
  limits: {},
  need: {
    kind: 'write',
    storage: { kind: 'unit', name: 'disk1' },
    volumePool: 'NetBackup',
    retentionLevel: 1,
  },
  ...fields,
})

async function house(wrap: (media: MediaManager) => MediaManager = (media) => media) {
  const clock = createVirtualClock()
  const lines: (JobLogLine & { jobId: string })[] = []
  const log = {
    append: async (input: { jobId: string; lines: readonly JobLogLine[] }) =>
      void lines.push(...input.lines.map((line) => ({ jobId: input.jobId, ...line }))),
  }
  const media = createMediaManager({ store: new MemoryLevel(), clock, log })
  await media.start()
  await media.putStorageUnit(disk('disk1'))
  const store = new MemoryLevel<string, string>()
  const broker = createResourceBroker({ media: wrap(media), store, clock, log })
  await broker.start()
  const stop = async () => {
    await broker.stop()
    await media.stop()
  }
  return { clock, lines, media, broker, store, stop }
}

t.test('a backup has steps 4, 5 and 16, each by the one who acts', async (t) => {
  const { broker, lines, stop } = await house()
  const { leaseId } = await broker.acquire(request('17'))
  await broker.release({ leaseId })
  await stop()
  const steps = lines.filter(({ step }) => step !== undefined)
  t.match(steps, [
    {
      component: 'resource-broker',
      step: { flow: 'backup', number: 4 },
      text: /requesting physical resources: storage unit disk1/,
    },
    { component: 'emm', step: { flow: 'backup', number: 5 } },
    { component: 'resource-broker', step: { flow: 'backup', number: 16 }, text: /de-allocated/ },
  ])
  t.equal(steps.length, 3)
  t.ok(lines.some(({ component, text }) => component === 'resource-broker' && text.startsWith('granted')))
})

t.test('a restore has steps 10, 11 and 16', async (t) => {
  const { broker, lines, stop } = await house()
  const need = { kind: 'read', storageUnit: 'disk1' } as const
  const { leaseId } = await broker.acquire(request('17', { jobType: 'restore', need, priority: 90_000 }))
  await broker.release({ leaseId })
  await stop()
  t.match(
    lines.filter(({ step }) => step !== undefined),
    [
      { component: 'emm', step: { flow: 'restore', number: 10 } },
      { component: 'resource-broker', step: { flow: 'restore', number: 11 } },
      { component: 'resource-broker', step: { flow: 'restore', number: 16 } },
    ],
  )
})

t.test('a job that must wait has one line that says for what, and one request line in the end', async (t) => {
  const { broker, lines, stop } = await house()
  const queued: string[] = []
  broker.on('request:queued', ({ jobId }) => queued.push(jobId))
  const first = await broker.acquire(request('17'))
  const second = broker.acquire(request('18'))
  await broker.explain({ jobId: '18' })
  const third = broker.acquire(request('19'))
  await broker.explain({ jobId: '19' })
  await broker.release({ leaseId: first.leaseId })
  await broker.release({ leaseId: (await second).leaseId })
  await third
  await stop()
  t.same(queued, ['18', '19'])
  for (const jobId of ['18', '19']) {
    const own = lines.filter((line) => line.jobId === jobId && line.component === 'resource-broker')
    t.equal(own.filter(({ text }) => text.includes('waits since')).length, 1)
    t.equal(own.filter(({ step }) => step?.number === 4).length, 1)
  }
})

t.test('events tell of grants and of how they ended', async (t) => {
  const { broker, clock, stop } = await house()
  const told: unknown[] = []
  broker.on('allocation:granted', ({ jobId }) => told.push(['granted', jobId]))
  broker.on('allocation:released', ({ jobId, reason }) => told.push([reason, jobId]))
  const first = await broker.acquire(request('17'))
  await broker.release({ leaseId: first.leaseId })
  await broker.acquire(request('18'))
  await clock.advance(300_000)
  await stop()
  t.same(told, [
    ['granted', '17'],
    ['released', '17'],
    ['granted', '18'],
    ['expired', '18'],
  ])
})

t.test('one backup of a client at a time, unless the request or an option says otherwise', async (t) => {
  const { broker, media, stop } = await house()
  await media.putStorageUnit(disk('disk1', 5))
  await broker.acquire(request('17', { client: 'web' }))
  const second = broker.acquire(request('18', { client: 'web' }))
  t.match(await broker.explain({ jobId: '18' }), {
    blockers: [{ kind: 'client-limit', name: 'web', limit: 1 }],
  })
  await stop()
  await t.rejects(second, { code: 'manager-stopping', retryable: true })
})

t.test('a media manager that fails fails the call, and what it may have given is taken back', async (t) => {
  let failures = 1
  const { broker, media, stop } = await house((inner) => ({
    ...inner,
    allocate: async (input, options): Promise<AllocationResult> => {
      const answer = await inner.allocate(input, options)
      if (failures-- > 0) throw new Error('the line broke after it was done')
      return answer
    },
  }))
  await t.rejects(broker.acquire(request('17')), { code: 'internal' })
  t.same(await collect(media.allocations({})), [])
  await broker.acquire(request('18'))
  await stop()
})

t.test('a broken watch is begun again, and nothing that changed meanwhile is missed', async (t) => {
  let breaks = 1
  const { broker, media, clock, stop } = await house((inner) => ({
    ...inner,
    watch: (input, options) =>
      breaks-- > 0
        ? (async function* () {
            throw new Error('the line broke')
          })()
        : inner.watch(input, options),
  }))
  await media.setStorageUnitState({ name: 'disk1', state: 'down' })
  const call = broker.acquire(request('17'))
  await broker.explain({ jobId: '17' })
  await media.setStorageUnitState({ name: 'disk1', state: 'up' })
  await clock.advance(1000)
  t.equal((await call).allocation.storageUnit, 'disk1')
  await stop()
})

t.test('a change that falls between question and answer is not lost', async (t) => {
  let during: (() => Promise<void>) | undefined
  const { broker, media, stop } = await house((inner) => ({
    ...inner,
    allocate: async (input, options) => {
      const answer = await inner.allocate(input, options)
      await during?.()
      during = undefined
      return answer
    },
  }))
  await media.setStorageUnitState({ name: 'disk1', state: 'down' })
  during = async () => {
    await media.setStorageUnitState({ name: 'disk1', state: 'up' })
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal((await broker.acquire(request('17'))).allocation.storageUnit, 'disk1')
  await stop()
})

t.test('a place that comes free is asked for once, however many wait for the same', async (t) => {
  let asked = 0
  const { broker, media, stop } = await house((inner) => ({
    ...inner,
    allocate: (input, options) => {
      asked += 1
      return inner.allocate(input, options)
    },
  }))
  await media.putStorageUnit(disk('disk1', 1))
  const first = await broker.acquire(request('17'))
  const second = broker.acquire(request('18'))
  const third = broker.acquire(request('19'))
  await broker.explain({ jobId: '19' })
  t.equal(asked, 2, 'one of those who wait was denied')
  await broker.release({ leaseId: first.leaseId })
  const { leaseId } = await second
  t.match(await broker.explain({ jobId: '19' }), {
    waiting: true,
    blockers: [{ holders: [{ jobId: '18' }] }],
  })
  t.equal(asked, 3)
  await broker.release({ leaseId })
  await third
  t.equal(asked, 4)
  await stop()
})

t.test('a change that falls between a grant and its lease is not lost for those who wait', async (t) => {
  let during: (() => Promise<void>) | undefined
  const { broker, media, stop } = await house((inner) => ({
    ...inner,
    allocate: async (input, options) => {
      const answer = await inner.allocate(input, options)
      if (answer.granted) {
        await during?.()
        during = undefined
      }
      return answer
    },
  }))
  await media.putStorageUnit(disk('disk1', 1))
  during = async () => {
    await media.putStorageUnit(disk('disk1', 2))
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  const both = [broker.acquire(request('17')), broker.acquire(request('18'))]
  t.equal((await Promise.all(both)).length, 2)
  await stop()
})

t.test('it starts only when the media manager answers, and can be started again', async (t) => {
  const clock = createVirtualClock()
  const media = createMediaManager({ store: new MemoryLevel(), clock })
  const broker = createResourceBroker({ media, store: new MemoryLevel(), clock })
  await broker.stop()
  await t.rejects(broker.start(), { code: 'manager-stopping' })
  await t.rejects(broker.acquire(request('17')), { code: 'manager-stopping' })
  await media.start()
  await media.putStorageUnit(disk('disk1'))
  await Promise.all([broker.start(), broker.start()])
  await broker.acquire(request('17'))
  await broker.stop()
  await broker.stop()
  await media.stop()
  t.equal(clock.pendingTimers, 0, 'nothing is left running')
})

t.test('a damaged lease is refused by name', async (t) => {
  const { media, store, clock, stop } = await house()
  await stop()
  await store.sublevel('leases').put('lease-1', '{')
  await media.start()
  const broker = createResourceBroker({ media, store, clock })
  await t.rejects(broker.start(), { code: 'store-corrupt', details: { lease: 'lease-1' } })
  await media.stop()
})

t.test('options out of bounds are refused', async (t) => {
  const components = { media: {} as MediaManager, store: new MemoryLevel(), clock: createVirtualClock() }
  for (const options of [{ leaseMs: 1 }, { maxJobsPerClient: 0 }, { reevaluateMs: NaN }])
    t.throws(() => createResourceBroker(components, options), { code: 'argument-invalid' })
})

t.test('leases of a newer version are not taken up', async (t) => {
  const clock = createVirtualClock()
  const media = createMediaManager({ store: new MemoryLevel(), clock })
  await media.start()
  const store = new MemoryLevel<string, string>()
  await store.sublevel('form').put('form', '2')
  const broker = createResourceBroker({ media, store, clock })
  await t.rejects(broker.start(), {
    code: 'version-unsupported',
    message: /the resource broker’s store has form 2/,
    details: { form: 2, known: 1 },
  })
  t.equal((await store.keys().all()).length, 1, 'nothing was written')
  await media.stop()
})
