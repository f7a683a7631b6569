import type { Job, JobFilter } from '@nb/contracts'
import type { ChildJob } from './job-record.ts'
import { matchesFilter } from './job-view.ts'

/** What jobs can be looked for in. */
export interface JobSource {
  view(jobId: string): Promise<Job | undefined>
  childrenOf(jobId: string): Promise<readonly ChildJob[]>
  /** Those that are not final, newest first. */
  unfinished(): Iterable<Job>
  /** All, newest first; `undefined` for one that can't be read. */
  all(): AsyncIterable<Job | undefined>
}

/** The jobs that a filter chooses, newest first. */
export async function* chosenJobs(filter: JobFilter, source: JobSource): AsyncGenerator<Job> {
  const { limit = Infinity } = filter
  let given = 0
  if (limit <= 0) return
  for await (const job of await candidates(filter, source)) {
    if (job === undefined || !matchesFilter(job, filter)) continue
    yield job
    given += 1
    if (given >= limit) return
  }
}

/** As few jobs as the filter allows to look at. */
async function candidates(
  { jobId, parentId, states }: JobFilter,
  source: JobSource,
): Promise<AsyncIterable<Job | undefined> | Iterable<Job | undefined>> {
  if (jobId !== undefined) return [await source.view(jobId)]
  if (parentId !== undefined) {
    const children = await source.childrenOf(parentId)
    const jobs = await Promise.all(children.map((child) => source.view(child.jobId)))
    return jobs.reverse()
  }
  return states?.includes('done') === false ? source.unfinished() : source.all()
}
