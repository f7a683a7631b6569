import type { Store } from '@nb/contracts'

/** The sublevels of a jobs database. */
export interface JobSublevels {
  /** What changes of each job. */
  readonly jobs: Store
  /** What was asked for with each job. */
  readonly specs: Store
  /** The job of each request id. */
  readonly requests: Store
  readonly lines: Store
  readonly meta: Store
}

/**
 * The form of the database that this version writes. 1 knew no tries of a job; its records are understood as they are read. A database
 * notes its form since 2.
 */
export const presentForm = 2

/** Opens them. */
export function openSublevels(store: Store): JobSublevels {
  const open = (name: string): Store => store.sublevel(name, { valueEncoding: 'utf8' })
  return {
    jobs: open('jobs'),
    specs: open('specs'),
    requests: open('requests'),
    lines: open('lines'),
    meta: open('meta'),
  }
}
