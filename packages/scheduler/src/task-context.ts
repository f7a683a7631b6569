import type {
  Catalog,
  Clock,
  Emitter,
  JobLimits,
  JobLog,
  JobManager,
  Logger,
  Policy,
  SchedulerEvents,
} from '@nb/contracts'
import type { AttemptLimits } from './attempts.ts'
import type { CalendarMidnight } from './calendar.ts'
import type { ClientDirectory } from './discovery.ts'
import type { RetentionTable } from './retention-table.ts'
import type { TaskStore } from './task-store.ts'

/** What tasks work with. */
export interface TaskContext {
  readonly jobs: Pick<JobManager, 'submit' | 'wait' | 'attempts'>
  readonly catalog: Pick<Catalog, 'listImages'>
  readonly clients: ClientDirectory | undefined
  readonly jobLog: JobLog | undefined
  readonly clock: Clock
  readonly store: TaskStore
  readonly retention: RetentionTable
  readonly events: Emitter<SchedulerEvents>
  readonly log: Logger
  readonly timeZone: string
  readonly calendarMidnight: CalendarMidnight
  readonly attempts: AttemptLimits
  /** Longest wait before the catalog is asked again. */
  readonly recheckMs: number
  readonly limitsFor: (policy: Policy, client: string) => JobLimits
}
