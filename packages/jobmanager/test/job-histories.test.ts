import assert from 'node:assert/strict'
import { type BackupJobRequest, type Job, type JobManager, NbError, toPath } from '@nb/contracts'
import { type SessionScript, collect, driven, seededRandom } from '@nb/test-kit'
import t from 'tap'
import { type Life, type Stage, createStage, settledOrDead } from './await-points.ts'
import { daily, full, request } from './fixture.ts'
import { propertyRuns } from './property-runs.ts'

const minute = 60_000
const goodStatuses: readonly (number | undefined)[] = [0, 1, 3, 4]
const atRest: readonly Job['state'][] = ['waiting-for-retry', 'suspended', 'incomplete', 'done']

/** What random histories did, so that none of it is left out unseen. */
const seen = new Map<string, number>()
const note = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1)

class History {
  readonly #random: () => number
  readonly stage: Stage
  life!: Life
  /** Statuses that were told, by job: a second one must be the same. */
  readonly #told = new Map<string, number>()
  readonly #requests = new Map<string, BackupJobRequest>()
  /** By job: how often a person put it back on the queue. */
  readonly #resumed = new Map<string, number>()
  #dieAt = Infinity

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    this.stage = createStage(
      { units: [{ name: 'disk1', mediaServer: 'media1', slots: 2 }], script: () => this.#session() },
      { sessionCheckMs: 3 * minute, silenceMs: 10 * minute, callTimeoutMs: 10_000 },
      { settleTurns: 1 },
    )
  }

  async begin(): Promise<void> {
    this.life = await this.stage.live((point, life) => {
      if (point >= this.#dieAt) life.die()
    })
    this.life.manager.on('job:finished', ({ jobId, status }) => {
      assert.equal(this.#told.get(jobId) ?? status, status, `job ${jobId} ended twice`)
      this.#told.set(jobId, status)
    })
  }

  #under(most: number): number {
    return Math.floor(this.#random() * most)
  }

  #pick<T>(of: readonly T[]): T {
    return of[this.#under(of.length)] as T
  }

  #session(): SessionScript {
    const status = this.#pick([0, 0, 0, 1, 84, 84, 13])
    return {
      status,
      statusText: `ended with ${status}`,
      checkpoints: this.#under(3),
      durationMs: this.#pick([1000, minute, 10 * minute]),
      files: 60,
      bytes: 60_000,
      vanishes: this.#random() < 0.1,
      removal: { status: this.#pick([0, 3, 58]), durationMs: minute },
    }
  }

  #request(): BackupJobRequest {
    const now = this.stage.clock.now()
    const isArchive = this.#random() < 0.15
    const streams = ['a', 'b', 'c'].map((name) => ({ name, selections: [toPath(`/${name}`)] }))
    return request({
      client: this.#pick(['web1', 'web2']),
      ...(isArchive
        ? { type: 'archive', schedule: { ...full, type: 'user-archive' } }
        : { policy: { ...daily, priority: this.#under(3) } }),
      ...(this.#random() < 0.2 ? { streams, streamSet: ['a', 'b', 'c'] } : {}),
      ...(this.#random() < 0.3 ? { windowClosesAt: now + this.#under(30) * minute } : {}),
      ...(this.#random() < 0.7
        ? { retry: { tries: 1 + this.#under(3), delayMs: this.#under(10) * minute } }
        : {}),
    })
  }

  /** Calls the manager; a history goes on whatever the answer is, unless it is no typed one. */
  async #call(name: string, call: (manager: JobManager) => Promise<unknown>): Promise<boolean> {
    const { clock } = this.stage
    const calling = call(this.life.manager)
    let refused: unknown
    const done = calling.then(
      () => note(name),
      (error: unknown) => {
        refused = error
        note(`${name} refused`)
      },
    )
    await clock.advanceUntil(settledOrDead(done, this.life), 3_600_000)
    if (refused !== undefined) assert.ok(refused instanceof NbError, 'what is refused is typed')
    return refused === undefined && !this.life.dead
  }

  async #randomJob(): Promise<Job | undefined> {
    const jobs = await collect(this.life.manager.list({}))
    return jobs.length === 0 ? undefined : this.#pick(jobs)
  }

  async step(): Promise<void> {
    const { clock } = this.stage
    const kind = this.#under(12)
    if (kind <= 2) {
      const asked = this.#request()
      this.#requests.set(asked.requestId, asked)
      await this.#call('submit', (manager) => manager.submit(asked))
    } else if (kind <= 6) {
      const passing = clock.advance(this.#pick([100, 5000, minute, 20 * minute]))
      await passing
    } else if (kind === 7) {
      // Dies at one of the next moments.
      this.#dieAt = this.life.points.length + 1 + this.#under(25)
    } else if (kind === 8 && this.#random() < 0.3) {
      for (const server of this.stage.world.mediaServers.values()) server.crash()
      note('media server crash')
    } else {
      const job = await this.#randomJob()
      if (job !== undefined) await this.#operate(job)
    }
    if (this.life.dead) {
      note('crash')
      this.#dieAt = Infinity
      await this.begin()
    } else await this.check()
  }

  async #operate({ id: jobId, actions }: Job): Promise<void> {
    const action = this.#pick(['cancel', 'suspend', 'suspend', 'resume', 'resume', 'set-priority'] as const)
    const calls = {
      cancel: (manager: JobManager) => manager.cancel({ jobId }),
      suspend: (manager: JobManager) => manager.suspend({ jobId }),
      resume: (manager: JobManager) => manager.resume({ jobId }),
      'set-priority': (manager: JobManager) => manager.setPriority({ jobId, priority: this.#under(10) }),
    }
    if (action === 'resume') {
      // Also where the answer does not arrive, the job may have been put back on the queue.
      const parts = await collect(this.life.manager.list({ parentId: jobId }))
      for (const { id } of [...parts, { id: jobId }]) this.#resumed.set(id, (this.#resumed.get(id) ?? 0) + 1)
    }
    const went = await this.#call(action, calls[action])
    if (this.life.dead || action === 'cancel') return
    assert.equal(went, actions.includes(action), `${action} of job ${jobId}: actions are ${actions.join()}`)
  }

  /** What must hold at every moment. */
  async check(): Promise<void> {
    const { world } = this.stage
    const jobs = await collect(this.life.manager.list({}))
    const holders = new Set(world.broker.inForce.map(({ allocation }) => allocation.jobId))
    for (const job of jobs) {
      note(job.state)
      if (job.children !== undefined) continue
      if (atRest.includes(job.state) && !(job.state === 'done' && job.status === undefined))
        assert.ok(!holders.has(job.id), `job ${job.id} is ${job.state} and holds resources`)
      assert.equal(job.status !== undefined && job.state !== 'done', false)
      const told = this.#told.get(job.id)
      if (told !== undefined) assert.equal(job.status, told)
      if (job.state === 'waiting-for-retry') assert.ok(job.retryAt !== undefined)
      if (job.state === 'incomplete') assert.ok(job.checkpointAt !== undefined && job.backupId !== undefined)
      // A call of the broker may be where this life is to end.
      if (this.#dieAt !== Infinity) continue
      const why = await this.life.manager.explain({ jobId: job.id })
      if (why.waiting) assert.ok(why.blockers.length > 0, `job ${job.id} waits without a reason`)
    }
  }

  /** Lets everything come to its end, and looks at what is left. */
  async end(): Promise<void> {
    const { clock, world } = this.stage
    this.#dieAt = Infinity
    for (let round = 0; round < 20; round++) {
      const open = await collect(
        this.life.manager.list({
          states: ['suspended', 'incomplete', 'queued', 'active', 'waiting-for-retry'],
        }),
      )
      if (open.length === 0) break
      for (const { id: jobId, state, children } of open)
        if (state === 'suspended' && children === undefined) {
          await this.life.manager.resume({ jobId })
          this.#resumed.set(jobId, (this.#resumed.get(jobId) ?? 0) + 1)
        }
      await clock.advance(6 * 3_600_000)
    }
    await driven(clock, this.life.manager.cleanImages())
    const jobs = await collect(this.life.manager.list({}))
    const parents = jobs.filter(({ parentId }) => parentId === undefined)
    assert.ok(parents.length <= this.#requests.size, 'a request became two jobs')
    const complete = new Map(world.catalog.images.map((image) => [image.jobId, image]))
    for (const job of jobs) {
      assert.ok(job.status !== undefined, `job ${job.id} is ${job.state} for ever`)
      if (job.children !== undefined) {
        const parts = await collect(this.life.manager.list({ parentId: job.id }))
        assert.equal(parts.length, job.children)
        assert.ok(
          parts.some(({ status }) => status === job.status),
          'a parent’s status is none of its parts’',
        )
        continue
      }
      const image = complete.get(job.id)
      assert.equal(
        image?.state === 'complete',
        goodStatuses.includes(job.status),
        `job ${job.id}: ${job.status}`,
      )
      await this.#checkAttempts(job)
    }
    assert.ok(
      world.catalog.images.every(({ state }) => state === 'complete'),
      'half an image stayed',
    )
    assert.equal(complete.size, world.catalog.images.length, 'a job made two images')
    assert.deepEqual(world.broker.inForce, [])
    assert.deepEqual(world.broker.waiting, [])
    for (const server of world.mediaServers.values()) {
      assert.deepEqual(server.live, [])
      for (const backupId of server.stored.get('disk1') ?? [])
        assert.ok(
          world.catalog.images.some((image) => image.backupId === backupId),
          `${backupId} stayed`,
        )
    }
    await driven(clock, this.life.manager.stop())
  }

  async #checkAttempts(job: Job): Promise<void> {
    const tries = await collect(this.life.manager.attempts({ jobId: job.id }))
    assert.deepEqual(
      tries.map(({ number }) => number),
      tries.map((_, index) => index + 1),
    )
    assert.equal(tries.at(-1)?.number, job.attempt)
    for (const each of tries) assert.ok(each.endedAt !== undefined && each.status !== undefined)
    const last = tries.at(-1)?.status
    const isCancelled = job.status === 150 || job.status === 196
    // 3 and 4 are the archive's, after its try; a rest may be ended by a person or by the window.
    if (!isCancelled && job.status !== 3 && job.status !== 4) assert.equal(last, job.status)
    const failed = tries.filter(({ status = 0 }) => status > 1 && status !== 157 && status !== 163).length
    assert.ok(failed <= 3 + (this.#resumed.get(job.id) ?? 0), `job ${job.id} failed ${failed} times`)
    note(`${Math.min(tries.length, 4)} tries`)
  }
}

t.setTimeout(7_200_000)

t.test(
  'whatever fails, is suspended, resumed, cancelled or crashes: each job ends once, and nothing stays',
  async (t) => {
    const { numRuns, seed } = propertyRuns(t, 25)
    for (let run = 0; run < numRuns; run++) {
      const history = new History(seed + run)
      try {
        await history.begin()
        for (let step = 0; step < 25; step++) await history.step()
        await history.end()
      } catch (error) {
        throw new Error(`history of seed ${seed + run} (NB_SEED=${seed + run} NB_RUNS=1)`, { cause: error })
      }
    }
    t.comment(JSON.stringify([...seen].sort()))
    if (numRuns < 25) return
    for (const what of [
      'crash',
      'suspended',
      'incomplete',
      'waiting-for-retry',
      'resume',
      'media server crash',
      '3 tries',
    ])
      t.ok((seen.get(what) ?? 0) > 0, `${what} happened`)
  },
)
