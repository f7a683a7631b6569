import assert from 'node:assert/strict'
import { type Grant, NbError, type ResourceBrokerEvents, type ResourceRequest } from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { collect, createPowerLossStorage, createVirtualClock, type VirtualClock } from '@nb/test-kit'
import { createResourceBroker } from '../src/index.ts'
import { limits, maxPassedBy, needs, site } from './tape-site.ts'

export const leaseMs = 600_000
/** What a history may do. Picks are taken modulo what there is. */
export type Step =
  | {
      readonly do: 'acquire'
      readonly priority: number
      readonly policy: number
      readonly client: number
      readonly need: number
    }
  | { readonly do: 'abort' | 'release' | 'expire'; readonly pick: number }
  | { readonly do: 'priority'; readonly pick: number; readonly priority: number }
  | {
      readonly do: 'state'
      readonly what: 'unit' | 'drive' | 'server' | 'robot'
      readonly pick: number
      readonly up: boolean
    }
  | { readonly do: 'mount'; readonly drive: number; readonly volume: number }
  | { readonly do: 'unmount'; readonly drive: number }
  | {
      readonly do: 'crash'
      readonly during: 'acquire' | 'release'
      readonly turns: number
      readonly pick: number
    }

export interface Call {
  readonly request: ResourceRequest
  readonly abort: AbortController
  readonly done: Promise<void>
  grant?: Grant
}

/** Media manager and broker over storage that can lose its power, with what an operator knows of the site beside them. */
export class TapeWorld {
  readonly #storage: ReturnType<typeof createPowerLossStorage>
  readonly #clock: VirtualClock = createVirtualClock()
  readonly calls: Map<string, Call> = new Map()
  /** Names of what is down, as `unit:tape1`. */
  readonly down: Set<string> = new Set()
  media!: ReturnType<typeof createMediaManager>
  broker!: ReturnType<typeof createResourceBroker>
  #arrivals = 0
  /** Since the last check. */
  readonly passings: ResourceBrokerEvents['request:passed-by'][] = []
  readonly count = { grants: 0, waits: 0, crashes: 0, passings: 0, turns: 0, shared: 0 }

  private constructor(powerSeed: number) {
    this.#storage = createPowerLossStorage({ seed: powerSeed })
  }

  static async open(powerSeed: number): Promise<TapeWorld> {
    const world = new TapeWorld(powerSeed)
    await world.#start()
    const { media } = world
    for (const [name, unit] of Object.entries(site.units)) await media.putStorageUnit({ ...unit, name })
    for (const [name, most] of Object.entries(site.servers))
      await media.putMediaServer({
        name,
        state: 'up',
        ...(most === undefined ? {} : { maxConcurrentJobs: most }),
      })
    for (const name of site.robots) await media.putRobot({ name, state: 'up' })
    for (const [name, robot] of Object.entries(site.drives)) {
      const mediaServer = robot === 'r1' ? 'media1' : 'media2'
      await media.putDrive({ name, robot, mediaServer, density: 'hcart', state: 'up' })
    }
    for (const [volumeId, robot] of Object.entries(site.volumes))
      await media.putVolume({
        volumeId,
        robot,
        density: 'hcart',
        pool: 'NetBackup',
        state: 'active',
        mounts: 0,
      })
    await media.putGroup({ name: 'g', members: site.group, selection: 'prioritised' })
    return world
  }

  async #start(): Promise<void> {
    const database = this.#storage.database('master')
    const clock = this.#clock
    this.media = createMediaManager({ store: database.sublevel('emm'), clock })
    const store = database.sublevel('allocations')
    this.broker = createResourceBroker({ media: this.media, store, clock }, { leaseMs, maxPassedBy })
    this.broker.on('request:passed-by', (event) => this.passings.push(event))
    await this.media.start()
    await this.broker.start()
  }

  async close(): Promise<void> {
    await this.broker.stop()
    await this.media.stop()
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'acquire':
        this.#acquire(this.#newRequest(step))
        break
      case 'release':
        await this.#release(this.#pick(step.pick, isGranted))
        break
      case 'abort': {
        const call = this.#pick(step.pick, (one) => !isGranted(one))
        call?.abort.abort()
        await call?.done
        if (call !== undefined) this.calls.delete(call.request.requestId)
        break
      }
      case 'priority': {
        const call = this.#pick(step.pick, (one) => !isGranted(one))
        if (call !== undefined)
          await this.broker.setPriority({ jobId: call.request.jobId, priority: step.priority })
        break
      }
      case 'expire':
        await this.#expire(step.pick)
        break
      case 'crash':
        await this.#crash(step)
        break
      default:
        await this.#operate(step)
    }
    await quiet()
  }

  #newRequest(step: Omit<Extract<Step, { do: 'acquire' }>, 'do'>): ResourceRequest {
    const jobId = `${(this.#arrivals += 1)}`
    const need = needs[step.need % needs.length]
    assert.ok(need !== undefined)
    return {
      requestId: `r${jobId}`,
      jobId,
      jobType: need.kind === 'read' ? 'restore' : 'backup',
      priority: step.priority,
      policy: `p${step.policy}`,
      client: `c${step.client}`,
      limits,
      need,
      queuedAt: this.#arrivals,
    }
  }

  #acquire(request: ResourceRequest): void {
    const abort = new AbortController()
    const done = this.broker.acquire(request, { signal: abort.signal }).then(
      (grant) => {
        call.grant = grant
      },
      (error: unknown) => {
        if (!abort.signal.aborted) call.failure = error
      },
    )
    const call: Call & { failure?: unknown } = { request, abort, done }
    this.calls.set(request.requestId, call)
  }

  #pick(index: number, fits: (call: Call) => boolean): Call | undefined {
    const calls = [...this.calls.values()].filter(fits)
    return calls[index % calls.length]
  }

  async #release(call: Call | undefined): Promise<void> {
    if (call === undefined) return
    await this.broker.release({ leaseId: call.grant?.leaseId ?? '' })
    this.calls.delete(call.request.requestId)
  }

  async #expire(index: number): Promise<void> {
    const silent = this.#pick(index, isGranted)
    if (silent === undefined) return
    await this.#renewAll(undefined)
    await this.#clock.advance(leaseMs / 2)
    await this.#renewAll(silent)
    await this.#clock.advance(leaseMs / 2)
    this.calls.delete(silent.request.requestId)
  }

  async #renewAll(but: Call | undefined): Promise<void> {
    for (const call of this.calls.values())
      if (call !== but && call.grant !== undefined) await this.broker.renew({ leaseId: call.grant.leaseId })
  }

  async #operate(step: Extract<Step, { do: 'state' | 'mount' | 'unmount' }>): Promise<void> {
    const nameOf = (of: object, pick: number): string => Object.keys(of)[pick % Object.keys(of).length] ?? ''
    if (step.do === 'state') {
      const of = { unit: site.units, drive: site.drives, server: site.servers, robot: { r1: 1, r2: 2 } }[
        step.what
      ]
      await this.setState(step.what, nameOf(of, step.pick), step.up)
      return
    }
    const drive = nameOf(site.drives, step.drive)
    try {
      if (step.do === 'unmount') await this.media.recordUnmount({ drive })
      else await this.#mount(drive, nameOf(site.volumes, step.volume))
    } catch (error) {
      // Another job's medium is not moved under it.
      assert.ok(error instanceof NbError && error.code === 'state-conflict', String(error))
    }
  }

  /** Puts a volume of the drive's robot into the drive, where hardware could. */
  async #mount(drive: string, volumeId: string): Promise<void> {
    const robots: Readonly<Record<string, string>> = { ...site.drives, ...site.volumes }
    const drives = await collect(this.media.drives({}))
    const free = drives.find(({ name }) => name === drive)?.loadedVolume === undefined
    if (robots[drive] !== robots[volumeId] || !free) return
    if (drives.some(({ loadedVolume }) => loadedVolume === volumeId)) return
    for (const { medium } of await collect(this.media.allocations({})))
      if (medium.kind === 'tape' && (medium.drive === drive) !== (medium.volumeId === volumeId)) return
    await this.media.recordMount({ volumeId, drive })
  }

  async setState(what: 'unit' | 'drive' | 'server' | 'robot', name: string, up: boolean): Promise<void> {
    const state = up ? 'up' : 'down'
    const most = name === 'media1' ? { maxConcurrentJobs: site.servers.media1 } : {}
    if (what === 'unit') await this.media.setStorageUnitState({ name, state })
    else if (what === 'drive') await this.media.setDriveState({ name, state })
    else if (what === 'server') await this.media.putMediaServer({ name, state, ...most })
    else await this.media.putRobot({ name, state })
    if (up) this.down.delete(`${what}:${name}`)
    else this.down.add(`${what}:${name}`)
  }

  /** Takes the power away in the middle of something, comes back, and lets all jobs ask again, as a job manager does. */
  async #crash(step: Extract<Step, { do: 'crash' }>): Promise<void> {
    this.count.crashes += 1
    const before = new Map([...this.calls].map(([id, { grant }]) => [id, grant?.leaseId]))
    const releasing = step.during === 'release' ? this.#pick(step.pick, isGranted) : undefined
    if (step.during === 'acquire')
      this.#acquire(this.#newRequest({ priority: 1, policy: 0, client: 0, need: step.pick }))
    const underWay = this.broker.release({ leaseId: releasing?.grant?.leaseId ?? '' }).catch(() => undefined)
    for (let turn = 0; turn < step.turns; turn++) await Promise.resolve()
    this.#storage.lose()
    await this.close()
    const calls = [...this.calls.values()]
    await Promise.all([underWay, ...calls.map(({ done }) => done)])
    this.#storage.restore()
    await this.#start()
    const leases = new Map((await collect(this.broker.grants({}))).map((one) => [one.allocation.jobId, one]))
    for (const { request } of calls) {
      const held = before.get(request.requestId)
      if (held !== undefined && releasing?.request !== request)
        assert.equal(leases.get(request.jobId)?.leaseId, held, 'a granted lease survives')
      leases.delete(request.jobId)
    }
    assert.deepEqual([...leases.keys()], [], 'no lease of a job that nobody knows')
    this.calls.clear()
    for (const { request } of calls) this.#acquire(request)
  }

  /** Once everything is up and given back, everybody gets what they asked for, and both sides are empty. */
  async finish(check: (world: TapeWorld) => Promise<void>): Promise<void> {
    for (const key of [...this.down]) {
      const [what, name] = key.split(':') as ['unit', string]
      await this.setState(what, name, true)
    }
    await quiet()
    await check(this)
    for (let round = 0; this.calls.size > 0; round++) {
      assert.ok(round < 200, 'every request is served in the end')
      const call = this.#pick(round, isGranted)
      assert.ok(call !== undefined, 'someone is served while all is up')
      await this.#release(call)
      await quiet()
      await check(this)
    }
    const report = await this.broker.reconcile({ repair: false })
    assert.deepEqual([report.orphanedAllocations, report.orphanedLeases], [[], []])
  }
}

function isGranted({ grant }: Call): boolean {
  return grant !== undefined
}

/** Long enough for everything that was set off to come to rest; stores in memory answer within a turn. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve))
}
