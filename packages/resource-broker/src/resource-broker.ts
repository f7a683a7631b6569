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
  NbError,
  type Observable,
  type QueuedRequest,
  type ResourceBroker,
  type ResourceBrokerEvents,
  type ResourceRequest,
  type Store,
  throwIfAborted,
} from '@nb/contracts'
import { GrantEngine, impossible, notRunning } from './grant-engine.ts'
import { jobLines } from './job-lines.ts'
import { grantOf } from './lease-book.ts'
import { leaseStore } from './lease-store.ts'
import { limitBlockers, limitsOf } from './limits.ts'
import { watchMedia } from './media-watch.ts'
import { checkInteger, highestPriority, requireSame, validRequest } from './request.ts'
import { notWaitingSentence, waitingSentence } from './sentence.ts'
import type { Waiter } from './waiting-room.ts'
import { needKey } from './wake-index.ts'

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
  const { leaseMs, maxJobsPerClient, reevaluateMs } = checkedOptions(options)
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
    acquire: async (input, callOptions) => {
      const request = validRequest(input)
      throwIfAborted(callOptions)
      return acquire(running(), request, limitsOf(request, maxJobsPerClient), clock, callOptions)
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
    release: async ({ leaseId }, callOptions) => {
      throwIfAborted(callOptions)
      const engine = running()
      const lease = engine.book.get(leaseId)
      if (lease !== undefined) await engine.release(lease, 'released')
    },
    setPriority: async ({ jobId, priority }, callOptions) => {
      throwIfAborted(callOptions)
      checkInteger('priority', priority, 0, highestPriority)
      const { room } = running()
      for (const waiter of room.ofJob(jobId)) room.setPriority(waiter, priority)
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
  const { leaseMs = fiveMinutesMs, maxJobsPerClient = 1, reevaluateMs = fiveMinutesMs } = options
  checkInteger('leaseMs', leaseMs, secondMs, dayMs)
  checkInteger('maxJobsPerClient', maxJobsPerClient, 1, 1_000_000)
  checkInteger('reevaluateMs', reevaluateMs, secondMs, dayMs)
  return { leaseMs, maxJobsPerClient, reevaluateMs }
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

async function acquire(
  engine: GrantEngine,
  request: ResourceRequest,
  limits: Waiter['limits'],
  clock: Clock,
  callOptions: CallOptions | undefined,
): Promise<Grant> {
  for (;;) {
    engine.requireRunning()
    throwIfAborted(callOptions)
    const lease = engine.book.ofRequest(request.requestId)
    if (lease === undefined) break
    requireSame(lease.request, request)
    if (lease.ending === undefined) {
      // Whoever asks again lives.
      engine.book.renew(lease)
      return grantOf(lease)
    }
    await lease.ending.catch(() => undefined)
  }
  if (limits.policy?.most === 0 || limits.client?.most === 0)
    throw impossible(request, limitBlockers(limits, engine.book.usage))
  const granted = engine.room.join(request, limits, clock.now(), callOptions?.signal)
  engine.pump()
  return granted
}

/** Every limit in the way, and all that the media manager names. */
async function blockersOf(
  engine: GrantEngine,
  waiter: Waiter,
  ask: (waiter: Waiter) => Promise<readonly Blocker[]>,
): Promise<readonly Blocker[]> {
  const named = await ask(waiter)
  return [...limitBlockers(waiter.limits, engine.book.usage), ...named]
}

/** More looks at a request than it can take for it to be served or blocked: only a defect gets there. */
const mostLooks = 10_000

async function explain(
  engine: GrantEngine,
  media: MediaManager,
  jobId: string,
  callOptions: CallOptions | undefined,
): Promise<Explanation> {
  const ask = async ({ need }: Waiter) => (await media.blockers({ need }, callOptions)).blockers
  for (let look = 0; look < mostLooks; look++) {
    throwIfAborted(callOptions)
    const waiter = engine.room.firstOfJob(jobId)
    if (waiter === undefined) return notWaiting(engine, jobId)
    const blockers = waiter.asking ? [] : await blockersOf(engine, waiter, ask)
    const { since } = waiter
    if (engine.room.isWaiting(waiter) && !waiter.asking && blockers.length > 0)
      return { jobId, waiting: true, since, blockers, sentence: waitingSentence(jobId, since, blockers) }
    // Nothing blocks it (any more): it is being served, or about to be.
    if (!waiter.asking) engine.room.index.wakeNeed(waiter.need)
    engine.pump()
    await engine.turn()
  }
  throw new NbError('internal', `job ${jobId} waits though nothing blocks it`, { details: { jobId } })
}

function notWaiting(engine: GrantEngine, jobId: string): Explanation {
  const held = engine.book.values().filter(({ request }) => request.jobId === jobId)
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
  // The media manager answers alike for all of one need.
  const answers = new Map<string, Promise<readonly Blocker[]>>()
  const ask = ({ need }: Waiter): Promise<readonly Blocker[]> => {
    const key = needKey(need)
    const known = answers.get(key) ?? media.blockers({ need }, callOptions).then(({ blockers }) => blockers)
    answers.set(key, known)
    return known
  }
  for (const waiter of engine.room.inOrder().slice(0, limit)) {
    throwIfAborted(callOptions)
    const blockers = await blockersOf(engine, waiter, ask)
    if (engine.room.isWaiting(waiter))
      yield { request: waiter.request, since: waiter.since, passedBy: 0, blockers }
  }
}

async function* grants(
  running: () => GrantEngine,
  jobId: string | undefined,
  callOptions: CallOptions | undefined,
): AsyncGenerator<Grant> {
  for (const lease of running().book.values()) {
    throwIfAborted(callOptions)
    if (jobId === undefined || lease.request.jobId === jobId) yield grantOf(lease)
  }
}
