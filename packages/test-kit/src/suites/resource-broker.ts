import assert from 'node:assert/strict'
import {
  asNbError,
  type Blocker,
  type ErrorCode,
  type Grant,
  type MediaManager,
  NbError,
  type ResourceBroker,
  type ResourceRequest,
} from '@nb/contracts'
import { collect } from '../collect.ts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import type { VirtualClock } from '../virtual-clock.ts'

/** What the suite of `ResourceBroker` works on. */
export interface ResourceBrokerFixture {
  /** Started, over an empty store. */
  readonly broker: ResourceBroker
  /** The media manager under it, with nothing configured. */
  readonly media: MediaManager
  /** The clock of both. */
  readonly clock: VirtualClock
  /** How long the broker's leases last, milliseconds. */
  readonly leaseMs: number
  /** Ends the broker as a crash does (no release, no farewell) and starts another over the same store. */
  readonly restart: () => Promise<ResourceBroker>
}

type Check = (name: string, body: (fixture: ResourceBrokerFixture) => Promise<void>) => void

/**
 * The obligations of `ResourceBroker`. May be declared unsupported: `abort-undoes-grant`, where a grant that was on
 * its way when the call was aborted stays until its lease ends, as over a wire.
 */
export function resourceBrokerSuite<Fixture extends ResourceBrokerFixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
): void {
  const check: Check = (name, body) => void withFixture(context, setup, name, body)
  granting(check)
  limiting(check)
  ordering(check)
  prioritising(check)
  sharing(check)
  leaving(check, setup.unsupported?.includes('abort-undoes-grant') !== true)
  leasing(check)
  explaining(check)
  reconciling(check)
}

function granting(check: Check): void {
  check(
    'a grant is an allocation on a lease, known on both sides',
    async ({ broker, media, clock, leaseMs }) => {
      await putDisk(media, 'disk1', 1)
      const grant = await broker.acquire(request('1'))
      assert.equal(grant.expiresAt, clock.now() + leaseMs)
      assert.equal(grant.allocation.jobId, '1')
      assert.equal(grant.allocation.storageUnit, 'disk1')
      assert.deepEqual(await collect(broker.grants({})), [grant])
      assert.deepEqual(await collect(broker.grants({ jobId: '2' })), [])
      assert.deepEqual(await collect(media.allocations({})), [grant.allocation])
    },
  )
  check('the same request again has the same grant; for something else it is refused', async (fixture) => {
    const { broker, media } = fixture
    await putDisk(media, 'disk1', 2)
    const [first, meanwhile] = await Promise.all([broker.acquire(request('1')), broker.acquire(request('1'))])
    const later = await broker.acquire(request('1'))
    for (const grant of [meanwhile, later]) {
      assert.equal(grant.leaseId, first.leaseId)
      assert.deepEqual(grant.allocation, first.allocation)
    }
    assert.equal((await collect(media.allocations({}))).length, 1)
    await rejects(broker.acquire(request('1', { jobId: 'other' })), 'request-duplicate')
  })
  check('a release serves who waits, and may be said twice', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    const first = await broker.acquire(request('1'))
    const second = watchCall(broker.acquire(request('2')))
    await waits(broker, '2')
    await broker.release({ leaseId: first.leaseId })
    await broker.release({ leaseId: first.leaseId })
    await broker.release({ leaseId: 'never-was' })
    const grant = await second.result
    assert.notEqual(grant.leaseId, first.leaseId)
    assert.deepEqual(await collect(broker.grants({})), [grant])
  })
  check('a released request asked again is a new lease, which the old one does not end', async (fixture) => {
    const { broker, media } = fixture
    await putDisk(media, 'disk1', 1)
    const first = await broker.acquire(request('1'))
    await broker.release({ leaseId: first.leaseId })
    const second = await broker.acquire(request('1'))
    assert.notEqual(second.leaseId, first.leaseId)
    await broker.release({ leaseId: first.leaseId })
    assert.deepEqual(await collect(broker.grants({})), [second])
  })
  check('what can not be waited for is refused with the reasons', async ({ broker, media }) => {
    const missing = await rejects(broker.acquire(request('1')), 'request-impossible')
    const [blocker] = missing.details['blockers'] as unknown as readonly Blocker[]
    assert.equal(blocker?.kind, 'storage-unit-missing')
    await putDisk(media, 'disk1', 1)
    const none = request('1', { limits: { maxJobsPerPolicy: 0 } })
    await rejects(broker.acquire(none), 'request-impossible')
    assert.equal((await broker.explain({ jobId: '1' })).waiting, false)
  })
  check(
    'a request that waits when its storage unit is removed is refused then',
    async ({ broker, media }) => {
      await putDisk(media, 'disk1', 1)
      await media.setStorageUnitState({ name: 'disk1', state: 'down' })
      const call = watchCall(broker.acquire(request('1')))
      await waits(broker, '1')
      await media.removeStorageUnit({ name: 'disk1' })
      await rejects(call.result, 'request-impossible')
    },
  )
  check('a unit that is brought up serves who waits for it', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    await media.setStorageUnitState({ name: 'disk1', state: 'down' })
    const call = watchCall(broker.acquire(request('1')))
    const why = await waits(broker, '1')
    assert.deepEqual(
      why.blockers.map(({ kind, name, reason }) => [kind, name, reason]),
      [['storage-unit-down', 'disk1', 2041]],
    )
    await media.setStorageUnitState({ name: 'disk1', state: 'up' })
    assert.equal((await call.result).allocation.storageUnit, 'disk1')
  })
  check('a wrong field is refused by name', async ({ broker }) => {
    const error = await rejects(broker.acquire(request('1', { priority: 100_000 })), 'argument-invalid')
    assert.equal(error.details['field'], 'priority')
  })
}

function limiting(check: Check): void {
  check('no more jobs of a policy run than its limit', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 10)
    const limits = { maxJobsPerPolicy: 2 }
    const grants = [
      await broker.acquire(request('1', { limits })),
      await broker.acquire(request('2', { limits })),
    ]
    const third = watchCall(broker.acquire(request('3', { limits })))
    const why = await waits(broker, '3')
    assert.equal(why.blockers.length, 1)
    const [blocker] = why.blockers
    assert.equal(blocker?.kind, 'policy-limit')
    assert.equal(blocker?.name, 'nightly')
    assert.equal(blocker?.limit, 2)
    assert.deepEqual(blocker?.holders.map(({ jobId }) => jobId).sort(), ['1', '2'])
    const other = await broker.acquire(request('4', { limits, policy: 'weekly' }))
    assert.equal(other.allocation.jobId, '4')
    await broker.release({ leaseId: grants[0]?.leaseId ?? '' })
    await third.result
  })
  check(
    'no more jobs of a client run than its own limit, else the limit of any',
    async ({ broker, media }) => {
      await putDisk(media, 'disk1', 10)
      const any = { client: 'web', limits: { maxJobsPerClient: 1 } }
      const first = await broker.acquire(request('1', any))
      const second = watchCall(broker.acquire(request('2', any)))
      assert.deepEqual(
        (await waits(broker, '2')).blockers.map(({ kind, name }) => [kind, name]),
        [['client-limit', 'web']],
      )
      const own = { client: 'web', limits: { maxJobsPerClient: 1, maxJobsThisClient: 2 } }
      await broker.acquire(request('3', own))
      const fourth = watchCall(broker.acquire(request('4', own)))
      await waits(broker, '4')
      await broker.release({ leaseId: first.leaseId })
      await fourth.result
      assert.equal(second.settled, false, 'one job of the client is still one too many')
      second.ignore()
    },
  )
  check('restores are bound by what there is, not by limits of clients and policies', async (fixture) => {
    const { broker, media } = fixture
    await putDisk(media, 'disk1', 3)
    const limits = { maxJobsPerClient: 1, maxJobsPerPolicy: 1 }
    await broker.acquire(request('1', { client: 'web', limits }))
    for (const jobId of ['2', '3']) await broker.acquire(restore(jobId, { client: 'web', limits }))
    const call = watchCall(broker.acquire(restore('4', { client: 'web', limits })))
    const why = await waits(broker, '4')
    assert.deepEqual(
      why.blockers.map(({ kind }) => kind),
      ['storage-unit-limit'],
    )
    call.ignore()
  })
}

function ordering(check: Check): void {
  check('higher priority goes first, then age', async ({ broker, media, clock }) => {
    await putDisk(media, 'disk1', 1)
    const first = await broker.acquire(request('first'))
    const served: string[] = []
    const asked: readonly [string, number][] = [
      ['old', 0],
      ['urgent', 90_000],
      ['young', 0],
      ['urgent-too', 90_000],
    ]
    const calls: Promise<void>[] = []
    for (const [jobId, priority] of asked) {
      const serve = async (): Promise<void> => {
        const { leaseId } = await broker.acquire(request(jobId, { priority }))
        served.push(jobId)
        await broker.release({ leaseId })
      }
      calls.push(serve())
      await waits(broker, jobId)
      await clock.advance(1000)
    }
    const queued = (await collect(broker.queue({}))).map((entry) => entry.request.jobId)
    const order = ['urgent', 'urgent-too', 'old', 'young']
    assert.deepEqual(queued, order)
    assert.deepEqual(
      (await collect(broker.queue({ limit: 2 }))).map((entry) => entry.request.jobId),
      order.slice(0, 2),
    )
    await broker.release({ leaseId: first.leaseId })
    await Promise.all(calls)
    assert.deepEqual(served, order)
  })
  check('a request keeps the age it brings along', async ({ broker, media, clock }) => {
    await putDisk(media, 'disk1', 1)
    const first = await broker.acquire(request('first'))
    const young = watchCall(broker.acquire(request('young')))
    await waits(broker, 'young')
    const queuedAt = clock.now() - 60_000
    const old = watchCall(broker.acquire(request('old', { queuedAt })))
    assert.equal((await waits(broker, 'old')).since, queuedAt)
    await broker.release({ leaseId: first.leaseId })
    await old.result
    assert.equal(young.settled, false)
    young.ignore()
  })
  check('lower priority goes first only where the higher could not go', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    await putDisk(media, 'disk2', 1)
    await broker.acquire(request('1'))
    const urgent = watchCall(broker.acquire(request('2', { priority: 5 })))
    await waits(broker, '2')
    await broker.acquire(request('3', {}, 'disk2'))
    assert.equal(urgent.settled, false)
    urgent.ignore()
  })
}

function prioritising(check: Check): void {
  check('another priority while it waits is another place at once', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    const first = await broker.acquire(request('first'))
    const calls = ['old', 'young'].map((jobId) => watchCall(broker.acquire(request(jobId))))
    for (const jobId of ['old', 'young']) await waits(broker, jobId)
    await broker.setPriority({ jobId: 'young', priority: 7 })
    assert.deepEqual(
      (await collect(broker.queue({}))).map((entry) => [entry.request.jobId, entry.request.priority]),
      [
        ['young', 7],
        ['old', 0],
      ],
    )
    await broker.release({ leaseId: first.leaseId })
    assert.equal((await calls[1]?.result)?.allocation.jobId, 'young')
    assert.equal(calls[0]?.settled, false)
    calls[0]?.ignore()
  })
  check(
    'a priority for a job that does not wait changes nothing; a wrong one is refused',
    async (fixture) => {
      const { broker, media } = fixture
      await putDisk(media, 'disk1', 1)
      const grant = await broker.acquire(request('1'))
      await broker.setPriority({ jobId: '1', priority: 7 })
      await broker.setPriority({ jobId: 'nobody', priority: 7 })
      assert.deepEqual(await collect(broker.grants({})), [grant])
      for (const priority of [-1, 100_000])
        await rejects(broker.setPriority({ jobId: '1', priority }), 'argument-invalid')
    },
  )
}

function sharing(check: Check): void {
  check('jobs that may share a drive do, and who was passed by is told how often', async (fixture) => {
    const { broker, media } = fixture
    await putTape(media)
    const first = await broker.acquire(tapeBackup('1', 2))
    const alone = watchCall(broker.acquire(tapeBackup('2', 1)))
    const why = await waits(broker, '2')
    assert.ok(
      why.blockers.every(({ holders }) => holders[0]?.jobId === '1'),
      why.sentence,
    )
    const joined = await broker.acquire(tapeBackup('3', 2))
    assert.deepEqual(
      [first, joined].map(({ allocation: { medium } }) => medium.kind === 'tape' && medium.drive),
      ['d1', 'd1'],
    )
    const [queued] = await collect(broker.queue({}))
    assert.deepEqual([queued?.request.jobId, queued?.passedBy], ['2', 1])
    const third = watchCall(broker.acquire(tapeBackup('4', 2)))
    await waits(broker, '4')
    await broker.release({ leaseId: first.leaseId })
    assert.equal((await third.result).allocation.jobId, '4', 'a place in the group is free')
    for (const { leaseId } of [joined, await third.result]) await broker.release({ leaseId })
    assert.equal((await alone.result).allocation.jobId, '2')
  })
}

function leaving(check: Check, undoesAtOnce: boolean): void {
  check('an aborted request leaves the queue', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    const first = await broker.acquire(request('1'))
    const leavingNow = new AbortController()
    const call = watchCall(broker.acquire(request('2'), { signal: leavingNow.signal }))
    await waits(broker, '2')
    leavingNow.abort()
    await isCancelled(call.result)
    await until(broker, async () => (await collect(broker.queue({}))).length === 0)
    assert.equal((await broker.explain({ jobId: '2' })).waiting, false)
    await broker.release({ leaseId: first.leaseId })
    await broker.acquire(request('3'))
  })
  const orLater = undoesAtOnce ? '' : ', or nothing beyond its lease'
  check(`a request aborted at any moment holds nothing${orLater}`, async (fixture) => {
    const { broker, media, clock, leaseMs } = fixture
    await putDisk(media, 'disk1', 1)
    for (let turns = 0; turns < 24; turns++) {
      const ending = new AbortController()
      const call = broker.acquire(request(`${turns}`), { signal: ending.signal })
      const result = call.then(
        (grant) => grant,
        () => undefined,
      )
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      ending.abort()
      const grant = await result
      if (grant !== undefined) await broker.release({ leaseId: grant.leaseId })
      if (!undoesAtOnce) await clock.advance(leaseMs)
      await until(broker, async () => (await collect(broker.grants({}))).length === 0)
      assert.deepEqual(await collect(media.allocations({})), [])
    }
  })
  check('a request that was aborted before the call is not queued', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    await isCancelled(broker.acquire(request('1'), { signal: AbortSignal.abort() }))
    assert.deepEqual(await collect(broker.grants({})), [])
  })
}

function leasing(check: Check): void {
  check('a lease that is not renewed is taken back', async ({ broker, media, clock, leaseMs }) => {
    await putDisk(media, 'disk1', 1)
    const silent = await broker.acquire(request('1'))
    const next = watchCall(broker.acquire(request('2')))
    await waits(broker, '2')
    await clock.advance(leaseMs - 1)
    assert.equal(next.settled, false)
    await clock.advance(1)
    const grant = await next.result
    assert.equal(grant.allocation.jobId, '2')
    await rejects(broker.renew({ leaseId: silent.leaseId }), 'lease-expired')
    assert.equal((await collect(media.allocations({}))).length, 1)
  })
  check('a lease that is renewed goes on', async ({ broker, media, clock, leaseMs }) => {
    await putDisk(media, 'disk1', 1)
    const { leaseId } = await broker.acquire(request('1'))
    for (let term = 0; term < 3; term++) {
      await clock.advance(leaseMs - 1)
      assert.deepEqual(await broker.renew({ leaseId }), { expiresAt: clock.now() + leaseMs })
    }
    assert.equal((await collect(broker.grants({}))).length, 1)
    await clock.advance(leaseMs)
    await until(broker, async () => (await collect(broker.grants({}))).length === 0)
  })
  check('leases survive a restart; whoever asks again has the same', async (fixture) => {
    const { broker, media, clock, leaseMs } = fixture
    await putDisk(media, 'disk1', 2)
    const limits = { maxJobsPerPolicy: 1 }
    const first = await broker.acquire(request('1', { limits }))
    const again = await fixture.restart()
    const kept = await again.acquire(request('1', { limits }))
    assert.equal(kept.leaseId, first.leaseId)
    assert.deepEqual(kept.allocation, first.allocation)
    const second = watchCall(again.acquire(request('2', { limits })))
    assert.equal((await waits(again, '2')).blockers[0]?.kind, 'policy-limit')
    await clock.advance(leaseMs)
    assert.equal((await second.result).allocation.jobId, '2')
  })
}

function explaining(check: Check): void {
  check('a waiting job has every reason, with who, since when and what would free it', async (fixture) => {
    const { broker, media, clock } = fixture
    await putDisk(media, 'disk1', 2)
    const limits = { maxJobsPerPolicy: 2 }
    const held: Grant[] = []
    for (const jobId of ['17', '18']) {
      held.push(await broker.acquire(request(jobId, { limits })))
      await clock.advance(60_000)
    }
    const since = clock.now()
    const call = watchCall(broker.acquire(request('19', { limits })))
    const why = await waits(broker, '19')
    assert.equal(why.since, since)
    assert.deepEqual(
      why.blockers.map(({ kind, name, limit, inUse }) => [kind, name, limit, inUse]),
      [
        ['policy-limit', 'nightly', 2, 2],
        ['storage-unit-limit', 'disk1', 2, 2],
      ],
    )
    for (const { holders, goesOnWhen } of why.blockers) {
      assert.deepEqual(
        holders,
        held.map(({ allocation: { jobId, since: heldSince } }) => ({ jobId, since: heldSince })),
      )
      assert.equal(goesOnWhen, 'one of them ends')
    }
    for (const part of ['job 19', 'disk1', 'nightly', 'job 17', 'job 18', new Date(since).toISOString()])
      assert.ok(why.sentence.includes(part), `"${why.sentence}" names ${part}`)
    assert.ok(why.sentence.includes('job 19 goes on when one of them ends'), why.sentence)
    const [queued] = await collect(broker.queue({}))
    assert.deepEqual(queued?.blockers, why.blockers)
    call.ignore()
  })
  check('a job that does not wait says so', async ({ broker, media }) => {
    await putDisk(media, 'disk1', 1)
    const idle = await broker.explain({ jobId: '1' })
    assert.deepEqual([idle.waiting, idle.blockers], [false, []])
    await broker.acquire(request('1'))
    const running = await broker.explain({ jobId: '1' })
    assert.equal(running.waiting, false)
    assert.ok(running.sentence.includes('disk1'), running.sentence)
  })
}

function reconciling(check: Check): void {
  check(
    'reconcile finds what only one side knows, and repairs it when told to',
    async ({ broker, media }) => {
      await putDisk(media, 'disk1', 2)
      const grant = await broker.acquire(request('1'))
      await media.allocate({ allocationId: 'stray', jobId: '7', need: request('7').need })
      await media.release({ allocationId: grant.allocation.allocationId })
      const found = await broker.reconcile({ repair: false })
      assert.deepEqual(
        found.orphanedAllocations.map(({ allocationId }) => allocationId),
        ['stray'],
      )
      assert.deepEqual(
        found.orphanedLeases.map(({ leaseId }) => leaseId),
        [grant.leaseId],
      )
      assert.equal(found.repaired, false)
      assert.equal((await collect(media.allocations({}))).length, 1)
      assert.equal((await broker.reconcile({ repair: true })).repaired, true)
      const after = await broker.reconcile({ repair: false })
      assert.deepEqual([after.orphanedAllocations, after.orphanedLeases], [[], []])
      assert.deepEqual(await collect(broker.grants({})), [])
      assert.deepEqual(await collect(media.allocations({})), [])
    },
  )
  check('after a restart broker and media manager agree', async ({ broker, media, restart }) => {
    await putDisk(media, 'disk1', 3)
    const kept = await broker.acquire(request('1'))
    const lost = await broker.acquire(request('2'))
    await media.allocate({ allocationId: 'stray', jobId: '7', need: request('7').need })
    await media.release({ allocationId: lost.allocation.allocationId })
    const again = await restart()
    assert.deepEqual(
      (await collect(again.grants({}))).map(({ leaseId }) => leaseId),
      [kept.leaseId],
    )
    assert.deepEqual(await collect(media.allocations({})), [kept.allocation])
  })
}

/** A backup of a client of its own, to a storage unit. */
function request(
  jobId: string,
  fields: Partial<ResourceRequest> = {},
  storageUnit = 'disk1',
): ResourceRequest {
  return {
    requestId: `r-${jobId}`,
    jobId,
    jobType: 'backup',
    priority: 0,
    policy: 'nightly',
    client: `client-${jobId}`,
    limits: {},
    need: {
      kind: 'write',
      storage: { kind: 'unit', name: storageUnit },
      volumePool: 'NetBackup',
      retentionLevel: 1,
    },
    ...fields,
  }
}

/** A backup to tape that may share its drive with so many, itself included. */
function tapeBackup(jobId: string, multiplexing: number): ResourceRequest {
  const storage = { kind: 'unit', name: 'tape1' } as const
  return request(jobId, {
    need: { kind: 'write', storage, volumePool: 'NetBackup', retentionLevel: 1, multiplexing },
  })
}

/** A tape storage unit with one drive for up to four jobs, and two volumes. */
async function putTape(media: MediaManager): Promise<void> {
  const place = { mediaServer: 'media1', density: 'hcart', robot: 'robot1' }
  await media.putStorageUnit({
    ...place,
    name: 'tape1',
    type: 'tape',
    state: 'up',
    maxFragmentBytes: 1024 ** 4,
    onDemandOnly: false,
    maxConcurrentDrives: 1,
    maxStreamsPerDrive: 4,
  })
  await media.putDrive({ ...place, name: 'd1', state: 'up' })
  for (const volumeId of ['A00001', 'A00002'])
    await media.putVolume({
      volumeId,
      density: 'hcart',
      robot: 'robot1',
      pool: 'NetBackup',
      state: 'active',
      mounts: 0,
    })
}

function restore(jobId: string, fields: Partial<ResourceRequest>): ResourceRequest {
  return request(jobId, { jobType: 'restore', need: { kind: 'read', storageUnit: 'disk1' }, ...fields })
}

async function putDisk(media: MediaManager, name: string, maxConcurrentJobs: number): Promise<void> {
  await media.putStorageUnit({
    name,
    type: 'disk',
    mediaServer: 'media1',
    state: 'up',
    maxFragmentBytes: 1024 ** 3,
    onDemandOnly: false,
    maxConcurrentJobs,
  })
}

/** A call that may stay open: its result, whether it has one, and a way to say that the rest does not matter. */
function watchCall<Result>(result: Promise<Result>): {
  readonly result: Promise<Result>
  readonly settled: boolean
  readonly ignore: () => void
} {
  let settled = false
  const note = (): void => void (settled = true)
  result.then(note, note)
  return {
    result,
    get settled() {
      return settled
    },
    ignore: () => void result.catch(() => undefined),
  }
}

/** The explanation of a job, once it waits. */
async function waits(
  broker: ResourceBroker,
  jobId: string,
): Promise<Awaited<ReturnType<ResourceBroker['explain']>>> {
  let why = await broker.explain({ jobId })
  // A call over a wire may arrive after the one that asks about it.
  for (let tries = 0; tries < 100 && !why.waiting; tries++) why = await broker.explain({ jobId })
  assert.ok(why.waiting, `job ${jobId} does not wait: ${why.sentence}`)
  assert.ok(why.blockers.length > 0, 'a waiting job has a blocker')
  return why
}

/** Asks until it is so. */
async function until(broker: ResourceBroker, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await isSo()) return
    await broker.explain({ jobId: 'nobody' })
  }
  assert.fail('what was waited for did not come')
}

async function isCancelled(call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error: unknown) => asNbError(error).code === 'request-cancelled')
}

async function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<NbError> {
  const error: unknown = await promise.then(
    () => assert.fail(`expected ${code}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof NbError, `expected ${code}, got ${String(error)}`)
  assert.equal(error.code, code, error.message)
  return error
}
