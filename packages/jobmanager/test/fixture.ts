import {
  type BackupJobRequest,
  type Job,
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
  stop(): Promise<void>
}

export interface SiteOptions extends Partial<FakeWorldOptions> {
  readonly clock?: VirtualClock
  readonly database?: Store
  readonly manager?: JobManagerOptions
}

export async function openSite(options: SiteOptions = {}): Promise<Site> {
  const { clock = createVirtualClock(), database = new MemoryLevel() } = options
  const jobStore = createJobStore({ store: database, clock })
  const world = createFakeWorld({ log: jobStore, ...options, clock })
  const manager = createJobManager({ ...world, jobStore, clock }, options.manager)
  world.connect(manager)
  await jobStore.start()
  await driven(clock, manager.start())
  const stop = async (): Promise<void> => {
    await driven(clock, manager.stop())
    await jobStore.stop()
  }
  return { clock, database, jobStore, world, manager, stop }
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

/** Submits and waits for the end. */
export async function runJob(site: Site, changes: Partial<BackupJobRequest> = {}): Promise<Job> {
  const { jobId } = await site.manager.submit(request(changes))
  return driven(site.clock, site.manager.wait({ jobId }))
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
