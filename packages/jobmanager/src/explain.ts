import { type Explanation, type Job, describeStatus } from '@nb/contracts'

/** Why a job that waits for nothing does not wait, for a person. */
export function explainJob(job: Job): Explanation {
  return { jobId: job.id, waiting: false, blockers: [], sentence: `Job ${job.id} ${sentenceOf(job)}.` }
}

function sentenceOf(job: Job): string {
  const { state, status, operation, cancelRequested, mediaServer, storageUnit } = job
  if (cancelRequested === true && state !== 'done') return 'is being cancelled'
  switch (state) {
    case 'done':
      return status === undefined
        ? 'is done; its image and resources are being settled'
        : `does not wait: it is done with status ${describeStatus(status)}`
    case 'queued':
      return 'is queued and about to ask for resources'
    case 'active': {
      const place = storageUnit === undefined ? '' : ` with storage unit ${storageUnit}`
      const server = mediaServer === undefined ? '' : ` on media server ${mediaServer}`
      return `does not wait: it is active${operation === undefined ? '' : `, ${operation}`}${place}${server}`
    }
    default:
      return `is ${state}`
  }
}
