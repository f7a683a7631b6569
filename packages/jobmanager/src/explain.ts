import { type Blocker, type Explanation, type Job, describeStatus } from '@nb/contracts'
import { isoTime } from './after-attempt.ts'
import type { JobRecord, Rest } from './job-record.ts'

/**
 * Why a job that waits for nothing does not wait, for a person.
 *
 * @param silentMs - for how long its media server has not answered, where it does not
 */
export function explainJob(job: Job, silentMs?: number): Explanation {
  const sentence = `Job ${job.id} ${sentenceOf(job, silentMs)}.`
  return { jobId: job.id, waiting: false, blockers: [], sentence }
}

/** Why a job at rest waits: until when, for whom, and what was before; `undefined` for one that does not rest. */
export function explainRest({ id, phase, rest, attempt, checkpoint }: JobRecord): Explanation | undefined {
  if (rest === undefined) return undefined
  const { at, until = at, status, statusText } = rest
  const before = `try ${attempt.number} ended with status ${describeStatus(status)}: ${statusText}`
  const goesOn =
    checkpoint === undefined ? 'it begins anew then' : `it goes on from checkpoint ${checkpoint.number} then`
  switch (phase) {
    case 'waiting-for-retry':
      return own(
        id,
        rest,
        'retry-delay',
        `its retry is due, at ${isoTime(until)}, or it is suspended and resumed`,
        [
          `waits until ${isoTime(until)} for its next try, which begins at once when it is suspended and resumed`,
          before,
          goesOn,
        ],
      )
    case 'suspended':
      return own(id, rest, 'suspension', 'it is resumed', [
        `is suspended since ${isoTime(at)}: ${statusText}`,
        `it waits to be resumed; ${goesOn}`,
      ])
    case 'incomplete':
      return own(id, rest, 'suspension', 'it is resumed', [
        `is incomplete until ${isoTime(until)}, when it is done with status ${status}, unless it is resumed`,
        before,
        goesOn,
      ])
    default:
      return undefined
  }
}

/** Why a parent waits: for the first of its parts that does. */
export function explainParent(id: string, child: { readonly stream: string }, of: Explanation): Explanation {
  const { blockers, since, waiting } = of
  const sentence = `Job ${id} waits for job ${of.jobId}, stream ${child.stream}. ${of.sentence}`
  return { jobId: id, waiting, blockers, sentence, ...(since === undefined ? {} : { since }) }
}

function own(
  jobId: string,
  { at, status }: Rest,
  kind: Blocker['kind'],
  goesOnWhen: string,
  told: readonly string[],
): Explanation {
  const blocker: Blocker = { kind, name: jobId, reason: status, holders: [], goesOnWhen }
  const sentence = `Job ${jobId} ${told.join('; ')}.`
  return { jobId, waiting: true, since: at, blockers: [blocker], sentence }
}

function sentenceOf(job: Job, silentMs?: number): string {
  const { state, status, operation, cancelRequested, mediaServer, storageUnit, children } = job
  if (cancelRequested === true && state !== 'done') return 'is being cancelled'
  switch (state) {
    case 'done':
      return status === undefined
        ? 'is done; its image and resources are being settled'
        : `does not wait: it is done with status ${describeStatus(status)}`
    case 'queued':
      return 'is queued and about to ask for resources'
    case 'active': {
      if (children !== undefined) return 'does not wait: its parts are active'
      const place = storageUnit === undefined ? '' : ` with storage unit ${storageUnit}`
      const server = mediaServer === undefined ? '' : ` on media server ${mediaServer}`
      const silent =
        silentMs === undefined ? '' : `, which does not answer since ${Math.round(silentMs / 1000)} s`
      return `does not wait: it is active${operation === undefined ? '' : `, ${operation}`}${place}${server}${silent}`
    }
    default:
      return `is ${state}`
  }
}
