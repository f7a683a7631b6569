import type { JobRegistry, RegisteredJobRequest } from '@nb/contracts'
import { jobLogLine, jobOperation, jobOrigin, jobProgress, jobType } from '../schemas/job.ts'
import { closed, integer, list, maybe, nothing, type Schema, text } from '../schemas/schema.ts'
import { call, type InputOf, type OutputOf, type PortContract } from './port-contract.ts'

type In<Name extends keyof JobRegistry> = InputOf<JobRegistry, Name>

const registeredType = jobType.refine((type) => type !== 'backup' && type !== 'archive', {
  message: 'a backup is submitted, not registered',
}) as unknown as Schema<RegisteredJobRequest['type']>

export const jobRegistryContract: PortContract<JobRegistry> = {
  register: call(
    closed<RegisteredJobRequest>({
      requestId: text,
      type: registeredType,
      origin: jobOrigin,
      client: text,
      policy: maybe(text),
      backupId: maybe(text),
      priority: maybe(integer),
      lines: list(jobLogLine),
    }),
    closed<OutputOf<JobRegistry, 'register'>>({ jobId: text }),
  ),
  update: call(
    closed<In<'update'>>({
      jobId: text,
      progress: maybe(jobProgress),
      backupId: maybe(text),
      mediaServer: maybe(text),
      storageUnit: maybe(text),
      operation: maybe(jobOperation),
    }),
    nothing,
  ),
  finish: call(closed<In<'finish'>>({ jobId: text, status: integer, statusText: maybe(text) }), nothing),
}
