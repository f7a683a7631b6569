import assert from 'node:assert/strict'
import t from 'tap'
import { type CallOptions, isAbortError, type JobEvent, type JobManager, NbError } from '@nb/contracts'
import { createWireTwin } from '../src/index.ts'
import { exampleJob, examplePolicy } from './ports/examples.ts'
import { createMemoryJobs } from './ports/memory-jobs.ts'
import { createMemoryScheduler } from './ports/memory-scheduler.ts'
import { collect, turns, turnsUntil } from './waiting.ts'

t.test('calls, absent results and streams give what the implementation gives', async (t) => {
  const { ports, close } = await createWireTwin({ scheduler: createMemoryScheduler() })
  t.equal(await ports.scheduler.getPolicy({ name: 'nightly' }), undefined)
  const stored = await ports.scheduler.putPolicy({ policy: examplePolicy })
  t.same(stored, { ...examplePolicy, generation: 1, changedAt: 1_700_000_000_000 })
  t.equal(stored.selections[1], examplePolicy.selections[1], 'a name that is not UTF-8 survives')
  t.same(await collect(ports.scheduler.policies({})), [stored])
  t.same(await ports.scheduler.runNow({ policy: 'nightly' }), { jobIds: ['nightly-web1', 'nightly-web2'] })
  t.equal(await ports.scheduler.removePolicy({ name: 'nightly' }), undefined)
  t.same(await collect(ports.scheduler.tasks({})), [])
  await close()
})

t.test('errors keep code, status, retryable and details, in calls and in streams', async () => {
  const { ports, close } = await createWireTwin({ scheduler: createMemoryScheduler() })
  await ports.scheduler.putPolicy({ policy: examplePolicy })
  await assert.rejects(
    ports.scheduler.putPolicy({ policy: examplePolicy, generation: 7 }),
    new NbError('generation-conflict', 'nightly is at generation 1', {
      details: { policy: 'nightly', present: 1, given: 7 },
    }),
  )
  await assert.rejects(
    collect(ports.scheduler.preview({ policy: 'none', from: 0, to: 1 })),
    (error) => error instanceof NbError && error.code === 'policy-unknown' && error.status === 230,
  )
  await close()
})

t.test('a failure without a code is internal, a cancelled job keeps its own status', async () => {
  const jobs: JobManager = {
    ...createMemoryJobs(),
    get: async () => {
      throw new RangeError('index 7 is too far')
    },
    cancel: async () => {
      throw new NbError('session-killed', 'ended from outside', { status: 150, retryable: false })
    },
  }
  const { ports, close } = await createWireTwin({ jobs })
  await assert.rejects(ports.jobs.get({ jobId: '1' }), { code: 'internal', message: 'index 7 is too far' })
  await assert.rejects(ports.jobs.cancel({ jobId: '1' }), {
    code: 'session-killed',
    status: 150,
    retryable: false,
  })
  await close()
})

t.test('a malformed argument is refused before the implementation sees it, naming the field', async () => {
  const { ports, close } = await createWireTwin({ scheduler: createMemoryScheduler() })
  const refused = async (policy: object, field: string): Promise<void> => {
    await assert.rejects(ports.scheduler.putPolicy({ policy: { ...examplePolicy, ...policy } }), (error) => {
      assert.ok(error instanceof NbError)
      assert.equal(error.code, 'message-invalid')
      assert.equal(error.status, 43)
      assert.equal(error.details.field, field)
      assert.ok(error.message.includes(`scheduler.putPolicy, field ${field}: `), error.message)
      return true
    })
  }
  await refused({ active: 'yes' }, 'policy.active')
  await refused({ priority: 0.5 }, 'policy.priority')
  await refused({ maxJobs: 2 ** 53 }, 'policy.maxJobs')
  await refused({ schedules: [{ name: 'x' }] }, 'policy.schedules[0].type')
  await refused({ storage: { kind: 'cloud' } }, 'policy.storage.kind')
  await refused({ colour: 'red' }, 'policy.colour')
  await assert.rejects(ports.scheduler.getPolicy('nightly' as never), { code: 'message-invalid' })
  await close()
})

t.test('a malformed job request is refused by its type, naming the field', async () => {
  const { ports, close } = await createWireTwin({ jobs: createMemoryJobs() })
  const refused = async (request: object, field: string): Promise<void> => {
    await assert.rejects(ports.jobs.submit(request as never), (error) => {
      assert.ok(error instanceof NbError)
      assert.equal(error.code, 'message-invalid')
      assert.equal(error.details.field, field, error.message)
      return true
    })
  }
  await refused({ ...exampleJob('1'), client: 7 }, 'client')
  await refused({ ...exampleJob('1'), retry: { tries: 2 } }, 'retry.delayMs')
  await refused({ ...exampleJob('1'), type: 'restore' }, 'type')
  await refused({ requestId: '1', type: 'verify', origin: 'user', lines: [], policy: {} }, 'policy')
  await refused({ ...exampleJob('1'), type: 'verify' }, 'policy')
  await close()
})

t.test('jobs of every kind, their tries and their operations travel', async (t) => {
  const memory = createMemoryJobs()
  const { ports, close } = await createWireTwin({ jobs: memory })
  const streams = [{ name: '/srv', selections: examplePolicy.selections as never, retry: undefined }]
  t.same(await ports.jobs.submit({ ...exampleJob('1'), retentionMs: null }), { jobId: '1' })
  t.same(
    await ports.jobs.submit({
      ...exampleJob('2'),
      type: 'archive',
      streams: streams.map(({ name, selections }) => ({ name, selections })),
      streamSet: ['/srv', '/home'],
      retry: { tries: 2, delayMs: 3_600_000 },
    }),
    { jobId: '2' },
  )
  const check = { requestId: '3', type: 'verify', origin: 'user', parameters: { image: 'web1_1' } } as const
  t.same(await ports.jobs.submit({ ...check, lines: [] }), { jobId: '3' })
  t.match(await ports.jobs.get({ jobId: '3' }), { type: 'verify', client: '-' })
  memory.change('2', { attempt: 2, retryAt: 5, checkpointAt: 4, incompleteUntil: 6, children: 1 })
  t.same(
    (await collect(ports.jobs.attempts({ jobId: '2' }))).map(({ number }) => number),
    [1, 2],
  )
  await ports.jobs.suspend({ jobId: '2', reason: 'the tape is needed' })
  await ports.jobs.setPriority({ jobId: '2', priority: 7 })
  t.match(await ports.jobs.get({ jobId: '2' }), {
    state: 'suspended',
    priority: 7,
    retryAt: 5,
    actions: ['resume', 'cancel'],
  })
  await ports.jobs.resume({ jobId: '2' })
  t.same(await ports.jobs.restart({ jobId: '2' }), { jobId: '2-again' })
  memory.change('1', { state: 'done', endedAt: 10 })
  await assert.rejects(ports.jobs.suspend({ jobId: '1' }), { code: 'state-conflict' })
  t.same(await ports.jobs.purge({ endedBefore: 11 }), { purged: 1 })
  await close()
})

t.test('directives, calendars and the retention table travel', async (t) => {
  const { ports, close } = await createWireTwin({ scheduler: createMemoryScheduler() })
  const policy = {
    ...examplePolicy,
    selections: ['NEW_STREAM', '/srv', 'NEW_STREAM', 'ALL_LOCAL_DRIVES'] as never,
    multipleStreams: true,
    checkpointIntervalMs: 0,
    effectiveAt: 1,
    schedules: [
      {
        name: 'monthly',
        type: 'user-backup',
        calendar: {
          dates: ['2026-12-24'],
          weekdays: [{ weekday: 0, week: 'last' }, { weekday: 5 }],
          daysOfMonth: [1, 'last'],
          retryAfterRunDay: true,
        },
        exclude: { dates: ['2026-12-25'] },
        windows: [],
        retentionLevel: 9,
        multiplexing: 4,
      },
    ],
  } as const
  const {
    generation: _generation,
    changedAt: _changedAt,
    ...back
  } = await ports.scheduler.putPolicy({ policy })
  t.same(back, policy)
  t.same(
    await ports.scheduler.runForUser({
      requestId: 'u',
      client: 'web1',
      type: 'user-backup',
      paths: [examplePolicy.selections[1] as never],
    }),
    { jobId: 'u' },
  )
  await assert.rejects(
    ports.scheduler.runForUser({ requestId: 'u', client: 'web1', type: 'user-archive', paths: [] }),
    {
      code: 'schedule-type-missing',
      status: 198,
    },
  )
  await ports.scheduler.putRetentionLevel({ level: 3, periodMs: null })
  await assert.rejects(ports.scheduler.putRetentionLevel({ level: 9, periodMs: 1 }), {
    code: 'argument-invalid',
  })
  t.same((await ports.scheduler.retentionLevels({})).slice(2, 4), [
    { level: 2, periodMs: 21 * 86_400_000 },
    { level: 3, periodMs: null },
  ])
  await close()
})

t.test('a result that its port does not know is refused on arrival', async () => {
  const scheduler = { ...createMemoryScheduler(), runNow: async () => ({ jobIds: [7] }) as never }
  const { ports, close } = await createWireTwin({ scheduler })
  await assert.rejects(ports.scheduler.runNow({ policy: 'x' }), {
    code: 'message-invalid',
    message: /the answer of scheduler\.runNow, field jobIds\[0\]/,
  })
  await close()
})

t.test('aborting a call aborts it at the implementation and rejects with the reason', async () => {
  const seen: AbortSignal[] = []
  const memory = createMemoryJobs()
  const jobs: JobManager = {
    ...memory,
    wait: (input, options: CallOptions = {}) => {
      if (options.signal) seen.push(options.signal)
      return memory.wait(input, options)
    },
  }
  const { ports, close } = await createWireTwin({ jobs })
  await ports.jobs.submit(exampleJob('1'))
  const controller = new AbortController()
  const waiting = ports.jobs.wait({ jobId: '1' }, { signal: controller.signal })
  const refused = assert.rejects(waiting, isAbortError)
  await turnsUntil(() => seen.length === 1)
  controller.abort()
  await refused
  await turnsUntil(() => seen[0]?.aborted === true)
  await assert.rejects(ports.jobs.get({ jobId: '1' }, { signal: AbortSignal.abort() }), isAbortError)
  await close()
})

t.test('a stream ends at the implementation when the signal aborts or the reader leaves', async (t) => {
  const jobs = createMemoryJobs()
  const { ports, close } = await createWireTwin({ jobs })
  await ports.jobs.submit(exampleJob('1'))
  const controller = new AbortController()
  const events: JobEvent[] = []
  const watching = (async () => {
    for await (const event of ports.jobs.watch({}, { signal: controller.signal })) events.push(event)
  })()
  await turnsUntil(() => events.length === 1)
  jobs.change('1', { state: 'active' })
  await turnsUntil(() => events.length === 2)
  controller.abort()
  await assert.rejects(watching, isAbortError)
  await turnsUntil(() => jobs.watching === 0)

  for await (const event of ports.jobs.watch({})) {
    t.equal(event.kind, 'job')
    break
  }
  await turnsUntil(() => jobs.watching === 0)
  await close()
})

t.test('a stream whose implementation ignores the signal still ends for its reader', async () => {
  const jobs: JobManager = {
    ...createMemoryJobs(),
    async *watch() {
      await new Promise(() => {})
    },
  }
  const { ports, close } = await createWireTwin({ jobs })
  const controller = new AbortController()
  const reading = assert.rejects(collect(ports.jobs.watch({}, { signal: controller.signal })), isAbortError)
  await turns(20)
  controller.abort()
  await reading
  await close()
})

t.test('cutting the wire ends what runs on both sides', async () => {
  const jobs = createMemoryJobs()
  const { ports, close } = await createWireTwin({ jobs })
  await ports.jobs.submit(exampleJob('1'))
  const waiting = assert.rejects(ports.jobs.wait({ jobId: '1' }), { code: 'server-unreachable', status: 25 })
  const watching = assert.rejects(collect(ports.jobs.watch({})), { code: 'server-unreachable' })
  await turnsUntil(() => jobs.watching === 2)
  await close()
  await Promise.all([waiting, watching])
  await turnsUntil(() => jobs.watching === 0)
})

t.test('an object that lacks a method of its port is refused at once', async (t) => {
  await assert.rejects(createWireTwin({ jobLog: {} as never }), TypeError)
  t.pass('refused')
})
