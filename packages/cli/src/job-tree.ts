import type { Job } from '@nb/contracts'

/** A job and where it hangs in the tree of a list. */
export interface JobRow {
  readonly job: Job
  /** What stands before it: `├ `, `└ `, or nothing. */
  readonly branch: string
}

/**
 * The jobs of a list, parts below the job they are parts of, in the order the list has among parents and among parts.
 * A part whose parent is not in the list stands by itself.
 */
export function treeOf(jobs: readonly Job[]): JobRow[] {
  const listed = new Set(jobs.map(({ id }) => id))
  const isPart = ({ parentId }: Job): boolean => parentId !== undefined && listed.has(parentId)
  const parts = new Map<string, Job[]>()
  for (const job of jobs)
    if (isPart(job)) {
      const parent = job.parentId ?? ''
      parts.set(parent, [...(parts.get(parent) ?? []), job])
    }
  return jobs
    .filter((job) => !isPart(job))
    .flatMap((job) => {
      const its = parts.get(job.id) ?? []
      return [
        { job, branch: '' },
        ...its.map((part, at) => ({ job: part, branch: at === its.length - 1 ? '└ ' : '├ ' })),
      ]
    })
}
