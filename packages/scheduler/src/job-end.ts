import { type CallOptions, type Job, type JobManager, asNbError } from '@nb/contracts'

/** Of a job that ended and tells no status. */
const unknownStatus = 801

/** How a job ended. */
export interface JobEnd {
  readonly status: number
  /** The image that it made, where that is known. */
  readonly backupId?: string
}

/** Waits for a job's end. A job that is not known (any more) has ended with that. */
export function endOf(jobs: Pick<JobManager, 'wait'>, jobId: string, options: CallOptions): Promise<JobEnd> {
  return jobs.wait({ jobId }, options).then(endOfJob, endOfUnknown)
}

function endOfJob({ status = unknownStatus, backupId }: Job): JobEnd {
  return backupId === undefined ? { status } : { status, backupId }
}

function endOfUnknown(error: unknown): JobEnd {
  const known = asNbError(error)
  if (known.code === 'job-unknown') return { status: known.status }
  throw error
}
