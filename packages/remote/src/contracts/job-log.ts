import type { JobLog } from '@nb/contracts'
import { jobLogLine } from '../schemas/job.ts'
import { closed, list, nothing, text } from '../schemas/schema.ts'
import { call, type InputOf, type PortContract } from './port-contract.ts'

export const jobLogContract: PortContract<JobLog> = {
  append: call(closed<InputOf<JobLog, 'append'>>({ jobId: text, lines: list(jobLogLine) }), nothing),
}
