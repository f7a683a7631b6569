import { type CallOptions, type Job, type JobManager, asNbError } from '@nb/contracts'

/** Of a job that ended and tells no status. */
const unknownStatus = 801

/** Waits for a job's end. A job that is not known (any more) has ended with that. */
export function endStatus(
  jobs: Pick<JobManager, 'wait'>,
  jobId: string,
  options: CallOptions,
): Promise<number> {
  return jobs.wait({ jobId }, options).then(statusOf, statusOfUnknown)
}

function statusOf({ status = unknownStatus }: Job): number {
  return status
}

function statusOfUnknown(error: unknown): number {
  const known = asNbError(error)
  if (known.code === 'job-unknown') return known.status
  throw error
}
