import {
  type BackupJobRequest,
  type CallOptions,
  type Clock,
  type JobLimits,
  type JobLog,
  type JobManager,
  type Logger,
  type Path,
  type Policy,
  type Store,
  type UserRunRequest,
  SerialQueue,
  asNbError,
  describeStatus,
  displayPath,
  isAbortError,
} from '@nb/contracts'
import { endOf } from './job-end.ts'
import { keptBy, type KeptPeriods } from './job-request.ts'
import type { RetentionTable } from './retention-table.ts'
import { type UserChoice, chooseForUser } from './user-schedule.ts'

/** Users' requests, as noted. Kept for ever: a request names its job for ever. */
interface UserRun {
  /** Written before the job is asked for: asking again finds the same job. */
  readonly request: Omit<BackupJobRequest, 'limits'>
  readonly jobId?: string
  readonly status?: number
}

/** What users' runs work with. */
export interface UserRunContext {
  readonly jobs: Pick<JobManager, 'submit' | 'wait'>
  readonly jobLog: JobLog | undefined
  readonly clock: Clock
  readonly store: Store
  readonly retention: RetentionTable
  readonly log: Logger
  readonly timeZone: string
  readonly limitsFor: (policy: Policy, client: string) => JobLimits
  /** Aborts when the scheduler stops. */
  readonly stopping: AbortSignal
}

/** Starts users' backups and archives. */
export interface UserRuns {
  /** `policies` are the named policy, or all, sorted by name. */
  run(
    request: UserRunRequest,
    policies: () => Promise<readonly Policy[]>,
    options?: CallOptions,
  ): Promise<{ readonly jobId: string }>
  /** Asks again for what got no answer before a restart, and follows what runs. */
  resume(): Promise<void>
  /** Follows no job any more. */
  stop(): Promise<void>
}

const troubleDelayMs = 60_000

/** Makes it on a sublevel of the store. A user's job is not tried again, and holds nothing up that starts by itself. */
export function createUserRuns(context: UserRunContext): UserRuns {
  const { jobs, jobLog, clock, store, retention, log, timeZone, limitsFor, stopping } = context
  const level = store.sublevel<string, UserRun>('user-runs', { valueEncoding: 'json' })
  const work = new SerialQueue()
  const following = new Set<Promise<void>>()
  const save = (run: UserRun): Promise<void> =>
    level.put(run.request.requestId, run, { sync: true } as object)

  const submit = async (run: UserRun): Promise<string> => {
    const { policy, client } = run.request
    const { jobId } = await jobs.submit({ ...run.request, limits: limitsFor(policy, client) })
    const known = { ...run, jobId }
    await save(known)
    follow(known)
    return jobId
  }
  const follow = (run: UserRun & { readonly jobId: string }): void => {
    const ended = untilEnd(run)
      .catch((error: unknown) => {
        if (!isAbortError(error)) log.error('job %s: %o', run.jobId, error)
      })
      .finally(() => following.delete(ended))
    following.add(ended)
  }
  /** Step 17. */
  const untilEnd = async (run: UserRun & { readonly jobId: string }): Promise<void> => {
    const status = await statusOf(run.jobId)
    await save({ ...run, status })
    if (jobLog === undefined) return
    const text = `told that the job ended with ${describeStatus(status)}; it was asked for by a user and is not tried again`
    const step = { flow: 'backup', number: 17 } as const
    const lines = [{ time: clock.now(), component: 'scheduler', severity: 'info', step, text } as const]
    await jobLog.append({ jobId: run.jobId, lines })
  }
  const statusOf = async (jobId: string): Promise<number> => {
    for (;;) {
      try {
        return (await endOf(jobs, jobId, { signal: stopping })).status
      } catch (error) {
        if (!asNbError(error).retryable || stopping.aborted) throw error
        await clock.sleep(troubleDelayMs, { signal: stopping })
      }
    }
  }
  return {
    run: (request, policies) =>
      work.run(async () => {
        const noted = await level.get(request.requestId)
        if (noted?.jobId !== undefined) return { jobId: noted.jobId }
        if (noted !== undefined) return { jobId: await submit(noted) }
        const now = clock.now()
        const choice = chooseForUser(request, await policies(), now, timeZone)
        const kept = await keptBy(retention, choice.schedule)
        const run = { request: jobRequestOf(request, choice, kept, now) }
        await save(run)
        return { jobId: await submit(run) }
      }),
    resume: async () => {
      for await (const run of level.values()) {
        if (run.status !== undefined) continue
        if (run.jobId !== undefined) follow({ ...run, jobId: run.jobId })
        else await submit(run).catch((error: unknown) => log.error('%s: %o', run.request.requestId, error))
      }
    },
    stop: async () => {
      await work.settled()
      await Promise.all(following)
    },
  }
}

function jobRequestOf(
  { requestId, client, type, paths, requestedBy }: UserRunRequest,
  { policy, schedule, opening }: UserChoice,
  kept: KeptPeriods,
  now: number,
): UserRun['request'] {
  const who = requestedBy ?? 'a user'
  const what = paths.map((path: Path) => displayPath(path)).join(', ')
  const text = `policy ${policy.name}, client ${client}, schedule ${schedule.name} (${type}): asked for by ${who}: ${what}; Job Start`
  return {
    requestId,
    type: type === 'user-archive' ? 'archive' : 'backup',
    origin: 'user',
    policy,
    schedule,
    client,
    selections: paths,
    windowClosesAt: opening.closesAt,
    ...kept,
    lines: [
      { time: now, component: 'scheduler', severity: 'info', step: { flow: 'backup', number: 1 }, text },
    ],
  }
}
