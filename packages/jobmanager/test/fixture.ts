import {
  type BackupJobRequest,
  type Job,
  type JobLog,
  type JobLogLine,
  type Policy,
  type Schedule,
  type Store,
  backupSteps,
  toPath,
} from '@nb/contracts'
import {
  type FakeWorld,
  type FakeWorldOptions,
  type VirtualClock,
  collect,
  createFakeWorld,
  createVirtualClock,
  driven,
} from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import {
  type JobManagerOptions,
  type JobManagerService,
  type JobStore,
  type JobWorkers,
  type VolumeRecords,
  createJobManager,
  createJobStore,
} from '../src/index.ts'

/** A job manager over a pretended world, and its database. */
export interface Site {
  readonly clock: VirtualClock
  readonly database: Store
  readonly jobStore: JobStore
  readonly world: FakeWorld
  readonly manager: JobManagerService
  /** Where the pretended components leave their lines from now on. */
  relayTo(log: JobLog): void
  stop(): Promise<void>
}

export interface SiteOptions extends Partial<FakeWorldOptions> {
  readonly clock?: VirtualClock
  readonly database?: Store
  readonly manager?: JobManagerOptions
  readonly workers?: JobWorkers
  readonly media?: VolumeRecords
}

export async function openSite(options: SiteOptions = {}): Promise<Site> {
  const { clock = createVirtualClock(), database = new MemoryLevel() } = options
  const jobStore = createJobStore({ store: database, clock })
  let log: JobLog = jobStore
  const world = createFakeWorld({ log: { append: (input) => log.append(input) }, ...options, clock })
  const workers = options.workers === undefined ? {} : { workers: options.workers }
  const media = options.media === undefined ? {} : { media: options.media }
  const manager = createJobManager({ ...world, jobStore, clock, ...workers, ...media }, options.manager)
  world.connect(manager)
  await jobStore.start()
  await driven(clock, manager.start())
  const stop = async (): Promise<void> => {
    await driven(clock, manager.stop())
    await jobStore.stop()
  }
  return { clock, database, jobStore, world, manager, stop, relayTo: (next) => void (log = next) }
}

export { driven } from '@nb/test-kit'

export const full: Schedule = {
  name: 'full',
  type: 'full',
  frequencyMs: 86_400_000,
  windows: [],
  retentionLevel: 1,
}
export const differential: Schedule = { ...full, name: 'incr', type: 'differential', retentionLevel: 0 }
export const cumulative: Schedule = { ...full, name: 'cumul', type: 'cumulative' }

export const daily: Policy = {
  name: 'daily',
  active: true,
  clients: ['web1'],
  selections: [toPath('/srv')],
  storage: { kind: 'any' },
  schedules: [full, differential, cumulative],
}

let requests = 0

export function request(changes: Partial<BackupJobRequest> = {}): BackupJobRequest {
  const due: JobLogLine = {
    time: 0,
    component: 'scheduler',
    severity: 'info',
    step: { flow: 'backup', number: 1 },
    text: 'due',
  }
  return {
    requestId: `request-${++requests}`,
    type: 'backup',
    origin: 'scheduled',
    policy: daily,
    schedule: full,
    client: 'web1',
    limits: {},
    lines: [due],
    ...changes,
  }
}

/** Ends the manager and begins another over the same world and database. */
export async function restartSite(site: Site, manager?: JobManagerOptions): Promise<Site> {
  await site.stop()
  return reopen(site, manager)
}

/**
 * Begins another manager over the same world and database, after a crash of the one before. `prepare` comes before its start.
 */
export async function reopen(
  site: Site,
  options?: JobManagerOptions,
  prepare?: (parts: Pick<Site, 'manager' | 'jobStore'>) => Promise<void>,
): Promise<Site> {
  const { clock, database, world } = site
  const jobStore = createJobStore({ store: database, clock })
  site.relayTo(jobStore)
  const manager = createJobManager({ ...world, jobStore, clock }, options)
  world.connect(manager)
  await prepare?.({ manager, jobStore })
  await driven(clock, manager.start())
  const stop = async (): Promise<void> => {
    await driven(clock, manager.stop())
    await jobStore.stop()
  }
  return { ...site, jobStore, manager, stop }
}

/** Waits for a state of a job, for at most `limitMs` of virtual time. */
export async function untilState(
  site: Site,
  jobId: string,
  state: Job['state'],
  limitMs = 86_400_000,
): Promise<Job> {
  let job: Job | undefined
  const onChange = (change: { readonly job: Job }): void => {
    if (change.job.id === jobId) job = change.job
  }
  site.jobStore.on('job:changed', onChange)
  // What happens while this looks is newer than what it sees.
  const seen = await site.manager.get({ jobId })
  job ??= seen
  await site.clock.advanceUntil(() => job?.state === state, limitMs)
  site.jobStore.off('job:changed', onChange)
  return job as Job
}

/** The texts of a job's log. */
export async function textsOf(site: Site, jobId: string): Promise<string> {
  return (await logOf(site, jobId)).map(({ text }) => text).join('\n')
}

/** Submits and waits for the end. */
export async function runJob(
  site: Site,
  changes: Partial<BackupJobRequest> = {},
  limitMs?: number,
): Promise<Job> {
  const { jobId } = await site.manager.submit(request(changes))
  return driven(site.clock, site.manager.wait({ jobId }), limitMs)
}

export function logOf(site: Site, jobId: string): Promise<JobLogLine[]> {
  return collect(site.manager.log({ jobId }))
}

/** The steps of a job's log in order, as `number component`. */
export async function stepsOf(site: Site, jobId: string): Promise<string[]> {
  const lines = await logOf(site, jobId)
  return lines.flatMap(({ step, component }) => (step === undefined ? [] : [`${step.number} ${component}`]))
}

/** The documented steps in the same form, but the scheduler's last. */
export const documentedSteps: readonly string[] = backupSteps
  .filter(({ number }) => number < 17)
  .map(({ number, component }) => `${number} ${component}`)
