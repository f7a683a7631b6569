import {
  type BackupJobRequest,
  type Catalog,
  type Clock,
  type ImageRecord,
  type Job,
  type JobManager,
  NbError,
} from '@nb/contracts'

/** A job manager's front whose jobs end when the test says so, and the catalog that shows their images. */
export interface ScriptedJobs {
  readonly jobs: Pick<JobManager, 'submit' | 'wait'>
  readonly catalog: Pick<Catalog, 'listImages'>
  /** The requests so far, each once, in order; the n-th is job n, from 1. */
  readonly submitted: readonly BackupJobRequest[]
  /** Ends a job; one that ends with 0 or 1 leaves an image of the time of its submission. */
  finish(jobId: string, status: number): void
  /** Makes the next `submit` reject, after (`'after'`) or before (`'before'`) the job exists. */
  failNextSubmit(when: 'before' | 'after'): void
}

/** Makes one; it honours `submit`'s idempotence and `wait`'s obligations, over restarts of what uses it. */
export function createScriptedJobs(clock: Clock): ScriptedJobs {
  const submitted: BackupJobRequest[] = []
  const jobs: { readonly job: Job; readonly ended: PromiseWithResolvers<Job> }[] = []
  const images: ImageRecord[] = []
  let failure: 'before' | 'after' | undefined
  const find = (jobId: string): (typeof jobs)[number] => {
    const found = jobs[Number(jobId) - 1]
    if (found === undefined) throw new NbError('job-unknown', `no job ${jobId}`)
    return found
  }
  return {
    submitted,
    failNextSubmit: (when) => void (failure = when),
    jobs: {
      submit: async (request) => {
        const mode = failure
        failure = undefined
        if (mode === 'before') throw new NbError('manager-stopping', 'planned')
        let index = submitted.findIndex(({ requestId }) => requestId === request.requestId)
        if (index < 0) {
          index = submitted.push(request) - 1
          jobs.push({ job: newJob(String(index + 1), request, clock.now()), ended: withResolvers() })
        }
        if (mode === 'after') throw new NbError('manager-stopping', 'planned')
        return { jobId: String(index + 1) }
      },
      wait: async ({ jobId }, options) => {
        const { ended } = find(jobId)
        const aborted = withResolvers<never>()
        const abort = (): void => aborted.reject(options?.signal?.reason as Error)
        if (options?.signal?.aborted === true) abort()
        options?.signal?.addEventListener('abort', abort, { once: true })
        return Promise.race([ended.promise, aborted.promise])
      },
    },
    catalog: {
      listImages: async function* (filter) {
        const matching = images.filter(
          (image) =>
            (filter.policy === undefined || image.policy === filter.policy) &&
            (filter.client === undefined || image.client === filter.client) &&
            (filter.schedule === undefined || image.schedule === filter.schedule),
        )
        yield* matching.reverse().slice(0, filter.limit)
      },
    },
    finish: (jobId, status) => {
      const { job, ended } = find(jobId)
      const request = submitted[Number(jobId) - 1] as BackupJobRequest
      if (status <= 1) images.push(imageOf(job, request, status))
      ended.resolve({ ...job, state: 'done', status, endedAt: clock.now() })
    },
  }
}

interface PromiseWithResolvers<Value> {
  readonly promise: Promise<Value>
  readonly resolve: (value: Value) => void
  readonly reject: (reason: Error) => void
}

function withResolvers<Value>(): PromiseWithResolvers<Value> {
  let resolve!: (value: Value) => void
  let reject!: (reason: Error) => void
  const promise = new Promise<Value>((onValue, onReason) => {
    resolve = onValue
    reject = onReason
  })
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}

function newJob(id: string, request: BackupJobRequest, now: number): Job {
  const { type, origin, client } = request
  return {
    id,
    type,
    origin,
    client,
    state: 'active',
    policy: request.policy.name,
    schedule: request.schedule.name,
    priority: request.policy.priority ?? 0,
    submittedAt: now,
    warnings: 0,
  }
}

function imageOf(job: Job, { policy, schedule, client }: BackupJobRequest, status: number): ImageRecord {
  return {
    version: 1,
    backupId: `${client}_${Math.floor(job.submittedAt / 1000)}`,
    state: 'complete',
    jobId: job.id,
    client,
    policy: policy.name,
    schedule: schedule.name,
    scheduleType: schedule.type,
    backupTime: job.submittedAt,
    selections: policy.selections,
    retentionLevel: schedule.retentionLevel,
    neededImages: [],
    status,
    copies: [],
  }
}
