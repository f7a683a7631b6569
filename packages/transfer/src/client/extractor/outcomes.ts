import { NbError } from '@nb/contracts'
import { errnoCodeOf } from '../../posix/posix-error.ts'
import type { WarningSink } from '../warning.ts'
import type { PlanIndex, PlannedTarget } from './plan-index.ts'

/** What was restored so far. */
export interface ExtractorCounts {
  /** Entries that are in place, links and directories included. */
  entries: number
  /** Logical bytes of the files among them. */
  bytes: number
  /** Entries left as they were, since something was there. */
  skipped: number
  /** Entries that could not be restored. */
  failed: number
}

/** What they are told to. */
export interface OutcomesParts {
  readonly plan: Pick<PlanIndex, 'markDone'>
  readonly warn: WarningSink
  /** Called after every entry and every piece of data. */
  readonly tick: (path: Buffer) => void
}

/** Counts and tells how it went with the entries. */
export class Outcomes {
  readonly counts: ExtractorCounts = { entries: 0, bytes: 0, skipped: 0, failed: 0 }
  readonly #parts: OutcomesParts

  constructor(parts: OutcomesParts) {
    this.#parts = parts
  }

  /** It is in place. */
  restored({ path }: PlannedTarget): void {
    this.counts.entries++
    this.#parts.tick(path)
  }

  /** It was left as it was. */
  skipped({ path }: PlannedTarget): void {
    this.counts.skipped++
    this.#parts.tick(path)
  }

  /** A system call failed. Throws `disk-full`, and whatever is no failure of an entry. */
  failed(target: PlannedTarget, error: unknown): void {
    const code = errnoCodeOf(error)
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new NbError('disk-full', `The target has no room left: ${(error as Error).message}`, {
        cause: error,
      })
    }
    if (error instanceof NbError && error.code === 'target-unsafe')
      this.refused(target, 'TARGET_UNSAFE', error.message)
    else if (code === undefined) throw error
    else if (code === 'ELOOP' || code === 'EXDEV') {
      this.refused(
        target,
        'TARGET_UNSAFE',
        `a symbolic link stands in the way to it (${code}): nothing is written through links`,
      )
    } else this.refused(target, code, `it could not be restored: ${(error as Error).message}`)
  }

  /** It is not restored, for a reason. */
  refused({ entry, path }: PlannedTarget, code: string, text: string): void {
    this.counts.failed++
    this.#parts.plan.markDone(entry)
    this.#parts.warn({ severity: 'warning', path: Buffer.from(path), code, text })
  }
}
