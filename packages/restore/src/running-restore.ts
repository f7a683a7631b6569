import type {
  Clock,
  JobLog,
  JobManager,
  JobRegistry,
  Logger,
  MediaServer,
  RestoreRequest,
} from '@nb/contracts'
import type { NeededImagePlans } from './needed-image.ts'
import type { PlanningComponents, RestorePlan } from './plan.ts'

/** What the flow calls. */
export interface RestoreFlowComponents extends PlanningComponents {
  readonly jobs: Pick<JobManager, 'get'> & JobRegistry
  readonly mediaServers: { get(name: string): MediaServer | undefined }
  readonly clients?: { has(name: string): boolean }
  readonly clock: Clock
  readonly jobLog: JobLog
  readonly neededImages: NeededImagePlans
  readonly log: Logger
  /** How long a media server may be silent before its restores end, milliseconds. */
  readonly silenceMs: number
}

/** A restore that has its job. */
export interface RunningRestore {
  readonly jobId: string
  /** What was asked for, of the very image that was planned: a backup that ends meanwhile does not change it. */
  readonly request: RestoreRequest
  readonly plan: RestorePlan
  /** Ends the restore early, with its reason's status. */
  readonly signal: AbortSignal
}

/** Writes the restore service's line for a step. */
export type WriteStep = (step: number, text: string) => Promise<void>
