import assert from 'node:assert/strict'
import type { Blocker, Grant, ResourceRequest } from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { collect, createPowerLossStorage, createVirtualClock, type VirtualClock } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { createResourceBroker } from '../../src/index.ts'
import { ModelBroker } from '../model.ts'
import { propertyRuns } from '../property-runs.ts'

const leaseMs = 600_000
const policyLimit = 2
const clientLimit = 1
const unitLimits = { disk1: 1, disk2: 2, disk3: 1 }

type Step =
  | {
      readonly do: 'acquire'
      readonly priority: number
      readonly policy: number
      readonly client: number
      readonly need: number
    }
  | { readonly do: 'abort' | 'release' | 'expire'; readonly pick: number }
  | { readonly do: 'priority'; readonly pick: number; readonly priority: number }
  | { readonly do: 'unit'; readonly pick: number; readonly up: boolean }
  | { readonly do: 'pass'; readonly ms: number }
  | {
      readonly do: 'crash'
      readonly during: 'acquire' | 'release' | 'nothing'
      readonly turns: number
      readonly pick: number
    }

const pick = fc.nat(50)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('acquire' as const),
      priority: fc.constantFrom(0, 0, 1, 90_000),
      policy: fc.nat(2),
      client: fc.nat(4),
      need: fc.nat(5),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('release' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const), pick }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('priority' as const),
      pick,
      priority: fc.constantFrom(0, 1, 500, 90_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('unit' as const), pick: fc.nat(2), up: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 60_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      during: fc.constantFrom('acquire' as const, 'release' as const, 'nothing' as const),
      turns: fc.nat(30),
      pick,
    }),
  },
)

t.test('limits, units, order, reasons and leases hold over random histories, crashes included', async (t) => {
  const { numRuns, seed } = propertyRuns(t, 200)
  let granted = 0
  let waited = 0
  let crashes = 0
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 10, maxLength: 50 }),
    fc.nat(),
    async (steps, powerSeed) => {
      const world = await World.open(powerSeed)
      try {
        for (const one of steps) {
          await world.take(one)
          await world.check()
        }
        await world.finish()
      } finally {
        granted += world.grantedInAll
        waited += world.waitedInAll
        crashes += world.crashes
        await world.close()
      }
    },
  )
  await fc.assert(property, { numRuns, seed })
  t.comment(`${granted} grants, ${waited} explained waits, ${crashes} crashes`)
  t.ok(granted > numRuns && waited > numRuns && crashes > numRuns / 10, 'the histories are worth something')
})

interface Call {
  request: ResourceRequest
  readonly abort: AbortController
  readonly done: Promise<void>
  grant?: Grant
}

/** Media manager and broker over storage that can lose its power, driven beside the model. */
class World {
  readonly #storage: ReturnType<typeof createPowerLossStorage>
  readonly #clock: VirtualClock = createVirtualClock()
  readonly #model = new ModelBroker(policyLimit, clientLimit)
  readonly #calls: Map<string, Call> = new Map()
  #media!: ReturnType<typeof createMediaManager>
  #broker!: ReturnType<typeof createResourceBroker>
  #arrivals = 0
  grantedInAll = 0
  waitedInAll = 0
  crashes = 0

  constructor(powerSeed: number) {
    this.#storage = createPowerLossStorage({ seed: powerSeed })
  }

  static async open(powerSeed: number): Promise<World> {
    const world = new World(powerSeed)
    await world.#start()
    for (const [name, limit] of Object.entries(unitLimits)) {
      world.#model.units.set(name, { limit, up: true })
      const base = { type: 'disk', mediaServer: 'media1', state: 'up', onDemandOnly: false } as const
      await world.#media.putStorageUnit({
        ...base,
        name,
        maxFragmentBytes: 2 ** 30,
        maxConcurrentJobs: limit,
      })
    }
    const members = ['disk3', 'disk1']
    world.#model.groups.set('g', members)
    await world.#media.putGroup({ name: 'g', members, selection: 'prioritised' })
    return world
  }

  async #start(): Promise<void> {
    const database = this.#storage.database('master')
    const clock = this.#clock
    this.#media = createMediaManager({ store: database.sublevel('emm'), clock })
    const store = database.sublevel('allocations')
    this.#broker = createResourceBroker({ media: this.#media, store, clock }, { leaseMs })
    await this.#media.start()
    await this.#broker.start()
  }

  async close(): Promise<void> {
    await this.#broker.stop()
    await this.#media.stop()
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'acquire':
        this.#acquire(this.#newRequest(step))
        break
      case 'release': {
        const call = this.#pick(step.pick, (one) => one.grant !== undefined)
        if (call !== undefined) await this.#release(call)
        break
      }
      case 'abort': {
        const call = this.#pick(step.pick, (one) => one.grant === undefined)
        if (call === undefined) break
        call.abort.abort()
        await call.done
        this.#calls.delete(call.request.requestId)
        this.#model.waiting.delete(call.request.requestId)
        break
      }
      case 'priority': {
        const call = this.#pick(step.pick, (one) => one.grant === undefined)
        if (call === undefined) break
        const { jobId, requestId } = call.request
        await this.#broker.setPriority({ jobId, priority: step.priority })
        const known = this.#model.waiting.get(requestId)
        const request = { ...call.request, priority: step.priority }
        if (known !== undefined) this.#model.waiting.set(requestId, { ...known, request })
        call.request = request
        break
      }
      case 'expire':
        await this.#expire(step.pick)
        break
      case 'unit': {
        const name = Object.keys(unitLimits)[step.pick] ?? 'disk1'
        await this.#setUnit(name, step.up)
        break
      }
      case 'pass':
        await this.#clock.advance(step.ms)
        await this.#renewAll(undefined)
        break
      case 'crash':
        await this.#crash(step)
        break
    }
    this.#model.serve()
    await quiet()
  }

  #newRequest(step: Extract<Step, { do: 'acquire' }>): ResourceRequest {
    const jobId = `${(this.#arrivals += 1)}`
    const needs: readonly ResourceRequest['need'][] = [
      writeTo({ kind: 'unit', name: 'disk1' }),
      writeTo({ kind: 'unit', name: 'disk2' }),
      writeTo({ kind: 'group', name: 'g' }),
      writeTo({ kind: 'any' }),
      { kind: 'read', storageUnit: 'disk2' },
      { kind: 'read', storageUnit: 'disk3' },
    ]
    const need = needs[step.need] ?? writeTo({ kind: 'any' })
    return {
      requestId: `r${jobId}`,
      jobId,
      jobType: need.kind === 'read' ? 'restore' : 'backup',
      priority: step.priority,
      policy: `p${step.policy}`,
      client: `c${step.client}`,
      limits: { maxJobsPerPolicy: policyLimit, maxJobsPerClient: clientLimit },
      need,
      queuedAt: this.#clock.now(),
    }
  }

  #acquire(request: ResourceRequest): void {
    const abort = new AbortController()
    const done = this.#broker.acquire(request, { signal: abort.signal }).then(
      (grant) => {
        call.grant = grant
      },
      () => undefined,
    )
    const call: Call = { request, abort, done }
    this.#calls.set(request.requestId, call)
    const { granted, waiting } = this.#model
    if (!granted.has(request.requestId))
      waiting.set(request.requestId, { request, arrival: this.#arrivals++ })
  }

  #pick(index: number, fits: (call: Call) => boolean): Call | undefined {
    const calls = [...this.#calls.values()].filter(fits)
    return calls[index % calls.length]
  }

  async #release(call: Call): Promise<void> {
    await this.#broker.release({ leaseId: call.grant?.leaseId ?? '' })
    this.#calls.delete(call.request.requestId)
    this.#model.granted.delete(call.request.requestId)
  }

  async #setUnit(name: string, up: boolean): Promise<void> {
    await this.#media.setStorageUnitState({ name, state: up ? 'up' : 'down' })
    const unit = this.#model.units.get(name)
    if (unit !== undefined) unit.up = up
  }

  /** Lets one holder fall silent until its lease is over; the others renew. */
  async #expire(index: number): Promise<void> {
    const silent = this.#pick(index, (one) => one.grant !== undefined)
    if (silent === undefined) return
    await this.#renewAll(undefined)
    await this.#clock.advance(leaseMs / 2)
    await this.#renewAll(silent)
    await this.#clock.advance(leaseMs / 2)
    this.#calls.delete(silent.request.requestId)
    this.#model.granted.delete(silent.request.requestId)
  }

  async #renewAll(but: Call | undefined): Promise<void> {
    for (const call of this.#calls.values())
      if (call !== but && call.grant !== undefined) await this.#broker.renew({ leaseId: call.grant.leaseId })
  }

  /** Takes the power away in the middle of something, comes back, and lets all jobs ask again, as a job manager does. */
  async #crash(step: Extract<Step, { do: 'crash' }>): Promise<void> {
    this.crashes += 1
    const before = new Map([...this.#calls].map(([id, { grant }]) => [id, grant?.leaseId]))
    let underWay: Promise<void> | undefined
    let releasing: Call | undefined
    if (step.during === 'acquire')
      this.#acquire(
        this.#newRequest({
          do: 'acquire',
          priority: 1,
          policy: 0,
          client: step.pick % 5,
          need: step.pick % 6,
        }),
      )
    if (step.during === 'release') {
      releasing = this.#pick(step.pick, (one) => one.grant !== undefined)
      const leaseId = releasing?.grant?.leaseId ?? ''
      underWay = this.#broker.release({ leaseId }).catch(() => undefined)
    }
    for (let turn = 0; turn < step.turns; turn++) await Promise.resolve()
    this.#storage.lose()
    await this.close()
    await Promise.all([underWay, ...[...this.#calls.values()].map(({ done }) => done)])
    this.#storage.restore()
    await this.#start()
    await this.#askAgain(before, releasing)
  }

  async #askAgain(
    before: ReadonlyMap<string, string | undefined>,
    releasing: Call | undefined,
  ): Promise<void> {
    const calls = [...this.#calls.values()]
    const leases = new Map((await collect(this.#broker.grants({}))).map((one) => [one.allocation.jobId, one]))
    this.#model.waiting.clear()
    this.#model.granted.clear()
    for (const call of calls) {
      const lease = leases.get(call.request.jobId)
      const held = before.get(call.request.requestId)
      if (held !== undefined && call !== releasing)
        assert.equal(lease?.leaseId, held, 'a granted lease survives')
      if (lease === undefined) continue
      leases.delete(call.request.jobId)
      const job = { request: call.request, arrival: this.#arrivals++ }
      this.#model.granted.set(call.request.requestId, { job, unit: lease.allocation.storageUnit })
    }
    assert.deepEqual([...leases.keys()], [], 'no lease of a job that nobody knows')
    this.#calls.clear()
    for (const { request } of calls) {
      this.#acquire(request)
      this.#model.serve()
      await quiet()
    }
  }

  /** Broker, media manager and model agree, and every waiting job is told the truth. */
  async check(): Promise<void> {
    const grants = await collect(this.#broker.grants({}))
    const places = grants.map(({ allocation }) => `${allocation.jobId} on ${allocation.storageUnit}`).sort()
    const wanted = [...this.#model.granted.values()].map(({ job, unit }) => `${job.request.jobId} on ${unit}`)
    assert.deepEqual(places, wanted.sort(), 'what the model grants is granted, and nothing else')
    assert.deepEqual(
      (await collect(this.#media.allocations({}))).map(({ allocationId }) => allocationId).sort(),
      grants.map(({ allocation }) => allocation.allocationId).sort(),
      'leases and allocations are the same',
    )
    for (const [name, { limit }] of this.#model.units)
      assert.ok(grants.filter(({ allocation }) => allocation.storageUnit === name).length <= limit)
    const queued = await collect(this.#broker.queue({}))
    assert.deepEqual(
      queued.map(({ request }) => request.requestId),
      this.#model.inOrder().map(({ request }) => request.requestId),
      'the queue is in order of service',
    )
    for (const { request } of queued) await this.#checkReasons(request)
    this.grantedInAll += grants.length
    this.waitedInAll += queued.length
  }

  async #checkReasons(request: ResourceRequest): Promise<void> {
    const why = await this.#broker.explain({ jobId: request.jobId })
    assert.ok(why.waiting && why.blockers.length > 0, 'a waiting job has a reason')
    for (const blocker of why.blockers) this.#checkTrue(request, blocker)
  }

  #checkTrue(request: ResourceRequest, { kind, name, limit, inUse, holders }: Blocker): void {
    const model = this.#model
    const counts: Partial<Record<Blocker['kind'], number>> = {
      'policy-limit': model.ofPolicy(name),
      'client-limit': model.ofClient(name),
      'storage-unit-limit': model.onUnit(name),
    }
    if (kind === 'storage-unit-down') {
      assert.equal(model.units.get(name)?.up, false)
      assert.ok(model.candidates(request.need).includes(name))
      return
    }
    assert.equal(counts[kind], inUse, `${kind} ${name} has ${inUse ?? '?'} jobs`)
    assert.ok(inUse !== undefined && limit !== undefined && inUse >= limit, 'the limit is reached')
    assert.equal(holders.length, inUse)
    for (const { jobId } of holders) assert.ok(model.granted.has(`r${jobId}`), `job ${jobId} holds something`)
    if (kind === 'storage-unit-limit') assert.ok(model.candidates(request.need).includes(name))
  }

  /** Once everything is up and given back, everybody gets what they asked for, and both sides are empty. */
  async finish(): Promise<void> {
    for (const name of Object.keys(unitLimits)) {
      await this.#setUnit(name, true)
      this.#model.serve()
      await quiet()
      await this.check()
    }
    for (let round = 0; this.#calls.size > 0; round++) {
      assert.ok(round < 200, 'every request is served in the end')
      const call = this.#pick(0, (one) => one.grant !== undefined)
      assert.ok(call !== undefined, 'someone is served while units are free')
      await this.#release(call)
      this.#model.serve()
      await quiet()
      await this.check()
    }
    const report = await this.#broker.reconcile({ repair: false })
    assert.deepEqual([report.orphanedAllocations, report.orphanedLeases], [[], []])
  }
}

function writeTo(
  storage: Extract<ResourceRequest['need'], { kind: 'write' }>['storage'],
): ResourceRequest['need'] {
  return { kind: 'write', storage, volumePool: 'NetBackup', retentionLevel: 1 }
}

/** Long enough for everything that was set off to come to rest; stores in memory answer within a turn. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
}
