import {
  type BackupJobRequest,
  type Job,
  type JobEvent,
  type JobManager,
  NbError,
  throwIfAborted,
  type WorkJobRequest,
} from '@nb/contracts'

/** Jobs in memory, with the means to drive them from a test. */
export interface MemoryJobs extends JobManager {
  /** Changes a job and tells those who watch. */
  change(jobId: string, change: Partial<Job>): void
  /** Streams of {@link JobManager.watch} that run. */
  readonly watching: number
  /** Items of `list` made so far. */
  readonly listed: number
}

export function createMemoryJobs(): MemoryJobs {
  const jobs = new Map<string, Job>()
  const listeners = new Set<(event: JobEvent) => void>()
  let listed = 0
  const known = (jobId: string): Job => {
    const job = jobs.get(jobId)
    if (job === undefined)
      throw new NbError('job-unknown', `there is no job ${jobId}`, { details: { jobId } })
    return job
  }
  const store = (job: Job): void => {
    jobs.set(job.id, job)
    for (const listener of listeners) listener({ kind: 'job', job })
  }
  const newest = (): Job[] => [...jobs.values()].reverse()
  return {
    change: (jobId, change) => store({ ...known(jobId), ...change }),
    get watching() {
      return listeners.size
    },
    get listed() {
      return listed
    },
    submit: async (input) => {
      const job = [...jobs.values()].find(({ id }) => id === input.requestId) ?? newJob(input)
      if (!jobs.has(job.id)) store(job)
      return { jobId: job.id }
    },
    get: async ({ jobId }) => jobs.get(jobId),
    async *list({ limit }, options) {
      for (const job of newest().slice(0, limit)) {
        throwIfAborted(options)
        listed += 1
        yield job
      }
    },
    async *log({ jobId, after = 0 }) {
      known(jobId)
      for (let number = after; number < 3; number++)
        yield { time: number, component: 'jobmanager', severity: 'info', text: `line ${number}` }
    },
    async *attempts({ jobId }) {
      const { attempt, submittedAt } = known(jobId)
      for (let number = 1; number <= attempt; number++)
        yield { number, startedAt: submittedAt, files: 0, bytes: 0, firstLine: number }
    },
    async *watch(_input, options) {
      const waiting: JobEvent[] = newest().map((job) => ({ kind: 'job', job }))
      let wake = (): void => {}
      const listener = (event: JobEvent): void => {
        waiting.push(event)
        wake()
      }
      listeners.add(listener)
      options?.signal?.addEventListener('abort', () => wake())
      try {
        for (;;) {
          throwIfAborted(options)
          const event = waiting.shift()
          if (event !== undefined) yield event
          else await new Promise<void>((resolve) => (wake = resolve))
        }
      } finally {
        listeners.delete(listener)
      }
    },
    wait: ({ jobId }, options) =>
      new Promise((resolve, reject) => {
        if (known(jobId).state === 'done') resolve(known(jobId))
        const listener = (event: JobEvent): void => {
          if (event.kind !== 'job' || event.job.id !== jobId || event.job.state !== 'done') return
          listeners.delete(listener)
          resolve(event.job)
        }
        listeners.add(listener)
        options?.signal?.addEventListener('abort', () => {
          listeners.delete(listener)
          reject(options.signal?.reason as Error)
        })
      }),
    cancel: async ({ jobId }) => store({ ...known(jobId), cancelRequested: true }),
    suspend: async ({ jobId }) => {
      if (known(jobId).state === 'done') throw new NbError('state-conflict', `job ${jobId} is done`)
      store({ ...known(jobId), state: 'suspended', actions: ['resume', 'cancel'] })
    },
    resume: async ({ jobId }) => {
      if (known(jobId).state !== 'suspended')
        throw new NbError('state-conflict', `job ${jobId} is not suspended`)
      store({ ...known(jobId), state: 'queued', actions: ['suspend', 'cancel', 'set-priority'] })
    },
    restart: async ({ jobId }) => {
      store({ ...known(jobId), id: `${jobId}-again`, state: 'queued' })
      return { jobId: `${jobId}-again` }
    },
    setPriority: async ({ jobId, priority }) => store({ ...known(jobId), priority }),
    purge: async ({ endedBefore }) => {
      const old = newest().filter(({ endedAt }) => endedAt !== undefined && endedAt < endedBefore)
      for (const { id } of old) jobs.delete(id)
      return { purged: old.length }
    },
    explain: async ({ jobId }) => ({
      jobId: known(jobId).id,
      waiting: false,
      blockers: [],
      sentence: 'it does not wait',
    }),
  }
}

function newJob(request: BackupJobRequest | WorkJobRequest): Job {
  const { requestId, type, client = '-', origin } = request
  const by =
    'schedule' in request ? { policy: request.policy.name, schedule: request.schedule.name } : undefined
  return {
    id: requestId,
    type,
    origin,
    state: 'queued',
    client,
    ...by,
    priority: 0,
    submittedAt: 1_700_000_000_000,
    attempt: 1,
    actions: ['cancel', 'suspend', 'set-priority'],
    warnings: 0,
  }
}
