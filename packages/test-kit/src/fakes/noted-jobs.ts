import {
  type Clock,
  type Job,
  type JobLog,
  type JobLogLine,
  type JobManager,
  type JobRegistry,
  type RegisteredJobRequest,
  NbError,
} from '@nb/contracts'

/** Jobs of others' flows, kept in memory for a test to look at. */
export interface NotedJobs {
  /** What a flow asks for. */
  readonly jobs: Pick<JobManager, 'get'> & JobRegistry
  /** Where its lines go. */
  readonly log: JobLog
  /** What was registered, in order: job `1` first. */
  readonly registered: readonly RegisteredJobRequest[]
  /** A job's lines so far. */
  lines(jobId: string): readonly JobLogLine[]
  /** The job once it has ended. */
  ended(jobId: string): Promise<Job>
  /** Notes that an administrator wants it ended. */
  cancel(jobId: string): void
  /** Makes the next call of a method fail. */
  failNext(method: 'register' | 'get' | 'update' | 'append', error: Error): void
}

interface Noted {
  job: Job
  readonly lines: JobLogLine[]
  readonly ended: Promise<Job>
  readonly end: (job: Job) => void
}

/** Makes them. Ids count from 1. */
export function createNotedJobs(clock: Clock): NotedJobs {
  const registered: RegisteredJobRequest[] = []
  const noted = new Map<string, Noted>()
  const failures = new Map<string, Error>()
  const find = (jobId: string): Noted => {
    const found = noted.get(jobId)
    if (found === undefined) throw new NbError('job-unknown', `there is no job ${jobId}`)
    return found
  }
  const failIfPlanned = (method: string): void => {
    const failure = failures.get(method)
    failures.delete(method)
    if (failure !== undefined) throw failure
  }
  return {
    registered,
    lines: (jobId) => find(jobId).lines,
    ended: (jobId) => find(jobId).ended,
    cancel: (jobId) => void (find(jobId).job = { ...find(jobId).job, cancelRequested: true }),
    failNext: (method, error) => void failures.set(method, error),
    log: {
      append: async ({ jobId, lines }) => {
        failIfPlanned('append')
        noted.get(jobId)?.lines.push(...lines)
      },
    },
    jobs: {
      get: async ({ jobId }) => {
        failIfPlanned('get')
        return noted.get(jobId)?.job
      },
      register: async (input) => {
        failIfPlanned('register')
        const before = registered.findIndex(({ requestId }) => requestId === input.requestId)
        if (before !== -1) return { jobId: String(before + 1) }
        registered.push(input)
        const jobId = String(registered.length)
        let end!: (job: Job) => void
        const ended = new Promise<Job>((resolve) => (end = resolve))
        noted.set(jobId, { job: newJob(jobId, input, clock.now()), lines: [...input.lines], ended, end })
        return { jobId }
      },
      update: async ({ jobId, ...facts }) => {
        failIfPlanned('update')
        const entry = find(jobId)
        entry.job = Object.assign({}, entry.job, facts)
      },
      finish: async ({ jobId, status, statusText }) => {
        const entry = find(jobId)
        if (entry.job.state === 'done') return
        const text = statusText === undefined ? {} : { statusText }
        entry.job = { ...entry.job, state: 'done', status, ...text, endedAt: clock.now() }
        entry.end(entry.job)
      },
    },
  }
}

function newJob(
  id: string,
  { type, origin, client, policy, backupId }: RegisteredJobRequest,
  now: number,
): Job {
  return {
    id,
    type,
    origin,
    client,
    state: 'active',
    ...(policy === undefined ? {} : { policy }),
    ...(backupId === undefined ? {} : { backupId }),
    priority: 0,
    attempt: 1,
    actions: ['cancel'],
    submittedAt: now,
    activeAt: now,
    warnings: 0,
  }
}
