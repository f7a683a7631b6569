import type { Figure } from './rows.ts'

/** How much of a bench is wanted. */
export interface BenchSize {
  /** Little data and few runs: shows that all works, and judges no goal. */
  readonly quick: boolean
  /** The most files of a curve over their number. @default the bench's own */
  readonly mostFiles?: number
  /** The only one of {@link Bench.parts} that is wanted. @default all */
  readonly part?: string
}

/** What a bench may use. */
export interface BenchContext extends BenchSize {
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
  /** Bytes that it takes on the disk of its working folder, at most at once. @default little */
  readonly needs?: (size: BenchSize) => number
  readonly run: (context: BenchContext) => Promise<readonly Figure[]>
}
