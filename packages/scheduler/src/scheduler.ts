import {
  type CallOptions,
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
  enterStore,
} from '@nb/contracts'
import { type AttemptLimits, defaultAttemptLimits } from './attempts.ts'
import type { CalendarMidnight } from './calendar.ts'
import type { ClientDirectory } from './discovery.ts'
import { startsByItself } from './due.ts'
import { lastBackups } from './last-backups.ts'
import { PolicyClientTaskRunner } from './policy-client-task.ts'
import { createPolicyStore, unknownPolicy } from './policy-store.ts'
import { checkSpan, mergeRuns, previewRuns } from './preview.ts'
import { createRetentionTable } from './retention-table.ts'
import type { TaskContext } from './task-context.ts'
import { createTaskStore, presentForm, taskKey } from './task-store.ts'
import { createUserRuns } from './user-runs.ts'
import { isTimeZone } from './zone-time.ts'

/** What a scheduler asks for. */
export interface SchedulerComponents {
  readonly jobs: Pick<JobManager, 'submit' | 'wait' | 'attempts'>
  readonly catalog: Pick<Catalog, 'listImages'>
  /** The client agents, for policies that select `ALL_LOCAL_DRIVES`; without them those can't run. */
  readonly clients?: ClientDirectory
  readonly store: Store
  readonly clock: Clock
  /** Where tasks leave their lines, usually the job store; without it they leave none. */
  readonly log?: JobLog
}

/** How a scheduler works. */
export interface SchedulerOptions {
  /** Name of the time zone of all windows, such as `Europe/Vienna`. @default the host's */
  readonly timeZone?: string
  /** How often a failed job is tried again. @default 2 tries in 12 hours, 10 minutes apart */
  readonly attempts?: Partial<AttemptLimits>
  /**
   * To which day the hours after midnight belong, of a calendar schedule's window that crosses it: `one-window` to the day it
   * opened on, `two-windows` to the day they are on. @default 'one-window'
   */
  readonly calendarMidnight?: CalendarMidnight
  /** How long nothing of a policy starts by itself after it was changed, milliseconds, 0–3600000. @default 0 */
  readonly policyQuietMs?: number
  /** Longest wait before the catalog is asked for all again, milliseconds: images may be removed by hand. @default 3600000, an hour */
  readonly recheckMs?: number
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
  const { jobs, catalog, clients, store, clock, log: jobLog } = components
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
  const retention = createRetentionTable(store)
  const calendarMidnight = options.calendarMidnight ?? 'one-window'
  const quietMs = options.policyQuietMs ?? 0
  const context: TaskContext = {
    jobs,
    catalog,
    clients,
    jobLog,
    clock,
    store: createTaskStore(store),
    retention,
    events,
    log,
    timeZone,
    calendarMidnight,
    recheckMs: options.recheckMs ?? 3_600_000,
    attempts: { ...defaultAttemptLimits, ...options.attempts },
    limitsFor: (policy, client) => limitsFor(options, policy, client),
  }
  const userRuns = createUserRuns({ ...context, store, stopping: stopping.signal })
  const tasks = new Map<string, PolicyClientTaskRunner>()
  let started = false

  const taskOf = (policy: string, client: string): PolicyClientTaskRunner => {
    const key = taskKey(policy, client)
    const task =
      tasks.get(key) ?? new PolicyClientTaskRunner(context, { policy, client, runs: [], streams: {} })
    tasks.set(key, task)
    return task
  }
  /** Gives every client of a policy its task; those that left it lose theirs once their jobs have ended. */
  const refresh = async (name: string, policy: Policy | undefined, quietUntil?: number): Promise<void> => {
    const present = new Set(policy?.clients)
    for (const client of present) void taskOf(name, client)
    for (const [key, task] of tasks) {
      const { client } = task.names
      if (task.names.policy !== name) continue
      await task.refresh(present.has(client) ? policy : undefined, quietUntil)
      if (present.has(client) || task.running) continue
      tasks.delete(key)
      await task.stop()
      await context.store.remove(name, client)
    }
  }
  const previewClient = async (
    policy: Policy,
    client: string,
    span: { readonly from: number; readonly to: number },
    callOptions?: CallOptions,
  ): Promise<Iterator<PlannedRun, void>[]> => {
    const planned: Iterator<PlannedRun, void>[] = []
    const streams = await taskOf(policy.name, client).streams(policy)
    const { backups } = await lastBackups(catalog, { policy, client, streams }, undefined, callOptions)
    for (const [at, { last }] of backups.entries()) {
      const stream = streams[at]?.name
      const named = stream === undefined ? {} : { stream }
      planned.push(previewRuns(policy, client, last, { ...span, ...named, timeZone, calendarMidnight }))
    }
    return planned
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
      try {
        await enterStore(store, presentForm, 'the scheduler’s store')
      } catch (error) {
        started = false
        throw error
      }
      for await (const record of context.store.all()) {
        const task = new PolicyClientTaskRunner(context, record)
        tasks.set(taskKey(record.policy, record.client), task)
        const policy = await policies.get(record.policy)
        const stays = policy?.clients.includes(record.client) === true
        await task.resume(stays ? policy : undefined)
        if (stays || task.running) continue
        // Its policy was removed before this start.
        tasks.delete(taskKey(record.policy, record.client))
        await context.store.remove(record.policy, record.client)
      }
      for await (const policy of policies.all()) await refresh(policy.name, policy)
      await userRuns.resume()
    },
    stop: async () => {
      stopping.abort()
      const { reason } = stopping.signal as { readonly reason: unknown }
      await Promise.all([...tasks.values()].map((task) => task.stop(reason)))
      await userRuns.stop()
    },
    putPolicy: async (input) => {
      const stored = await policies.put(input.policy, input.generation ?? 0, clock.now())
      if (started) await refresh(stored.name, stored, quietMs === 0 ? 0 : clock.now() + quietMs)
      events.emit('policy:changed', { name: stored.name, generation: stored.generation })
      return stored
    },
    getPolicy: ({ name }) => policies.get(name),
    removePolicy: async ({ name }) => {
      await policies.remove(name, clock.now())
      if (started) await refresh(name, undefined)
      events.emit('policy:changed', { name })
    },
    policyRemoval: ({ name }) => policies.removal(name),
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
    runForUser: (request) =>
      userRuns.run(request, async () => {
        if (request.policy !== undefined) return [await required(request.policy)]
        const all: Policy[] = []
        for await (const policy of policies.all()) all.push(policy)
        return all
      }),
    putRetentionLevel: async (row) => {
      await retention.put(row)
      events.emit('retention:changed', { level: row.level, periodMs: row.periodMs })
    },
    retentionLevels: () => retention.levels(),
    preview: async function* ({ policy: name, from, to }, callOptions) {
      checkSpan(from, to)
      const policy = await required(name)
      const planned: Iterator<PlannedRun, void>[] = []
      for (const client of policy.clients) {
        planned.push(...(await previewClient(policy, client, { from, to }, callOptions)))
      }
      yield* mergeRuns(planned, callOptions)
    },
    tasks: async function* ({ policy }) {
      for (const task of [...tasks.values()]) {
        if (policy === undefined || task.names.policy === policy) yield* task.describe()
      }
    },
  }
}

function limitsFor(options: SchedulerOptions, policy: Policy, client: string): JobLimits {
  const limits: { -readonly [Limit in keyof JobLimits]: JobLimits[Limit] } = {}
  if (policy.maxJobs !== undefined) limits.maxJobsPerPolicy = policy.maxJobs
  if (options.maxJobsPerClient !== undefined) limits.maxJobsPerClient = options.maxJobsPerClient
  const ofClient = options.maxJobsOfClient?.[client]
  if (ofClient !== undefined) limits.maxJobsThisClient = ofClient
  return limits
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
  if (schedule !== undefined && !startsByItself(schedule)) {
    throw new NbError(
      'argument-invalid',
      `schedule ${schedule.name} of policy ${policy.name} is for users: it starts when one asks for paths of their own`,
      { details: { field: 'schedule', policy: policy.name, schedule: schedule.name } },
    )
  }
  if (schedule !== undefined) return schedule
  const names = policy.schedules.map(({ name }) => name).join(', ')
  const has =
    names === ''
      ? 'it has none'
      : wanted === undefined
        ? `those it has are for users: ${names}`
        : `it has: ${names}`
  const which = wanted === undefined ? 'that could be started' : `"${wanted}"`
  throw new NbError('schedule-unknown', `policy ${policy.name} has no schedule ${which}; ${has}`, {
    details: { policy: policy.name, schedule: wanted ?? null },
  })
}
