import assert from 'node:assert/strict'
import { type Job, type JobEvent, type JobManager, type JobSessions, toPath } from '@nb/contracts'
import { collect } from '../collect.ts'
import { driven } from '../driven.ts'
import type { SessionFacts, SessionScript } from '../fakes/fake-media-server.ts'
import type { FakeWorld } from '../fakes/fake-world.ts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import type { VirtualClock } from '../virtual-clock.ts'
import { sampleBackupRequest } from './sample-jobs.ts'

/** What the job manager suite works with. */
export interface JobManagerFixture {
  readonly jobs: JobManager
  readonly sessions: JobSessions
  /** Its one storage unit `disk1` on `media1` has two slots; sessions follow {@link suiteScript}. */
  readonly world: FakeWorld
  readonly clock: VirtualClock
  /** Ends the implementation and starts it anew over the same database. */
  restart(): Promise<Pick<JobManagerFixture, 'jobs' | 'sessions'>>
}

/**
 * What the sessions of the suite's world do: clients are told apart by the jobs' order in each test. From job 11 on the
 * first session takes a checkpoint and then stands still (11–20) or fails (21–30); the next ones succeed.
 */
export function suiteScript(jobId: string, { nth = 1 }: Partial<SessionFacts> = {}): SessionScript {
  const number = Number(jobId)
  if (nth === 1 && number > 20 && number <= 30)
    return { checkpoints: 1, status: 84, statusText: 'the disk is broken' }
  if (nth === 1 && number > 10 && number <= 20) return { checkpoints: 1, durationMs: Infinity }
  switch (jobId) {
    case '1':
      return { durationMs: 60_000 }
    case '2':
      return { durationMs: Infinity }
    case '3':
      return { status: 84, statusText: 'the disk is broken' }
    default:
      return {}
  }
}

/** The obligations of {@link JobManager} and {@link JobSessions}. */
export function jobManagerSuite<Fixture extends JobManagerFixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
): void {
  const test = (name: string, body: (fixture: Fixture) => Promise<void>): unknown =>
    withFixture(context, setup, name, body)

  test('a job that was submitted is known, and the same request id is the same job', async ({
    jobs,
    clock,
  }) => {
    const [first, again] = await Promise.all([
      jobs.submit(sampleBackupRequest('r1')),
      jobs.submit(sampleBackupRequest('r1')),
    ])
    assert.deepEqual(first, again)
    assert.deepEqual(await jobs.submit(sampleBackupRequest('r1')), first)
    const other = await jobs.submit(sampleBackupRequest('r2', { client: 'web2' }))
    assert.notEqual(other.jobId, first.jobId)
    assert.equal((await jobs.get(first))?.client, 'web1')
    await driven(clock, jobs.wait(first))
    assert.deepEqual(await jobs.submit(sampleBackupRequest('r1')), first, 'also after it has ended')
  })

  test('a wrong request is refused, naming the field, and makes no job', async ({ jobs }) => {
    await assert.rejects(jobs.submit(sampleBackupRequest('r1', { client: '' })), {
      code: 'argument-invalid',
      details: { field: 'client' },
    })
    const { policy } = sampleBackupRequest('r1')
    await assert.rejects(jobs.submit(sampleBackupRequest('r1', { policy: { ...policy, selections: [] } })), {
      code: 'argument-invalid',
      details: { field: 'policy.selections' },
    })
    assert.deepEqual(await collect(jobs.list({})), [])
  })

  test('unknown jobs are answered as such', async ({ jobs }) => {
    assert.equal(await jobs.get({ jobId: '77' }), undefined)
    assert.equal(await jobs.get({ jobId: '../x' }), undefined)
    const unknown = { code: 'job-unknown', status: 805 }
    await assert.rejects(jobs.wait({ jobId: '77' }), unknown)
    await assert.rejects(jobs.cancel({ jobId: '77' }), unknown)
    await assert.rejects(jobs.explain({ jobId: '77' }), unknown)
    await assert.rejects(collect(jobs.log({ jobId: '77' })), unknown)
    await assert.rejects(collect(jobs.attempts({ jobId: '77' })), unknown)
    await assert.rejects(jobs.suspend({ jobId: '77' }), unknown)
    await assert.rejects(jobs.resume({ jobId: '77' }), unknown)
    await assert.rejects(jobs.restart({ jobId: '77' }), unknown)
    await assert.rejects(jobs.setPriority({ jobId: '77', priority: 1 }), unknown)
    assert.deepEqual(await collect(jobs.list({ parentId: '77' })), [])
  })

  test('a job that has ended has its status, its image and has released its resources', async ({
    jobs,
    world,
    clock,
  }) => {
    const { jobId } = await jobs.submit(sampleBackupRequest('r1'))
    const job = await driven(clock, jobs.wait({ jobId }))
    assert.equal(job.state, 'done')
    assert.equal(job.status, 0)
    assert.deepEqual(world.broker.inForce, [])
    assert.equal((await world.catalog.getImage({ backupId: job.backupId ?? '' }))?.state, 'complete')
    assert.deepEqual(await jobs.wait({ jobId }), job)
    assert.deepEqual(await jobs.get({ jobId }), job)
  })

  test('list gives the newest first and only what was asked for', async ({ jobs, clock }) => {
    const ids: string[] = []
    for (const client of ['web1', 'web1', 'web2', 'web2']) {
      const { jobId } = await jobs.submit(sampleBackupRequest(`r${ids.length}`, { client }))
      if (ids.push(jobId) !== 2) await driven(clock, jobs.wait({ jobId }))
    }
    const [first, second, third, fourth] = ids
    const listed = async (filter: Parameters<JobManager['list']>[0]): Promise<string[]> =>
      (await collect(jobs.list(filter))).map(({ id }) => id)
    assert.deepEqual(await listed({}), [fourth, third, second, first])
    assert.deepEqual(await listed({ limit: 2 }), [fourth, third])
    assert.deepEqual(await listed({ client: 'web2' }), [fourth, third])
    assert.deepEqual(await listed({ states: ['active'] }), [second])
    assert.deepEqual(await listed({ jobId: first ?? '' }), [first])
    assert.deepEqual(await listed({ types: ['restore'] }), [])
    assert.deepEqual(await listed({ policy: 'other' }), [])
    await jobs.cancel({ jobId: second ?? '' })
    await driven(clock, jobs.wait({ jobId: second ?? '' }))
  })

  test('the log tells the steps in order, and from a line on', async ({ jobs, clock }) => {
    const { jobId } = await jobs.submit(sampleBackupRequest('r1'))
    await driven(clock, jobs.wait({ jobId }))
    const lines = await collect(jobs.log({ jobId }))
    const steps = lines.flatMap(({ step }) => (step === undefined ? [] : [step.number]))
    assert.deepEqual(
      steps.filter((number) => number !== 11),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16],
    )
    assert.deepEqual(await collect(jobs.log({ jobId, after: 3 })), lines.slice(3))
    assert.deepEqual(await collect(jobs.log({ jobId, after: lines.length })), [])
  })

  test('a cancel of an active and of a queued job ends it with 150 and leaves nothing', async ({
    jobs,
    world,
    clock,
  }) => {
    const ids: string[] = []
    for (const name of ['r1', 'r2', 'r3']) ids.push((await jobs.submit(sampleBackupRequest(name))).jobId)
    const [, active = '', queued = ''] = ids
    await clock.advanceUntil(() => world.mediaServers.get('media1')?.live.length === 2, 3_600_000)
    assert.equal((await jobs.get({ jobId: queued }))?.state, 'queued')
    for (const jobId of [queued, active]) {
      await jobs.cancel({ jobId, reason: 'not today' })
      const job = await driven(clock, jobs.wait({ jobId }))
      assert.equal(job.status, 150)
      assert.equal(job.statusText, 'not today')
      assert.equal(job.cancelRequested, undefined)
      await jobs.cancel({ jobId })
      assert.equal((await jobs.get({ jobId }))?.status, 150, 'a second cancel changes nothing')
    }
    assert.equal((await driven(clock, jobs.wait({ jobId: ids[0] ?? '' }))).status, 0, 'others go on')
    assert.equal(world.catalog.images.filter(({ state }) => state !== 'complete').length, 0)
    assert.deepEqual(world.broker.inForce, [])
  })

  test('a job that fails has its true status', async ({ jobs, world, clock }) => {
    for (const name of ['r1', 'r2']) await jobs.submit(sampleBackupRequest(name))
    await jobs.cancel({ jobId: '2' })
    const { jobId } = await jobs.submit(sampleBackupRequest('r3'))
    const job = await driven(clock, jobs.wait({ jobId }))
    assert.equal(job.status, 84)
    assert.equal(job.statusText, 'the disk is broken')
    assert.equal(
      (await collect(world.catalog.listImages({}))).some((image) => image.jobId === jobId),
      false,
    )
    await driven(clock, jobs.wait({ jobId: '1' }))
  })

  test('explain names what a queued job waits for, and says of others that they do not wait', async ({
    jobs,
    world,
    clock,
  }) => {
    for (const name of ['r1', 'r2', 'r3']) await jobs.submit(sampleBackupRequest(name))
    await clock.advanceUntil(() => world.broker.waiting.length === 1, 3_600_000)
    const waiting = await jobs.explain({ jobId: '3' })
    assert.equal(waiting.waiting, true)
    assert.equal(waiting.blockers[0]?.name, 'disk1')
    const active = await jobs.explain({ jobId: '1' })
    assert.equal(active.waiting, false)
    assert.ok(active.sentence.length > 0)
    await driven(clock, jobs.wait({ jobId: '3' }))
    const done = await jobs.explain({ jobId: '3' })
    assert.equal(done.waiting, false)
    assert.match(done.sentence, /84/)
    await jobs.cancel({ jobId: '2' })
    await driven(clock, jobs.wait({ jobId: '2' }))
  })

  test('watch tells the present, then every line in order and the last state of each job', async ({
    jobs,
    clock,
  }) => {
    const { jobId } = await jobs.submit(sampleBackupRequest('r1'))
    const events: JobEvent[] = []
    const reading = (async (): Promise<void> => {
      for await (const event of jobs.watch({ client: 'web1', lines: true })) {
        events.push(event)
        if (event.kind === 'job' && event.job.status !== undefined) return
      }
    })()
    await driven(clock, reading)
    const last = events.at(-1)
    assert.ok(last?.kind === 'job')
    assert.deepEqual(last.job, await jobs.get({ jobId }))
    const lines = events.flatMap((event) => (event.kind === 'line' ? [event.line] : []))
    assert.deepEqual(lines, (await collect(jobs.log({ jobId }))).slice(0, lines.length))
    assert.ok(lines.some(({ step }) => step?.number === 16))
  })

  test('watch ends when its signal aborts, also while nothing happens', async ({ jobs }) => {
    const abort = new AbortController()
    const reading = collect(jobs.watch({}, { signal: abort.signal }))
    await new Promise((resolve) => setImmediate(resolve))
    abort.abort()
    await reading.then(
      (events) => assert.deepEqual(events, []),
      (error: Error) => assert.equal(error.name, 'AbortError'),
    )
  })

  test('wait ends when its signal aborts; the job goes on', async ({ jobs, clock }) => {
    const { jobId } = await jobs.submit(sampleBackupRequest('r1'))
    const abort = new AbortController()
    const waiting = jobs.wait({ jobId }, { signal: abort.signal })
    waiting.catch(() => undefined)
    abort.abort()
    await assert.rejects(waiting, { name: 'AbortError' })
    assert.equal((await driven(clock, jobs.wait({ jobId }))).status, 0)
  })

  test('sessions that are nobody’s hear session-unknown', async ({ jobs, sessions, clock }) => {
    const unknown = { code: 'session-unknown' }
    const { jobId } = await jobs.submit(sampleBackupRequest('r1'))
    await driven(clock, jobs.wait({ jobId }))
    const need = { kind: 'read', storageUnit: 'disk1' } as const
    const request = { requestId: '1', sessionId: 'stranger', mediaServer: 'media1', need }
    const progress = { files: 1, bytes: 1 }
    for (const id of [jobId, '77']) {
      await assert.rejects(sessions.requestMedia({ ...request, jobId: id }), unknown)
      await assert.rejects(sessions.progress({ jobId: id, sessionId: 'stranger', progress }), unknown)
    }
  })

  test('what was submitted survives a restart and comes to its end', async (fixture) => {
    const { clock } = fixture
    const submitted: string[] = []
    for (const name of ['r1', 'r2', 'r3', 'r4']) {
      submitted.push((await fixture.jobs.submit(sampleBackupRequest(name))).jobId)
    }
    const { jobs } = await fixture.restart()
    for (const jobId of submitted) {
      const job = await jobs.get({ jobId })
      assert.ok(job, `job ${jobId} is known`)
      if (job.state === 'done' || jobId === '2') continue
      await driven(clock, jobs.wait({ jobId }))
    }
    const { jobId } = await jobs.submit(sampleBackupRequest('r5'))
    assert.equal(submitted.includes(jobId), false, 'numbers are not used again')
    await jobs.cancel({ jobId: '2' })
    await driven(clock, jobs.wait({ jobId: '2' }))
    assert.equal((await driven(clock, jobs.wait({ jobId }))).status, 0)
  })

  /** Uses up job numbers, so that the next one has a certain script. */
  const skipTo = async ({ jobs, clock }: Fixture, next: number): Promise<void> => {
    for (let number = 1; number < next; number++) {
      const { jobId } = await jobs.submit(sampleBackupRequest(`skip-${number}`))
      await jobs.cancel({ jobId })
      await driven(clock, jobs.wait({ jobId }))
    }
  }
  const untilState = async (
    { jobs, clock }: Pick<Fixture, 'jobs' | 'clock'>,
    jobId: string,
    state: Job['state'],
  ): Promise<Job> => {
    for (let tries = 0; tries < 1000; tries++) {
      const job = await jobs.get({ jobId })
      if (job?.state === state) return job
      await clock.advance(500)
    }
    throw new Error(`job ${jobId} is not ${state}`)
  }

  test('a failed try is followed by another until its rule ends, and each is told', async ({
    jobs,
    clock,
  }) => {
    await skipTo({ jobs, clock } as Fixture, 3)
    const retry = { tries: 2, delayMs: 60_000 }
    const { jobId } = await jobs.submit(sampleBackupRequest('r3', { retry }))
    const waiting = await untilState({ jobs, clock }, jobId, 'waiting-for-retry')
    assert.equal(waiting.attempt, 1)
    assert.ok((waiting.retryAt ?? 0) > clock.now())
    assert.equal(waiting.status, undefined)
    const why = await jobs.explain({ jobId })
    assert.equal(why.waiting, true)
    assert.equal(why.blockers[0]?.kind, 'retry-delay')
    const job = await driven(clock, jobs.wait({ jobId }))
    assert.equal(job.status, 84)
    assert.equal(job.attempt, 2)
    const tries = await collect(jobs.attempts({ jobId }))
    assert.deepEqual(
      tries.map(({ number, status }) => [number, status]),
      [
        [1, 84],
        [2, 84],
      ],
    )
    const lines = await collect(jobs.log({ jobId }))
    const first = await collect(jobs.log({ jobId, attempt: 1 }))
    assert.deepEqual([...first, ...(await collect(jobs.log({ jobId, attempt: 2 })))], lines)
    assert.equal(first.length, (tries[1]?.firstLine ?? 0) - 1)
  })

  test('a wait for a retry goes on over a restart', async (fixture) => {
    await skipTo(fixture, 3)
    const retry = { tries: 2, delayMs: 60_000 }
    const { jobId } = await fixture.jobs.submit(sampleBackupRequest('r3', { retry }))
    const { retryAt } = await untilState(fixture, jobId, 'waiting-for-retry')
    const { jobs } = await fixture.restart()
    assert.equal((await jobs.get({ jobId }))?.retryAt, retryAt)
    assert.equal((await driven(fixture.clock, jobs.wait({ jobId }))).attempt, 2)
  })

  test('a job that is not active when its window closes ends with 196', async ({ jobs, clock }) => {
    for (const name of ['r1', 'r2']) await jobs.submit(sampleBackupRequest(name))
    await clock.advance(1000)
    const windowClosesAt = clock.now() + 5000
    const { jobId } = await jobs.submit(sampleBackupRequest('r3', { windowClosesAt }))
    const job = await driven(clock, jobs.wait({ jobId }))
    assert.equal(job.status, 196)
    assert.equal((await jobs.get({ jobId: '1' }))?.state, 'active')
    await jobs.cancel({ jobId: '2' })
    await driven(clock, jobs.wait({ jobId: '2' }))
    assert.equal((await driven(clock, jobs.wait({ jobId: '1' }))).status, 0)
  })

  test('a suspended job goes on from its last checkpoint, with the same image and number', async (fixture) => {
    await skipTo(fixture, 11)
    const { clock, world } = fixture
    let { jobs } = fixture
    const { jobId } = await jobs.submit(sampleBackupRequest('r11'))
    await untilState(fixture, jobId, 'active')
    if ((await jobs.get({ jobId }))?.checkpointAt === undefined) {
      assert.equal((await jobs.get({ jobId }))?.actions.includes('suspend'), false)
      await assert.rejects(jobs.suspend({ jobId }), { code: 'state-conflict' })
    }
    await clock.advance(2000)
    assert.ok((await jobs.get({ jobId }))?.actions.includes('suspend'))
    await jobs.suspend({ jobId, reason: 'later' })
    const held = await untilState(fixture, jobId, 'suspended')
    assert.deepEqual(world.broker.inForce, [])
    assert.deepEqual(held.actions, ['cancel', 'resume', 'set-priority'])
    assert.equal((await jobs.explain({ jobId })).blockers[0]?.kind, 'suspension')
    jobs = (await fixture.restart()).jobs
    await jobs.resume({ jobId })
    const job = await driven(clock, jobs.wait({ jobId }))
    assert.equal(job.status, 0)
    assert.equal(job.backupId, held.backupId)
    assert.equal(job.attempt, 2)
    await assert.rejects(jobs.resume({ jobId }), { code: 'state-conflict' })
    await assert.rejects(jobs.suspend({ jobId }), { code: 'state-conflict' })
  })

  test('a backup that failed with a checkpoint is incomplete until it is resumed', async (fixture) => {
    await skipTo(fixture, 21)
    const { jobs, clock, world } = fixture
    const { jobId } = await jobs.submit(sampleBackupRequest('r21'))
    const incomplete = await untilState(fixture, jobId, 'incomplete')
    assert.ok((incomplete.incompleteUntil ?? 0) > clock.now())
    assert.equal(incomplete.status, undefined)
    assert.deepEqual(world.broker.inForce, [])
    await jobs.resume({ jobId })
    assert.equal((await driven(clock, jobs.wait({ jobId }))).status, 0)
  })

  test('streams are jobs of their own under a parent that ends with the worst of their statuses', async (fixture) => {
    const { jobs, clock } = fixture
    const streams = ['a', 'b', 'c'].map((name) => ({ name, selections: [toPath(`/${name}`)] }))
    // Job 1 is the parent, job 2 would never end, job 3 fails.
    const made = await jobs.submit(sampleBackupRequest('r1', { streams, streamSet: ['a', 'b', 'c'] }))
    assert.deepEqual(
      made.children?.map(({ stream }) => stream),
      ['a', 'b', 'c'],
    )
    assert.deepEqual(await jobs.submit(sampleBackupRequest('r1', { streams })), made)
    const [a, b, c] = (made.children ?? []).map(({ jobId }) => jobId)
    const parts = await collect(jobs.list({ parentId: made.jobId }))
    assert.deepEqual(
      parts.map(({ id, stream, parentId }) => [id, stream, parentId]),
      [
        [c, 'c', made.jobId],
        [b, 'b', made.jobId],
        [a, 'a', made.jobId],
      ],
    )
    await clock.advance(30_000)
    assert.equal((await jobs.get({ jobId: made.jobId }))?.children, 3)
    assert.equal((await jobs.get({ jobId: made.jobId }))?.state, 'active')
    await jobs.cancel({ jobId: a ?? '' })
    const parent = await driven(clock, jobs.wait({ jobId: made.jobId }))
    const statuses = await Promise.all(
      [a, b, c].map(async (jobId) => (await jobs.get({ jobId: jobId ?? '' }))?.status),
    )
    assert.deepEqual(statuses, [150, 84, 0])
    assert.ok(parent.status === 150 || parent.status === 84)
    const again = await jobs.restart({ jobId: b ?? '' })
    const alone = await driven(clock, jobs.wait(again))
    assert.equal(alone.stream, 'b')
    assert.equal(alone.parentId, undefined)
  })

  test('a done job can be started again, and is another job then', async ({ jobs, clock }) => {
    const { jobId } = await jobs.submit(sampleBackupRequest('r1'))
    await assert.rejects(jobs.restart({ jobId }), { code: 'state-conflict' })
    const done = await driven(clock, jobs.wait({ jobId }))
    assert.deepEqual(done.actions, ['restart'])
    const again = await jobs.restart({ jobId })
    assert.notEqual(again.jobId, jobId)
    const job = await jobs.get(again)
    assert.equal(job?.client, done.client)
    assert.equal(job?.policy, done.policy)
    await jobs.cancel(again)
    await driven(clock, jobs.wait(again))
  })

  test('a queued job takes the place of its new priority at once', async ({ jobs, clock, world }) => {
    const ids: string[] = []
    for (const name of ['r1', 'r2', 'r3', 'r4'])
      ids.push((await jobs.submit(sampleBackupRequest(name))).jobId)
    await clock.advanceUntil(() => world.broker.waiting.length === 2, 3_600_000)
    await jobs.setPriority({ jobId: '4', priority: 99_999 })
    assert.deepEqual(
      world.broker.waiting.map(({ jobId }) => jobId),
      ['4', '3'],
    )
    assert.equal((await jobs.get({ jobId: '4' }))?.priority, 99_999)
    await assert.rejects(jobs.setPriority({ jobId: '4', priority: 100_000 }), { code: 'argument-invalid' })
    await jobs.cancel({ jobId: '2' })
    for (const jobId of ids) await driven(clock, jobs.wait({ jobId }))
    await assert.rejects(jobs.setPriority({ jobId: '4', priority: 1 }), { code: 'state-conflict' })
  })

  test('a job of a type that nothing can carry out ends with not-supported', async ({ jobs, clock }) => {
    const { jobId } = await jobs.submit({
      requestId: 'w1',
      type: 'erase',
      origin: 'immediate',
      parameters: { volumeId: 'A00001' },
      lines: [],
    })
    const job = await driven(clock, jobs.wait({ jobId }))
    assert.equal(job.status, 228)
    assert.match(job.statusText ?? '', /erase jobs are not supported yet/)
  })

  test('purge removes what ended before a time, with its log', async ({ jobs, clock }) => {
    const old = await jobs.submit(sampleBackupRequest('r1'))
    await driven(clock, jobs.wait(old))
    await clock.advance(10_000)
    const endedBefore = clock.now()
    const active = await jobs.submit(sampleBackupRequest('r2'))
    assert.deepEqual(await jobs.purge({ endedBefore }), { purged: 1 })
    assert.equal(await jobs.get(old), undefined)
    assert.equal((await jobs.get(active))?.id, active.jobId)
    await jobs.cancel(active)
    await driven(clock, jobs.wait(active))
  })
}
