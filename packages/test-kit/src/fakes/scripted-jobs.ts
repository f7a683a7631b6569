import {
  type BackupJobRequest,
  type Catalog,
  type Clock,
  type ImageRecord,
  type Job,
  type JobAttempt,
  type JobManager,
  type JobStream,
  type Path,
  NbError,
  retentionPeriodMs,
} from '@nb/contracts'

/** A job manager's front whose jobs end when the test says so, and the catalog that shows their images. */
export interface ScriptedJobs {
  readonly jobs: Pick<JobManager, 'submit' | 'wait' | 'attempts'>
  readonly catalog: Pick<Catalog, 'listImages'>
  /** The requests so far, each once, in order; the n-th is job n, from 1, and its m-th stream job n.m. */
  readonly submitted: readonly BackupJobRequest[]
  /**
   * Ends a job after so many tries, ten minutes apart, the first when it was submitted; one that ends with 0 or 1 leaves an
   * image of the time of its submission. A parent ends with the last of its children, with the worst of their statuses.
   */
  finish(jobId: string, status: number, facts?: { readonly attempts?: number }): void
  /** Takes an image away, as its expiry would: the newest of the schedule. */
  expire(schedule: string): void
  /** Makes the next `submit` reject, after (`'after'`) or before (`'before'`) the job exists. */
  failNextSubmit(when: 'before' | 'after'): void
}

/** Makes one; it honours `submit`'s idempotence and `wait`'s obligations, over restarts of what uses it. */
export function createScriptedJobs(clock: Clock): ScriptedJobs {
  const submitted: BackupJobRequest[] = []
  const jobs = new Map<string, ScriptedJob>()
  const images: ImageRecord[] = []
  let failure: 'before' | 'after' | undefined
  const find = (jobId: string): ScriptedJob => {
    const found = jobs.get(jobId)
    if (found === undefined) throw new NbError('job-unknown', `no job ${jobId}`)
    return found
  }
  const add = (id: string, request: BackupJobRequest, stream?: JobStream): void =>
    void jobs.set(id, {
      job: newJob(id, request, clock.now(), stream),
      request,
      stream,
      ended: withResolvers(),
      attempts: [],
    })
  const end = (scripted: ScriptedJob, status: number): void => {
    scripted.job = { ...scripted.job, state: 'done', status, endedAt: clock.now() }
    scripted.ended.resolve(scripted.job)
  }
  const endParent = (parentId: string): void => {
    const children = [...jobs.values()].filter(({ job }) => job.parentId === parentId)
    const statuses = children.map(({ job }) => job.status)
    if (!statuses.includes(undefined)) end(find(parentId), Math.max(...statuses.map((status) => status ?? 0)))
  }
  return {
    submitted,
    failNextSubmit: (when) => void (failure = when),
    jobs: {
      submit: async (request) => {
        const mode = failure
        failure = undefined
        if (mode === 'before') throw new NbError('manager-stopping', 'planned')
        if (request.type !== 'backup' && request.type !== 'archive') {
          throw new NbError('not-supported', 'scripted jobs are backups and archives')
        }
        let index = submitted.findIndex(({ requestId }) => requestId === request.requestId)
        if (index < 0) {
          index = submitted.push(request) - 1
          add(String(index + 1), request)
          request.streams?.forEach((stream, part) => add(`${index + 1}.${part + 1}`, request, stream))
        }
        if (mode === 'after') throw new NbError('manager-stopping', 'planned')
        const jobId = String(index + 1)
        const { streams } = submitted[index] as BackupJobRequest
        const children = streams?.map(({ name }, part) => ({ stream: name, jobId: `${jobId}.${part + 1}` }))
        return { jobId, ...(children === undefined ? {} : { children }) }
      },
      wait: async ({ jobId }, options) => {
        const { ended } = find(jobId)
        const aborted = withResolvers<never>()
        const abort = (): void => aborted.reject(options?.signal?.reason as Error)
        if (options?.signal?.aborted === true) abort()
        options?.signal?.addEventListener('abort', abort, { once: true })
        return Promise.race([ended.promise, aborted.promise])
      },
      attempts: async function* ({ jobId }) {
        yield* find(jobId).attempts
      },
    },
    catalog: {
      listImages: async function* (filter) {
        const matching = images.filter(
          (image) =>
            (filter.policy === undefined || image.policy === filter.policy) &&
            (filter.client === undefined || image.client === filter.client) &&
            (filter.stream === undefined || image.stream === filter.stream) &&
            (filter.schedule === undefined || image.schedule === filter.schedule),
        )
        yield* matching.reverse().slice(0, filter.limit)
      },
    },
    finish: (jobId, status, { attempts = 1 } = {}) => {
      const scripted = find(jobId)
      const { job, request, stream } = scripted
      if (status <= 1) images.push(imageOf(job, request, stream, status))
      for (let number = 1; number <= attempts; number++) {
        scripted.attempts.push(attemptOf(job, number, number < attempts ? 84 : status))
      }
      scripted.job = { ...job, attempt: attempts }
      end(scripted, status)
      if (job.parentId !== undefined) endParent(job.parentId)
    },
    expire: (schedule) => {
      const index = images.findLastIndex((image) => image.schedule === schedule)
      if (index >= 0) images.splice(index, 1)
    },
  }
}

interface ScriptedJob {
  job: Job
  readonly request: BackupJobRequest
  readonly stream: JobStream | undefined
  readonly ended: PromiseWithResolvers<Job>
  readonly attempts: JobAttempt[]
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

const retryDelayMs = 600_000

function attemptOf({ submittedAt }: Job, number: number, status: number): JobAttempt {
  const startedAt = submittedAt + (number - 1) * retryDelayMs
  return { number, startedAt, endedAt: startedAt, status, files: 0, bytes: 0, firstLine: 1 }
}

function newJob(id: string, request: BackupJobRequest, now: number, stream: JobStream | undefined): Job {
  const { type, origin, client, streams } = request
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
    attempt: 1,
    actions: ['cancel'],
    warnings: 0,
    ...(stream === undefined
      ? streams === undefined
        ? {}
        : { children: streams.length }
      : { stream: stream.name, parentId: id.slice(0, id.indexOf('.')) }),
  }
}

function imageOf(
  job: Job,
  request: BackupJobRequest,
  stream: JobStream | undefined,
  status: number,
): ImageRecord {
  const {
    policy,
    schedule,
    client,
    streamSet,
    retentionMs = retentionPeriodMs(schedule.retentionLevel),
  } = request
  const selections = stream?.selections ?? request.selections ?? policy.selections
  return {
    version: 1,
    backupId: `${client}_${Math.floor(job.submittedAt / 1000)}`,
    state: 'complete',
    jobId: job.id,
    client,
    policy: policy.name,
    schedule: schedule.name,
    scheduleType: schedule.type,
    ...(stream === undefined ? {} : { stream: stream.name }),
    ...(streamSet === undefined ? {} : { streamSet }),
    backupTime: job.submittedAt,
    selections: selections.filter((each): each is Path => each.startsWith('/')),
    retentionLevel: schedule.retentionLevel,
    ...(retentionMs === undefined || retentionMs === null
      ? {}
      : { expiresAt: job.submittedAt + retentionMs }),
    neededImages: [],
    status,
    copies: [],
  }
}
