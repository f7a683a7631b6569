import { type CallOptions, type Job, type JobManager, asNbError } from '@nb/contracts'
import { stopped } from './attempts.ts'

/**
 * When the tries of a job that ended began, as far as they count: a try that the closing window took off the queue has tried
 * nothing. A job that is not on the list any more counts as one try, at `startedAt`.
 */
export async function triesOf(
  jobs: Pick<JobManager, 'attempts'>,
  job: Pick<Job, 'id' | 'status'>,
  startedAt: number,
  options?: CallOptions,
): Promise<number[]> {
  const tries: number[] = []
  try {
    for await (const attempt of jobs.attempts({ jobId: job.id }, options)) {
      if (attempt.status !== stopped.windowClosed) tries.push(attempt.startedAt)
    }
    return tries
  } catch (error) {
    if (asNbError(error).code !== 'job-unknown') throw error
    return job.status === stopped.windowClosed ? [] : [startedAt]
  }
}
