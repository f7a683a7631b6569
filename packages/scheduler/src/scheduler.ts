import {
  type Catalog,
  type Clock,
  type JobLimits,
  type JobLog,
  type JobManager,
  type Lifecycle,
  type Observable,
  type PlannedRun,
  type Policy,
  type Schedule,
  type Scheduler,
  type SchedulerEvents,
  type Store,
  NbError,
  createEmitter,
  debugLogger,
  throwIfAborted,
} from '@nb/contracts'
import { type AttemptLimits, defaultAttemptLimits } from './attempts.ts'
import { lastBackups } from './last-backups.ts'
import { PolicyClientTaskRunner, type TaskContext } from './policy-client-task.ts'
import { createPolicyStore, unknownPolicy } from './policy-store.ts'
import { previewRuns } from './preview.ts'
import { createTaskStore, taskKey } from './task-store.ts'
import { isTimeZone } from './windows.ts'

/** What a scheduler asks for. */
export interface SchedulerComponents {
  readonly jobs: Pick<JobManager, 'submit' | 'wait'>
  readonly catalog: Pick<Catalog, 'listImages'>
  readonly store: Store
  readonly clock: Clock
  /** Where tasks leave their lines, usually the job store. */
  readonly log: JobLog
}

/** How a scheduler works. */
export interface SchedulerOptions {
  /** Name of the time zone of all windows, such as `Europe/Vienna`. @default the host's */
  readonly timeZone?: string
  /** How often a failed job is tried again. @default 2 tries in 12 hours, 10 minutes apart */
  readonly attempts?: Partial<AttemptLimits>
  /** Most jobs of any one client at once. @default no limit */
  readonly maxJobsPerClient?: number
  /** Most jobs of a client of this name at once, instead. */
  readonly maxJobsOfClient?: Readonly<Record<string, number>>
}

/**
 * Keeps policies and starts their jobs when they are due.
 * @throws NbError `argument-invalid` for an unknown time zone
 */
export function createScheduler(
  components: SchedulerComponents,
  options: SchedulerOptions = {},
): Scheduler & Required<Lifecycle> & Observable<SchedulerEvents> {
  const { jobs, catalog, store, clock, log: jobLog } = components
  const timeZone = options.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone
  if (!isTimeZone(timeZone)) {
    throw new NbError('argument-invalid', `timeZone: the host knows no time zone "${timeZone}"`, {
      details: { field: 'timeZone' },
    })
  }
  const log = debugLogger('nb:scheduler:tasks')
  const events = createEmitter<SchedulerEvents>(log)
  const policies = createPolicyStore(store)
  const stopping = new AbortController()
  const context: TaskContext = {
    jobs,
    catalog,
    jobLog,
    clock,
    store: createTaskStore(store),
    events,
    log,
    timeZone,
    attempts: { ...defaultAttemptLimits, ...options.attempts },
    limitsFor: (policy, client) => limitsFor(options, policy, client),
    stopping: stopping.signal,
  }
  const tasks = new Map<string, PolicyClientTaskRunner>()
  let started = false

  const taskOf = (policy: string, client: string): PolicyClientTaskRunner => {
    const key = taskKey(policy, client)
    const task =
      tasks.get(key) ?? new PolicyClientTaskRunner(context, { policy, client, runs: [], failures: [] })
    tasks.set(key, task)
    return task
  }
  /** Gives every client of a policy its task; those that left it lose theirs once their jobs have ended. */
  const refresh = async (name: string, policy: Policy | undefined): Promise<void> => {
    const clients = new Set(policy?.clients)
    for (const client of clients) void taskOf(name, client)
    for (const [key, task] of tasks) {
      const described = task.describe()
      if (described.policy !== name) continue
      const present = clients.has(described.client)
      await task.refresh(present ? policy : undefined)
      if (present || task.running) continue
      tasks.delete(key)
      await task.stop()
      await context.store.remove(name, described.client)
    }
  }
  const required = async (name: string): Promise<Policy> => {
    const policy = await policies.get(name)
    if (policy === undefined) throw unknownPolicy(name)
    return policy
  }
  return {
    on: events.on,
    once: events.once,
    off: events.off,
    start: async () => {
      if (started) return
      started = true
      for await (const record of context.store.all()) {
        const task = new PolicyClientTaskRunner(context, record)
        tasks.set(taskKey(record.policy, record.client), task)
        const policy = await policies.get(record.policy)
        await task.resume(policy?.clients.includes(record.client) === true ? policy : undefined)
      }
      for await (const policy of policies.all()) await refresh(policy.name, policy)
    },
    stop: async () => {
      stopping.abort()
      await Promise.all([...tasks.values()].map((task) => task.stop()))
    },
    putPolicy: async (input) => {
      const stored = await policies.put(input.policy, input.generation ?? 0, clock.now())
      if (started) await refresh(stored.name, stored)
      events.emit('policy:changed', { name: stored.name, generation: stored.generation })
      return stored
    },
    getPolicy: ({ name }) => policies.get(name),
    removePolicy: async ({ name }) => {
      await policies.remove(name)
      if (started) await refresh(name, undefined)
      events.emit('policy:changed', { name })
    },
    policies: () => policies.all(),
    runNow: async ({ policy: name, client, schedule: wanted }) => {
      const policy = await required(name)
      const schedule = checkRunNow(policy, client, wanted)
      const jobIds: string[] = []
      for (const each of client === undefined ? policy.clients : [client]) {
        const task = taskOf(name, each)
        await task.refresh(policy)
        jobIds.push((await task.runNow(schedule)).jobId)
      }
      return { jobIds }
    },
    preview: async function* ({ policy: name, from, to }, callOptions) {
      const policy = await required(name)
      const planned: PlannedRun[] = []
      for (const client of policy.clients) {
        const last = await lastBackups(catalog, policy, client, callOptions)
        planned.push(...previewRuns(policy, client, last, { from, to, timeZone }))
      }
      throwIfAborted(callOptions)
      yield* planned.sort((a, b) => a.startsAt - b.startsAt || (a.client < b.client ? -1 : 1))
    },
    tasks: async function* ({ policy }) {
      for (const task of [...tasks.values()]) {
        const described = task.describe()
        if (policy === undefined || described.policy === policy) yield described
      }
    },
  }
}

function limitsFor(options: SchedulerOptions, policy: Policy, client: string): JobLimits {
  const maxJobsThisClient = options.maxJobsOfClient?.[client]
  return {
    ...(policy.maxJobs === undefined ? {} : { maxJobsPerPolicy: policy.maxJobs }),
    ...(options.maxJobsPerClient === undefined ? {} : { maxJobsPerClient: options.maxJobsPerClient }),
    ...(maxJobsThisClient === undefined ? {} : { maxJobsThisClient }),
  }
}

const fullestFirst = ['full', 'cumulative', 'differential']

function checkRunNow(policy: Policy, client: string | undefined, wanted: string | undefined): Schedule {
  if (!policy.active) {
    throw new NbError('policy-inactive', `policy ${policy.name} is not active; activate it first`, {
      details: { policy: policy.name },
    })
  }
  if (client !== undefined && !policy.clients.includes(client)) {
    throw new NbError('client-not-in-policy', `client ${client} is not in policy ${policy.name}`, {
      details: { policy: policy.name, client },
    })
  }
  const byFullness = policy.schedules
    .filter(({ type }) => fullestFirst.includes(type))
    .sort((a, b) => fullestFirst.indexOf(a.type) - fullestFirst.indexOf(b.type))
  const schedule = wanted === undefined ? byFullness[0] : policy.schedules.find(({ name }) => name === wanted)
  if (schedule !== undefined) return schedule
  const names = policy.schedules.map(({ name }) => name).join(', ') || 'none'
  throw new NbError(
    'schedule-unknown',
    `policy ${policy.name} has no schedule "${wanted ?? 'to run'}"; it has: ${names}`,
    {
      details: { policy: policy.name, schedule: wanted ?? null },
    },
  )
}
