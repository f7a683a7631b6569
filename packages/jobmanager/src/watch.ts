import { type CallOptions, type Job, type JobEvent, type JobFilter, NbError } from '@nb/contracts'
import { matchesFilter } from './job-view.ts'
import type { JobStore, JobStoreEvents } from './job-store.ts'

/** What a watcher remembers of a job it has told of. */
interface Told {
  /** Lines told so far. */
  lines: number
  job: Job | undefined
}

/**
 * Tells the present state of the matching jobs, then every change. Keeps no queue of events but the set of jobs that
 * changed since they were last told: a slow reader gets the newest state of each and, from the database, all lines.
 */
export async function* watchJobs(
  store: JobStore,
  filter: JobFilter & { readonly lines?: boolean },
  closing: AbortSignal,
  options?: CallOptions,
): AsyncGenerator<JobEvent> {
  const signal = options?.signal
  const told = new Map<string, Told>()
  const changed = new Set<string>()
  let wake = (): void => undefined
  const note = (jobId: string): void => {
    changed.add(jobId)
    wake()
  }
  const onChange = (change: JobStoreEvents['job:changed']): void => {
    if (told.has(change.jobId) || matchesFilter(change.job, filter)) note(change.jobId)
  }
  const onLine = ({ jobId }: JobStoreEvents['line:appended']): void => {
    if (told.has(jobId)) note(jobId)
  }
  const onAbort = (): void => wake()
  store.on('job:changed', onChange)
  if (filter.lines === true) store.on('line:appended', onLine)
  signal?.addEventListener('abort', onAbort)
  closing.addEventListener('abort', onAbort)
  try {
    const present: Job[] = []
    for await (const job of store.list(filter)) present.push(job)
    for (const job of present.reverse()) changed.add(job.id)
    for (;;) {
      signal?.throwIfAborted()
      const [jobId] = changed
      if (jobId !== undefined) {
        changed.delete(jobId)
        yield* tellJob(store, filter, told, jobId, signal)
        continue
      }
      if (closing.aborted) throw new NbError('manager-stopping', 'the job manager is ending')
      await new Promise<void>((resolve) => {
        wake = resolve
        if (changed.size > 0 || signal?.aborted === true || closing.aborted) resolve()
      })
    }
  } finally {
    store.off('job:changed', onChange)
    store.off('line:appended', onLine)
    signal?.removeEventListener('abort', onAbort)
    closing.removeEventListener('abort', onAbort)
  }
}

async function* tellJob(
  store: JobStore,
  { lines }: { readonly lines?: boolean },
  told: Map<string, Told>,
  jobId: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<JobEvent> {
  // The state is taken before the lines are read: the lines that led to it are among them.
  const job = await store.view(jobId)
  const last = told.get(jobId) ?? { lines: 0, job: undefined }
  told.set(jobId, last)
  if (lines === true) {
    for await (const { number, line } of store.lines(jobId, last.lines)) {
      signal?.throwIfAborted()
      last.lines = number
      yield { kind: 'line', jobId, line }
    }
  }
  if (job === undefined || JSON.stringify(job) === JSON.stringify(last.job)) return
  last.job = job
  yield { kind: 'job', job }
}
