import {
  type Blocker,
  type CallOptions,
  type Clock,
  createEmitter,
  debugLogger,
  type Explanation,
  type Grant,
  type JobLog,
  type Lifecycle,
  type Logger,
  type MediaManager,
  type MediaNeed,
  NbError,
  type Observable,
  type QueuedRequest,
  type ResourceBroker,
  type ResourceBrokerEvents,
  type ResourceRequest,
  type Store,
  throwIfAborted,
  type Turn,
} from '@nb/contracts'
import { denyRequests } from './denial.ts'
import { exchanged, nothingToReplace, replacedBy } from './exchange.ts'
import { needKey } from './interner.ts'
import { GrantEngine } from './grant-engine.ts'
import { jobLines } from './job-lines.ts'
import { grantOf } from './lease-book.ts'
import { leaseStore } from './lease-store.ts'
import { limitBlockers, limitsOf } from './limits.ts'
import { watchMedia } from './media-watch.ts'
import { impossible, notRunning } from './refusals.ts'
import { checkInteger, checkRequest, highestPriority, requireSame } from './request.ts'
import { notWaitingSentence, waitingSentence } from './sentence.ts'
import type { Waiter } from './waiter.ts'
import type { RequestLimits } from './limits.ts'

/** What a resource broker works with. */
export interface ResourceBrokerComponents {
  /** Holds the real resources. No one else may allocate there: what has no lease here is taken back. */
  readonly media: MediaManager
  /** Keeps the leases. The broker opens sublevels of it. */
  readonly store: Store
  readonly clock: Clock
  /** Takes the lines that requests and leases leave in the logs of jobs. @default no lines */
  readonly log?: JobLog
  /** @default debugLogger('nb:resource-broker:broker') */
  readonly logger?: Logger
}

/** How a resource broker behaves. */
export interface ResourceBrokerOptions {
  /** How long a lease lasts unless renewed, milliseconds, 1 s – 1 day. @default 300000 */
  readonly leaseMs?: number
  /**
   * Most backups and archives of one client at once, 1–1000000, for requests that bring no limit for their client.
   * @default 1, as in the field
   */
  readonly maxJobsPerClient?: number
  /**
   * How often everybody is looked at again even though nothing was told, milliseconds, 1 s – 1 day.
   * @default 300000, the field's evaluation cycle
   */
  readonly reevaluateMs?: number
  /**
   * How often a request may be passed by at what it waits for (see docs/design/resources.md) before it has its turn:
   * those of lower rank get nothing there then until it is served. 0–1000000; 0 for never. @default 20
   */
  readonly maxPassedBy?: number
}

const secondMs = 1000
const dayMs = 86_400_000
const fiveMinutesMs = 300_000

/**
 * Makes a resource broker. `start` takes up the leases from before (each for a full term) and takes back what only
 * the broker or only the media manager knows of. Throws `argument-invalid` for an option out of bounds.
 */
export function createResourceBroker(
  components: ResourceBrokerComponents,
  options: ResourceBrokerOptions = {},
): ResourceBroker & Required<Lifecycle> & Observable<ResourceBrokerEvents> {
  const { media, store, clock, log, logger = debugLogger('nb:resource-broker:broker') } = components
  const { leaseMs, maxJobsPerClient, reevaluateMs, maxPassedBy } = checkedOptions(options)
  const events = createEmitter<ResourceBrokerEvents>(logger)
  const lines = jobLines(log, logger)
  const { on, once, off } = events
  let life: BrokerLife | undefined

  /** The engine of this life. Throws `manager-stopping` while there is none. */
  const running = (): GrantEngine => {
    if (life === undefined) throw notRunning()
    life.engine.requireRunning()
    return life.engine
  }
  const begin = (): BrokerLife => {
    const engine = new GrantEngine(
      { media, leases: leaseStore(store), clock, lines, events, logger },
      leaseMs,
      maxPassedBy,
    )
    return new BrokerLife(engine, { media, clock, logger }, reevaluateMs)
  }
  return {
    start: () => {
      life ??= begin()
      return life.started.catch((error: unknown) => {
        life = undefined
        throw error
      })
    },
    stop: async () => {
      const ending = life
      await ending?.stop()
      if (life === ending) life = undefined
    },
    on,
    once,
    off,
    acquire: (input, callOptions) => {
      try {
        checkRequest(input)
        throwIfAborted(callOptions)
        const replaces = replacedBy(input)
        if (replaces !== undefined) return goOn(running(), input, replaces, clock, callOptions)
        return acquire(running(), input, limitsOf(input, maxJobsPerClient), clock, callOptions)
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new Error(String(error)))
      }
    },
    renew: async ({ leaseId }, callOptions) => {
      throwIfAborted(callOptions)
      const { book } = running()
      const lease = book.get(leaseId)
      if (lease === undefined || lease.ending !== undefined)
        throw new NbError('lease-expired', `lease ${leaseId} is over; its resources may be another job's`, {
          details: { leaseId },
        })
      book.renew(lease)
      return { expiresAt: lease.expiresAt }
    },
    release: ({ leaseId }, callOptions) => {
      try {
        throwIfAborted(callOptions)
        const engine = running()
        const lease = engine.book.get(leaseId)
        return lease === undefined ? Promise.resolve() : engine.release(lease, 'released')
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new Error(String(error)))
      }
    },
    setPriority: async ({ jobId, priority }, callOptions) => {
      throwIfAborted(callOptions)
      checkInteger('priority', priority, 0, highestPriority)
      running().setPriority(jobId, priority)
    },
    deny: async ({ jobId, reason }, callOptions) => {
      throwIfAborted(callOptions)
      const engine = running()
      await denyRequests(
        engine,
        jobId,
        reason,
        async (waiter) => (await media.blockers(questionOf(engine, waiter), callOptions)).blockers,
      )
    },
    explain: async ({ jobId }, callOptions) => explain(running(), media, jobId, callOptions),
    queue: ({ limit }, callOptions) => queue(running, media, limit, callOptions),
    grants: ({ jobId }, callOptions) => grants(running, jobId, callOptions),
    reconcile: async ({ repair }, callOptions) => {
      throwIfAborted(callOptions)
      return running().reconcile(repair)
    },
  }
}

function checkedOptions(options: ResourceBrokerOptions): Required<ResourceBrokerOptions> {
  const {
    leaseMs = fiveMinutesMs,
    maxJobsPerClient = 1,
    reevaluateMs = fiveMinutesMs,
    maxPassedBy = 20,
  } = options
  checkInteger('maxPassedBy', maxPassedBy, 0, 1_000_000)
  checkInteger('leaseMs', leaseMs, secondMs, dayMs)
  checkInteger('maxJobsPerClient', maxJobsPerClient, 1, 1_000_000)
  checkInteger('reevaluateMs', reevaluateMs, secondMs, dayMs)
  return { leaseMs, maxJobsPerClient, reevaluateMs, maxPassedBy }
}

/** One life from start to stop: the engine, the watch of the media manager and the evaluation cycle. */
class BrokerLife {
  readonly engine: GrantEngine
  readonly started: Promise<void>
  readonly #clock: Clock
  readonly #reevaluateMs: number
  readonly #ending: AbortController = new AbortController()
  #watching: Promise<void> = Promise.resolve()
  #cancelCycle: (() => void) | undefined

  constructor(engine: GrantEngine, watched: Parameters<typeof watchMedia>[0], reevaluateMs: number) {
    this.engine = engine
    this.#clock = watched.clock
    this.#reevaluateMs = reevaluateMs
    this.started = engine.start().then(() => {
      const changed = engine.changed.bind(engine)
      const interrupted = engine.reevaluate.bind(engine)
      this.#watching = watchMedia(watched, { changed, interrupted }, this.#ending.signal)
      this.#armCycle()
    })
  }

  async stop(): Promise<void> {
    await this.started.catch(() => undefined)
    this.#cancelCycle?.()
    this.#ending.abort()
    await this.engine.stop()
    await this.#watching
  }

  #armCycle(): void {
    this.#cancelCycle = this.#clock.setTimer(this.#reevaluateMs, () => {
      this.#armCycle()
      this.engine.reevaluate()
    })
  }
}

/** Not `async`, and no more than one promise for a request that waits: there may be a million of them. */
function acquire(
  engine: GrantEngine,
  request: ResourceRequest,
  limits: RequestLimits,
  clock: Clock,
  callOptions: CallOptions | undefined,
): Promise<Grant> {
  engine.requireRunning()
  const lease = engine.book.ofRequest(request.requestId)
  if (lease !== undefined) {
    requireSame(lease.request, request)
    if (lease.ending === undefined) {
      // Whoever asks again lives.
      engine.book.renew(lease)
      return Promise.resolve(grantOf(lease))
    }
    return lease.ending
      .catch(() => undefined)
      .then(() => {
        throwIfAborted(callOptions)
        return acquire(engine, request, limits, clock, callOptions)
      })
  }
  if (limits.policy?.most === 0 || limits.client?.most === 0)
    throw impossible(request, limitBlockers(limits, engine.book.usage))
  const granted = engine.room.join(request, limits, clock.now(), callOptions?.signal)
  engine.pump()
  return granted
}

/** The next volume of an image: the lease stays, and counts as before. */
async function goOn(
  engine: GrantEngine,
  request: ResourceRequest,
  replaces: string,
  clock: Clock,
  callOptions: CallOptions | undefined,
): Promise<Grant> {
  engine.requireRunning()
  for (const lease of engine.book.ofJob(request.jobId)) {
    const done = lease.ending === undefined ? exchanged(lease.allocation, request) : undefined
    if (done === undefined) continue
    await engine.exchanges.save(lease)
    engine.book.renew(lease)
    return { leaseId: lease.leaseId, expiresAt: lease.expiresAt, allocation: done }
  }
  const lease = engine.book.holding(request.jobId, replaces)
  if (lease === undefined || lease.ending !== undefined) throw nothingToReplace(request, replaces)
  const granted = engine.room.join(request, {}, clock.now(), callOptions?.signal)
  engine.pump()
  return granted
}

/** Every limit in the way, and all that the media manager named. */
function withLimits(engine: GrantEngine, waiter: Waiter, named: readonly Blocker[]): readonly Blocker[] {
  const limits = limitBlockers(waiter, engine.book.usage)
  return limits.length === 0 ? named : [...limits, ...named]
}

/** The same for one request, as the media manager says now. */
async function blockersOf(
  engine: GrantEngine,
  waiter: Waiter,
  ask: (waiter: Waiter) => Promise<readonly Blocker[]>,
): Promise<readonly Blocker[]> {
  return withLimits(engine, waiter, await ask(waiter))
}

/** What the media manager is asked about a request: what it needs, and whose turn it has to keep. */
function questionOf(
  engine: GrantEngine,
  waiter: Waiter,
): { readonly need: MediaNeed; readonly turns?: readonly Turn[] } {
  const turns = engine.turns.against(waiter)
  return { need: waiter.need, ...(turns.length === 0 ? {} : { turns }) }
}

/** More looks at a request than it can take for it to be served or blocked: only a defect gets there. */
const mostLooks = 10_000

async function explain(
  engine: GrantEngine,
  media: MediaManager,
  jobId: string,
  callOptions: CallOptions | undefined,
): Promise<Explanation> {
  const ask = async (waiter: Waiter) =>
    (await media.blockers(questionOf(engine, waiter), callOptions)).blockers
  for (let look = 0; look < mostLooks; look++) {
    throwIfAborted(callOptions)
    const [waiter] = engine.room.ofJob(jobId)
    if (waiter === undefined) return notWaiting(engine, jobId)
    const blockers = engine.room.isAsked(waiter) ? [] : await blockersOf(engine, waiter, ask)
    const { since } = waiter
    if (engine.room.isWaiting(waiter) && !engine.room.isAsked(waiter) && blockers.length > 0)
      return { jobId, waiting: true, since, blockers, sentence: waitingSentence(jobId, since, blockers) }
    // Nothing blocks it (any more): it is being served, or about to be.
    if (!engine.room.isAsked(waiter)) engine.room.index.wakeNeed(waiter.need)
    engine.pump()
    await engine.turn()
  }
  throw new NbError('internal', `job ${jobId} waits though nothing blocks it`, { details: { jobId } })
}

function notWaiting(engine: GrantEngine, jobId: string): Explanation {
  const held = engine.book.ofJob(jobId)
  const allocations = held.map(({ allocation }) => allocation)
  return { jobId, waiting: false, blockers: [], sentence: notWaitingSentence(jobId, allocations) }
}

async function* queue(
  running: () => GrantEngine,
  media: MediaManager,
  limit: number | undefined,
  callOptions: CallOptions | undefined,
): AsyncGenerator<QueuedRequest> {
  const engine = running()
  if (limit !== undefined) checkInteger('limit', limit, 0, Number.MAX_SAFE_INTEGER)
  // The media manager answers alike for all of one need who keep the same turns. Most keep none.
  const answers = new Map<MediaNeed, readonly Blocker[]>()
  const keepingTurns = new Map<string, readonly Blocker[]>()
  for (const waiter of engine.room.inOrder().slice(0, limit)) {
    throwIfAborted(callOptions)
    const question = questionOf(engine, waiter)
    const { need, turns } = question
    const key = turns === undefined ? '' : `${needKey(need)}\0${JSON.stringify(turns)}`
    let named = turns === undefined ? answers.get(need) : keepingTurns.get(key)
    if (named === undefined) {
      named = (await media.blockers(question, callOptions)).blockers
      if (turns === undefined) answers.set(need, named)
      else keepingTurns.set(key, named)
    }
    const blockers = withLimits(engine, waiter, named)
    const { request, since, passedBy } = waiter
    if (engine.room.isWaiting(waiter)) yield { request, since, passedBy, blockers }
  }
}

async function* grants(
  running: () => GrantEngine,
  jobId: string | undefined,
  callOptions: CallOptions | undefined,
): AsyncGenerator<Grant> {
  const { book } = running()
  for (const lease of jobId === undefined ? book.values() : book.ofJob(jobId)) {
    throwIfAborted(callOptions)
    yield grantOf(lease)
  }
}
