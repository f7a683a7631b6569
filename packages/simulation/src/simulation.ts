import {
  type Catalog,
  type JobManager,
  type JobRegistry,
  type MediaManager,
  type MediaServer,
  type ResourceBroker,
  type Scheduler,
  lifecycle,
} from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { createJobManager, createJobStore, createRoomMaker } from '@nb/jobmanager'
import { createResourceBroker } from '@nb/resource-broker'
import { createScheduler } from '@nb/scheduler'
import { createVirtualClock, type VirtualClock } from '@nb/test-kit'
import { createSimulatedCatalog } from './catalog.ts'
import { checkSite } from './check-site.ts'
import { SimulatedClients } from './clients.ts'
import { configureMedia } from './configure.ts'
import { Failures } from './failures.ts'
import { createDiskRoom, markedUnits } from './disk-room.ts'
import { FlowNetwork } from './flow-network.ts'
import { Hardware, linkOfDisk, linkOfDrive } from './hardware.ts'
import { createSimulatedMediaServer } from './media-server.ts'
import { createMemoryStore } from './memory-store.ts'
import { windowMisses } from './misses.ts'
import { Recorder } from './recorder.ts'
import type { SimulationResults } from './results.ts'
import { linkOfMediaServer } from './session-work.ts'
import { Shelf } from './shelf.ts'
import type { SimulatedSite } from './site.ts'
import { TimeSeries } from './time-series.ts'
import { VolumeWatch } from './volume-watch.ts'
import { Waits } from './waits.ts'

/** How a simulation runs. */
export interface SimulationOptions {
  /** Repeats everything that happens by chance. A whole number. @default 1 */
  readonly seed?: number
  /** When it begins, milliseconds since the epoch. @default 2026-01-05T12:00Z, a Monday's noon: nights stay whole */
  readonly from?: number
  /** How often the waiting jobs are asked what they wait for, milliseconds, from 1000. @default 3600000, an hour */
  readonly sampleWaitsMs?: number
  /** Whether jobs keep their detail logs: slower, and all of it in memory. @default false */
  readonly jobLogs?: boolean
  /** Told after each simulated day. @default nobody */
  readonly onDay?: (progress: { readonly at: number; readonly jobs: number }) => void
}

/** The real components, as they run in a simulation. */
export interface SimulatedPorts {
  readonly clock: VirtualClock
  readonly scheduler: Scheduler
  readonly jobs: JobManager & JobRegistry
  readonly broker: ResourceBroker
  readonly media: MediaManager
  readonly catalog: Catalog
  readonly mediaServers: ReadonlyMap<string, MediaServer>
}

/** A site in simulated time. */
export interface Simulation {
  /** Lets time pass until then, milliseconds since the epoch; again with a later one to go on. */
  run(until: number): Promise<void>
  /** What was found up to now. */
  results(): Promise<SimulationResults>
  /** Everything that runs, to look at it or to meddle. */
  readonly ports: SimulatedPorts
  /** Ends the components. Results stay. */
  stop(): Promise<void>
}

const dayMs = 86_400_000
const hourMs = 3_600_000

/**
 * Makes a simulation of a site: the real scheduler, job manager, broker and media manager on a virtual clock, with
 * clients, drives and media servers that take the time and the room that real ones would take.
 * @throws NbError `argument-invalid` naming the field, for a site that can't be meant
 */
export function createSimulation(site: SimulatedSite, options: SimulationOptions = {}): Simulation {
  checkSite(site)
  return new SiteSimulation(site, options)
}

class SiteSimulation implements Simulation {
  readonly ports: SimulatedPorts
  readonly #site: SimulatedSite
  readonly #seed: number
  readonly #from: number
  readonly #onDay: NonNullable<SimulationOptions['onDay']>
  readonly #network: FlowNetwork
  readonly #hardware: Hardware
  readonly #failures: Failures
  readonly #recorder: Recorder
  readonly #waits: Waits
  readonly #volumes: VolumeWatch
  readonly #series = new Map<string, TimeSeries>()
  readonly #life: ReturnType<typeof lifecycle>
  #started: Promise<void> | undefined

  constructor(site: SimulatedSite, options: SimulationOptions) {
    const { seed = 1, from = Date.UTC(2026, 0, 5, 12), sampleWaitsMs = hourMs, jobLogs = false } = options
    this.#site = site
    this.#seed = seed
    this.#from = from
    this.#onDay = options.onDay ?? (() => undefined)
    // All that runs answers by promises alone.
    const clock = createVirtualClock(from, { settleTurns: 0 })
    // What components put is never changed by them: they replace it.
    const database = createMemoryStore({ keeps: 'values' })
    // What the broker and the media manager put is for their next start, and there is none.
    const unread = createMemoryStore({ keeps: 'nothing' })
    const jobStore = createJobStore(
      { store: database.sublevel('jobs'), clock },
      // Without its log nobody asks for a job that has ended.
      { keepJobsMs: jobLogs ? dayMs : hourMs, keepsLines: jobLogs },
    )
    const logged = jobLogs ? { log: jobStore } : {}
    const tellsRoom = markedUnits(site).length > 0
    const media = createMediaManager({ store: unread.sublevel('emm'), clock, ...logged })
    // Nobody dies in here: leases, sessions and the queue are looked after as rarely as may be.
    const broker = createResourceBroker(
      { media, store: unread.sublevel('broker'), clock, ...logged },
      { leaseMs: dayMs, maxJobsPerClient: site.maxJobsPerClient ?? 1 },
    )
    const catalog = createSimulatedCatalog(clock)
    this.#network = new FlowNetwork(clock)
    const clients = new SimulatedClients(clock, this.#network, site, seed)
    const hardware = new Hardware({ clock, media, network: this.#network }, site, (link) =>
      this.#seriesOf(link),
    )
    this.#hardware = hardware
    const shelf = new Shelf(media, hardware, site)
    const room = createDiskRoom({ media, clock, hardware }, site)
    const mediaServers = new Map<string, MediaServer>()
    const jobs = createJobManager(
      { broker, catalog, mediaServers, jobStore, clock },
      { sessionCheckMs: hourMs, cleanupIntervalMs: dayMs, fragmentCheckMs: Infinity, expectSizes: tellsRoom },
    )
    const parts = {
      clock,
      network: this.#network,
      hardware,
      clients,
      media,
      catalog,
      jobs: () => jobs,
      shelf,
      room,
    }
    for (const { name, bytesPerSecond } of site.mediaServers) {
      const link = linkOfMediaServer(name)
      // Without a limit it still counts what passes.
      this.#network.addLink({
        name: link,
        bytesPerSecond: bytesPerSecond ?? Infinity,
        series: this.#seriesOf(link),
      })
      mediaServers.set(name, createSimulatedMediaServer(name, parts))
    }
    this.#waits = new Waits(clock, broker, sampleWaitsMs)
    this.#recorder = new Recorder(clock, from, this.#waits)
    const timeZone = site.timeZone ?? 'UTC'
    // Nor does anybody remove images by hand.
    const scheduler = createScheduler(
      { jobs: this.#recorder.noting(jobs), catalog, store: database.sublevel('scheduler'), clock, ...logged },
      { timeZone, maxJobsPerClient: site.maxJobsPerClient ?? 1, recheckMs: 30 * dayMs },
    )
    jobStore.on('job:changed', (change) => this.#recorder.jobChanged(change))
    media.on('allocation:made', (event) => this.#recorder.allocated(event))
    media.on('allocation:released', (event) => this.#recorder.released(event))
    this.#failures = new Failures({ clock, media, hardware, clients }, site)
    this.#volumes = new VolumeWatch(media, hardware)
    this.ports = { clock, scheduler, jobs, broker, media, catalog, mediaServers }
    this.#life = lifecycle(
      { start: () => database.open(), stop: () => database.close() },
      { start: () => unread.open(), stop: () => unread.close() },
      jobStore,
      media,
      { start: () => configureMedia(media, site) },
      broker,
      jobs,
      ...(tellsRoom ? [createRoomMaker({ media, jobs, clock }), room] : []),
      { start: () => this.#configurePolicies(scheduler) },
      scheduler,
    )
  }

  async run(until: number): Promise<void> {
    this.#started ??= this.#start()
    await this.#started
    const { clock } = this.ports
    while (clock.now() < until) {
      const day = Math.floor((clock.now() - this.#from) / dayMs) + 1
      await clock.advance(Math.min(until, this.#from + day * dayMs) - clock.now())
      await this.#volumes.look()
      this.#onDay({ at: clock.now(), jobs: this.#recorder.count })
    }
  }

  async results(): Promise<SimulationResults> {
    const { clock } = this.ports
    const until = clock.now()
    const { drives = [], mediaServers, diskUnits = [] } = this.#site
    this.#network.settle()
    const jobs = this.#recorder.jobs()
    const bytes = (link: string): number[] => this.#seriesOf(link).until(until).map(Math.round)
    const use = this.#hardware.diskUse()
    return {
      seed: this.#seed,
      from: this.#from,
      until,
      jobs,
      misses: windowMisses(jobs, until, (jobId) => this.#waits.longest(jobId)),
      waiting: this.#waits.totals((jobId) => this.#recorder.job(jobId)),
      queue: this.#recorder.queue(until),
      drives: drives.map(({ name, mediaServer }) => ({
        name,
        mediaServer,
        heldMs: this.#recorder.heldMs(name, until).map(Math.round),
        downMs: this.#failures.downMs(name, until).map(Math.round),
        bytes: bytes(linkOfDrive(name)),
      })),
      mediaServers: mediaServers.map(({ name }) => ({ name, bytes: bytes(linkOfMediaServer(name)) })),
      diskUnits: diskUnits.map(({ name }) => ({
        name,
        bytes: bytes(linkOfDisk(name)),
        usedBytes: use.get(name) ?? 0,
      })),
      volumes: await this.#volumes.counts(),
      bytesWritten: jobs.reduce((sum, job) => sum + job.bytes, 0),
    }
  }

  async stop(): Promise<void> {
    await this.#started
    const { clock } = this.ports
    // What stops waits for its sessions to end, and they for the clock.
    let stopped = false
    const stopping = this.#life.stop().finally(() => (stopped = true))
    stopping.catch(() => undefined)
    await clock.advanceUntil(() => stopped, dayMs)
    await stopping
  }

  async #start(): Promise<void> {
    const { clock } = this.ports
    let started = false
    const starting = this.#life.start().finally(() => (started = true))
    starting.catch(() => undefined)
    await clock.advanceUntil(() => started, dayMs)
    await starting
    this.#failures.start(this.#seed)
    this.#waits.start()
    await this.#volumes.look()
  }

  async #configurePolicies(scheduler: Scheduler): Promise<void> {
    for (const level of this.#site.retentionLevels ?? []) await scheduler.putRetentionLevel(level)
    for (const policy of this.#site.policies) await scheduler.putPolicy({ policy })
  }

  #seriesOf(link: string): TimeSeries {
    const series = this.#series.get(link) ?? new TimeSeries(this.#from)
    this.#series.set(link, series)
    return series
  }
}
