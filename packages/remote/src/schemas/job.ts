import type {
  FlowStep,
  Job,
  JobAction,
  JobAttempt,
  JobEvent,
  JobFilter,
  JobLimits,
  JobLogLine,
  JobOperation,
  JobOrigin,
  JobProgress,
  JobState,
  JobType,
  WorkJobType,
} from '@nb/contracts'
import { z } from 'zod'
import { scheduleType } from './policy.ts'
import {
  closed,
  count,
  facts,
  flag,
  integer,
  list,
  maybe,
  oneOf,
  path,
  type Schema,
  type Shape,
  text,
  time,
  variants,
} from './schema.ts'

export const jobType: Schema<JobType> = oneOf<JobType>({
  backup: true,
  archive: true,
  restore: true,
  verify: true,
  duplicate: true,
  import: true,
  'catalog-backup': true,
  'image-cleanup': true,
  label: true,
  erase: true,
  inventory: true,
  clean: true,
})

/** A backup or archive names policy and schedule; a restore is asked of the restore service. */
export const workJobType: Schema<WorkJobType> = oneOf<WorkJobType>({
  verify: true,
  duplicate: true,
  import: true,
  'catalog-backup': true,
  'image-cleanup': true,
  label: true,
  erase: true,
  inventory: true,
  clean: true,
})

export const jobState: Schema<JobState> = oneOf<JobState>({
  queued: true,
  active: true,
  'waiting-for-retry': true,
  suspended: true,
  incomplete: true,
  done: true,
})

export const jobOperation: Schema<JobOperation> = oneOf<JobOperation>({
  'requesting-resources': true,
  connecting: true,
  mounting: true,
  positioning: true,
  writing: true,
  reading: true,
  cataloguing: true,
  ending: true,
})

export const jobOrigin: Schema<JobOrigin> = oneOf<JobOrigin>({ scheduled: true, immediate: true, user: true })

export const jobLimits: Schema<JobLimits> = closed<JobLimits>({
  maxJobsPerPolicy: maybe(integer),
  maxJobsPerClient: maybe(integer),
  maxJobsThisClient: maybe(integer),
})

export const jobProgress: Schema<JobProgress> = closed<JobProgress>({
  files: count,
  bytes: count,
  estimatedFiles: maybe(count),
  estimatedBytes: maybe(count),
  currentPath: maybe(path),
  waitedForFullBuffer: maybe(count),
  waitedForEmptyBuffer: maybe(count),
})

const jobAction: Schema<JobAction> = oneOf<JobAction>({
  cancel: true,
  suspend: true,
  resume: true,
  restart: true,
  'set-priority': true,
})

export const jobAttempt: Schema<JobAttempt> = closed<JobAttempt>({
  number: integer,
  startedAt: time,
  activeAt: maybe(time),
  endedAt: maybe(time),
  status: maybe(integer),
  statusText: maybe(text),
  mediaServer: maybe(text),
  storageUnit: maybe(text),
  files: count,
  bytes: count,
  firstLine: integer,
})

export const job: Schema<Job> = closed<Job>({
  id: text,
  parentId: maybe(text),
  children: maybe(count),
  type: jobType,
  origin: jobOrigin,
  state: jobState,
  operation: maybe(jobOperation),
  status: maybe(integer),
  statusText: maybe(text),
  policy: maybe(text),
  schedule: maybe(text),
  scheduleType: maybe(scheduleType),
  client: text,
  stream: maybe(text),
  mediaServer: maybe(text),
  storageUnit: maybe(text),
  backupId: maybe(text),
  priority: integer,
  submittedAt: time,
  activeAt: maybe(time),
  endedAt: maybe(time),
  attempt: integer,
  retryAt: maybe(time),
  incompleteUntil: maybe(time),
  checkpointAt: maybe(time),
  actions: list(jobAction),
  progress: maybe(jobProgress),
  warnings: count,
  cancelRequested: maybe(flag),
})

export const jobLogLine: Schema<JobLogLine> = closed<JobLogLine>({
  time,
  component: text,
  severity: oneOf<JobLogLine['severity']>({ info: true, warning: true, error: true }),
  step: maybe(
    closed<FlowStep>({
      flow: oneOf<FlowStep['flow']>({ backup: true, restore: true }),
      number: integer,
    }),
  ),
  text,
  data: maybe(facts),
})

export const jobEvent: Schema<JobEvent> = variants<JobEvent, 'kind'>('kind', {
  job: closed<Extract<JobEvent, { kind: 'job' }>>({ kind: z.literal('job'), job }),
  line: closed<Extract<JobEvent, { kind: 'line' }>>({
    kind: z.literal('line'),
    jobId: text,
    line: jobLogLine,
  }),
})

export const jobFilterShape: Shape<JobFilter> = {
  jobId: maybe(text),
  parentId: maybe(text),
  origins: maybe(list(jobOrigin)),
  schedule: maybe(text),
  statuses: maybe(list(integer)),
  failed: maybe(flag),
  types: maybe(list(jobType)),
  states: maybe(list(jobState)),
  policy: maybe(text),
  client: maybe(text),
  since: maybe(time),
  until: maybe(time),
  limit: maybe(count),
}
