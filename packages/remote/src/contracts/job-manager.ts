import type { BackupJobRequest, JobManager } from '@nb/contracts'
import { z } from 'zod'
import { job, jobEvent, jobFilterShape, jobLimits, jobLogLine, jobOrigin } from '../schemas/job.ts'
import { policy, schedule } from '../schemas/policy.ts'
import { explanation } from '../schemas/resources.ts'
import { closed, count, flag, list, maybe, nothing, text } from '../schemas/schema.ts'
import { call, type InputOf, type OutputOf, type PortContract, stream } from './port-contract.ts'

type In<Name extends keyof JobManager> = InputOf<JobManager, Name>

export const jobManagerContract: PortContract<JobManager> = {
  submit: call(
    closed<BackupJobRequest>({
      requestId: text,
      type: z.literal('backup'),
      origin: jobOrigin,
      policy,
      schedule,
      client: text,
      limits: jobLimits,
      lines: list(jobLogLine),
    }),
    closed<OutputOf<JobManager, 'submit'>>({ jobId: text }),
  ),
  get: call(closed<In<'get'>>({ jobId: text }), maybe(job)),
  list: stream(closed<In<'list'>>(jobFilterShape), job),
  log: stream(closed<In<'log'>>({ jobId: text, after: maybe(count) }), jobLogLine),
  watch: stream(closed<In<'watch'>>({ ...jobFilterShape, lines: maybe(flag) }), jobEvent),
  wait: call(closed<In<'wait'>>({ jobId: text }), job),
  cancel: call(closed<In<'cancel'>>({ jobId: text, reason: maybe(text) }), nothing),
  explain: call(closed<In<'explain'>>({ jobId: text }), explanation),
}
