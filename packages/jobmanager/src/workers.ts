import type { Allocation, Json, JobProgress, MediaNeed, WorkJobType } from '@nb/contracts'

/** What a worker is given for one try of a job. */
export interface WorkContext {
  readonly jobId: string
  readonly type: WorkJobType
  /** Whose data or media it is about; `-` for the master server's own. */
  readonly client: string
  readonly policy?: string
  /** From 1. */
  readonly attempt: number
  readonly parameters: Readonly<Record<string, Json>>
  /** What it asked for of media, where it did. */
  readonly need?: MediaNeed
  /** What was granted for it, where it asked for media. It is given back when the work ends. */
  readonly allocation?: Allocation
  /** Gives that back before, once the work does not use it any more. Idempotent; never rejects. */
  readonly giveBack: () => Promise<void>
  /** Aborts when the job is to end early, with the reason to end with; the work then ends as soon as it can. */
  readonly signal: AbortSignal
  /** Leaves a line in the job's log. */
  readonly say: (text: string, severity?: 'info' | 'warning' | 'error') => Promise<void>
  /** Shows how far it is. */
  readonly progress: (progress: JobProgress) => void
}

/** How the work ended, by the field's status numbers. */
export interface WorkResult {
  readonly status: number
  /** @default what the status means */
  readonly statusText?: string
  readonly warnings?: number
}

/**
 * Carries out jobs of one type, in the process of the job manager.
 *
 * Obligations: `run` may be called again for the same job, after a failure or a crash, and must then not do twice what it
 * did already; what rejects ends the try with the error's status; after the signal has aborted nothing more is begun, and
 * nothing goes on once `run` has settled.
 */
export interface JobWorker {
  /** Does the work of one try. Resolves with how it ended; rejects where it could not be done. */
  run(context: WorkContext): Promise<WorkResult>
}

/** The workers by the type of their jobs; a type without one ends with `not-supported`. */
export type JobWorkers = Partial<Record<WorkJobType, JobWorker>>
