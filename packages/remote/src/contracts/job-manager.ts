import type { BackupJobRequest, JobManager, JobStream, RetryRule, WorkJobRequest } from '@nb/contracts'
import { z } from 'zod'
import {
  job,
  jobAttempt,
  jobEvent,
  jobFilterShape,
  jobLimits,
  jobLogLine,
  jobOrigin,
  workJobType,
} from '../schemas/job.ts'
import { policy, schedule } from '../schemas/policy.ts'
import { explanation, mediaNeed } from '../schemas/resources.ts'
import {
  closed,
  count,
  facts,
  flag,
  integer,
  list,
  maybe,
  nothing,
  path,
  type Schema,
  text,
  time,
} from '../schemas/schema.ts'
import { call, type InputOf, type OutputOf, type PortContract, stream } from './port-contract.ts'

type In<Name extends keyof JobManager> = InputOf<JobManager, Name>

const retryRule: Schema<RetryRule> = closed<RetryRule>({ tries: integer, delayMs: integer })

const jobStream: Schema<JobStream> = closed<JobStream>({
  name: text,
  selections: list(path),
  retry: maybe(retryRule),
})

const backupJobRequest: Schema<BackupJobRequest> = closed<BackupJobRequest>({
  requestId: text,
  type: z.enum(['backup', 'archive']),
  origin: jobOrigin,
  policy,
  schedule,
  client: text,
  selections: maybe(list(path)),
  streams: maybe(list(jobStream)),
  streamSet: maybe(list(text)),
  windowClosesAt: maybe(time),
  retry: maybe(retryRule),
  retentionMs: z.optional(z.union([z.int(), z.null()])),
  copyRetentionMs: maybe(list(z.union([z.int(), z.null()]))),
  limits: jobLimits,
  lines: list(jobLogLine),
})

const workJobRequest: Schema<WorkJobRequest> = closed<WorkJobRequest>({
  requestId: text,
  type: workJobType,
  origin: jobOrigin,
  client: maybe(text),
  policy: maybe(text),
  priority: maybe(integer),
  need: maybe(mediaNeed),
  parameters: maybe(facts),
  retry: maybe(retryRule),
  lines: list(jobLogLine),
})

/** Told apart by their type, so that a complaint names the field and not the union. */
const submitted = z.discriminatedUnion('type', [
  backupJobRequest as never,
  workJobRequest as never,
]) as unknown as Schema<BackupJobRequest | WorkJobRequest>

const byJob = closed<{ readonly jobId: string }>({ jobId: text })

export const jobManagerContract: PortContract<JobManager> = {
  submit: call(
    submitted,
    closed<OutputOf<JobManager, 'submit'>>({
      jobId: text,
      children: maybe(
        list(closed<{ readonly stream: string; readonly jobId: string }>({ stream: text, jobId: text })),
      ),
    }),
  ),
  get: call(closed<In<'get'>>({ jobId: text }), maybe(job)),
  list: stream(closed<In<'list'>>(jobFilterShape), job),
  log: stream(closed<In<'log'>>({ jobId: text, after: maybe(count), attempt: maybe(integer) }), jobLogLine),
  attempts: stream(byJob, jobAttempt),
  watch: stream(closed<In<'watch'>>({ ...jobFilterShape, lines: maybe(flag) }), jobEvent),
  wait: call(closed<In<'wait'>>({ jobId: text }), job),
  cancel: call(closed<In<'cancel'>>({ jobId: text, reason: maybe(text) }), nothing),
  suspend: call(closed<In<'suspend'>>({ jobId: text, reason: maybe(text) }), nothing),
  resume: call(byJob, nothing),
  restart: call(byJob, byJob),
  setPriority: call(closed<In<'setPriority'>>({ jobId: text, priority: integer }), nothing),
  purge: call(
    closed<In<'purge'>>({ endedBefore: time }),
    closed<OutputOf<JobManager, 'purge'>>({ purged: count }),
  ),
  explain: call(closed<In<'explain'>>({ jobId: text }), explanation),
}
