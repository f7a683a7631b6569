import { errnoCodeOf, errnoName, PosixError } from '../../posix/posix-error.ts'
import type { Installer } from './installer.ts'
import type { Outcomes } from './outcomes.ts'
import type { Places } from './places.ts'
import type { PlanIndex, PlannedTarget } from './plan-index.ts'
import type { RefusalTally } from './refusal-tally.ts'
import type { WriteFailure, WritesBehind } from './write-behind.ts'

/** What they are told with. */
export interface FailedWritesParts {
  /** Who knows what failed. */
  readonly sources: readonly Pick<WritesBehind, 'takeFailures'>[]
  readonly plan: PlanIndex
  readonly installer: Installer
  readonly places: Places
  readonly outcomes: Outcomes
  readonly refusals: RefusalTally
}

/** What failed of files that were written by numbers alone, mostly behind the extractor, after the file had been counted as restored. */
export class FailedWrites {
  readonly #parts: FailedWritesParts

  constructor(parts: FailedWritesParts) {
    this.#parts = parts
  }

  /** Tells of what has failed since the last time. */
  take(): void {
    for (const source of this.#parts.sources)
      for (const failure of source.takeFailures()) this.#failed(failure)
  }

  /** Removes the files that could not be written, without a word. */
  discard(): void {
    for (const source of this.#parts.sources)
      for (const { stage, ticket } of source.takeFailures())
        if (stage === 'write') this.#discard(this.#parts.plan.target(ticket))
  }

  #failed({ ticket, stage, errno, lostBytes }: WriteFailure): void {
    const { plan, refusals, outcomes } = this.#parts
    const target = plan.target(ticket)
    if (stage === 'times' || stage === 'mode') {
      refusals.forPath(target.path)(stage, errnoName(errno))
      return
    }
    outcomes.counts.entries--
    outcomes.counts.bytes -= lostBytes
    if (stage === 'write') this.#discard(target)
    outcomes.failed(target, new PosixError(stage === 'write' ? 'pwrite' : 'close', errno))
  }

  #discard(target: PlannedTarget): void {
    const { places, installer } = this.#parts
    try {
      const place = places.of(target)
      if (place !== undefined && place !== 'root') installer.discard(place.directory.fd, place.name)
    } catch (error) {
      // Somebody has taken its directory away meanwhile, and it with it; that it could not be written is told.
      if (errnoCodeOf(error) === undefined) throw error
    }
  }
}
