import type { Figure } from './rows.ts'

/** What a bench may use. */
export interface BenchContext {
  /** Little data and few runs: shows that all works, and judges no goal. */
  readonly quick: boolean
  /** The most files of a curve over their number. @default the bench's own */
  readonly mostFiles?: number
  /** The only one of {@link Bench.parts} that is wanted. @default all */
  readonly part?: string
  /** An empty folder on a disk, removed afterwards. */
  readonly workDirectory: string
  /** Says what happens, on standard error. */
  readonly tell: (line: string) => void
}

/** A question about speed or size, answered beside tools that people use. */
export interface Bench {
  readonly name: string
  /** One line for the help. */
  readonly about: string
  /** Names of what may be run alone. @default nothing but all of it */
  readonly parts?: readonly string[]
  readonly run: (context: BenchContext) => Promise<readonly Figure[]>
}
