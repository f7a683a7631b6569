import { type WorkJobType, NbError, asNbError, describeStatus, statusCodes } from '@nb/contracts'
import type { AttemptEnd } from './after-attempt.ts'
import { endTry, undoBackup } from './backup-flow.ts'
import { acquire, becomeActive } from './backup-steps.ts'
import type { ManagerParts } from './components.ts'
import { releaseLease } from './give-back.ts'
import { describeRequest, resourceRequest } from './flow-lines.ts'
import { type RunningJob, sayInLog } from './running-job.ts'
import type { JobWorkers } from './workers.ts'

/** What the flow of work jobs needs. */
export interface WorkParts extends ManagerParts {
  readonly workers: JobWorkers
}

/** One try of a job that a worker carries out: its resources where it needs some, then its work. */
export async function runWork(parts: WorkParts, job: RunningJob): Promise<void> {
  const { clock } = parts
  const { type, work } = job.record
  const worker = parts.workers[type as WorkJobType]
  try {
    if (worker === undefined) throw new NbError('not-supported', `${type} jobs are not supported yet`)
    if (work?.need !== undefined) {
      const request = resourceRequest(job.record)
      job.log?.say(describeRequest(request))
      await becomeActive(parts, job, await acquire(parts, job, request))
    }
    await job.change({ kind: 'working', at: clock.now() })
    job.say(`begin ${type}`)
    const end = await job.unlessEnded(() => workOnce(parts, job, worker))
    job.say(`end ${type} with status ${describeStatus(end.ending.status)}`)
    await endTry(parts, job, end)
  } catch (error) {
    await undoBackup(parts, job, asNbError(error))
  }
}

async function workOnce(
  parts: WorkParts,
  job: RunningJob,
  worker: NonNullable<JobWorkers[WorkJobType]>,
): Promise<AttemptEnd> {
  const { store, clock, log } = parts
  const { id, type, client, policy, attempt, work, held } = job.record
  try {
    const { status, statusText, warnings } = await worker.run({
      jobId: id,
      type: type as WorkJobType,
      client,
      attempt: attempt.number,
      parameters: work?.parameters ?? {},
      signal: job.signal,
      say: (text, severity = 'info') => sayInLog(store, clock, log, id, text, { severity }),
      progress: (progress) => store.show(id, { progress }),
      giveBack: async () => (held === undefined ? undefined : releaseLease(parts, id, held.leaseId)),
      ...(work?.need === undefined ? {} : { need: work.need }),
      ...(policy === undefined ? {} : { policy }),
      ...(held === undefined ? {} : { allocation: held.allocation }),
    })
    const text = statusText ?? statusCodes[status]?.meaning ?? describeStatus(status)
    return { ending: { status, statusText: text, warnings: warnings ?? (status === 1 ? 1 : 0) } }
  } catch (error) {
    const { code, status, message } = asNbError(error)
    if (code === 'internal') log.error('the worker of %s job %s: %o', type, id, error)
    return { ending: { status, statusText: message, warnings: 0 }, code }
  }
}
