import { type CallOptions, type RestoreRequest, asNbError, describeStatus } from '@nb/contracts'
import { describePlan, describeRequest, stepLine } from './flow-lines.ts'
import { runGroup } from './group-session.ts'
import { checkDestination } from './check-request.ts'
import { planRestore } from './plan.ts'
import type { RestoreFlowComponents, RunningRestore, WriteStep } from './running-restore.ts'

/** Steps 1–3 of the restore flow: the request, the images it needs, its job. */
export async function beginRestore(
  { jobs, clock, clients, ...planning }: RestoreFlowComponents,
  request: RestoreRequest,
  options?: CallOptions,
): Promise<Omit<RunningRestore, 'signal'>> {
  const arrived = stepLine(clock, 1, describeRequest(request)) //                                                1
  const plan = await planRestore(planning, request, options) //                                                  2
  checkDestination(clients === undefined ? {} : { clients }, request)
  const planned = stepLine(clock, 2, describePlan(plan))
  const { jobId } = await jobs.register({
    // 3
    requestId: request.requestId,
    type: 'restore',
    origin: 'user',
    client: request.destinationClient ?? request.from.client,
    policy: plan.images[0].policy,
    backupId: plan.images[0].backupId,
    lines: [arrived, planned],
  })
  return { jobId, request: { ...request, from: plan.from }, plan }
}

/**
 * Steps 4–17 of the restore flow. Steps 5–16 repeat for each group of images on one medium; 7 and 9–11 are between
 * the session and the job manager, 6, 8 and 12–15 within the session. Never rejects: the job tells how it ended.
 */
export async function runRestore(components: RestoreFlowComponents, restore: RunningRestore): Promise<void> {
  const { jobs, clock, jobLog, log } = components
  const { jobId, plan } = restore
  const write: WriteStep = (step, text) =>
    jobLog
      .append({ jobId, lines: [stepLine(clock, step, text)] })
      .catch((error: unknown) => log.error('job log: %s', error))
  let status = 0
  let statusText: string | undefined
  try {
    await write(4, 'disk: no plan file, the parent manages the restore') //                                      4
    await jobs.update({
      jobId,
      progress: { files: 0, bytes: 0, estimatedFiles: plan.entries, estimatedBytes: plan.bytes },
    })
    for (const [index, group] of plan.groups.entries()) {
      const last = index === plan.groups.length - 1
      const report = await runGroup(components, restore, group, last, write) //                               5–16
      if (report.status > status) ({ status, statusText } = report)
      if (report.status > 1) break
    }
  } catch (error) {
    const failure = asNbError(error, 'restore-failed')
    status = failure.status
    statusText = failure.message
    log.error('restore %s: %o', jobId, error)
  }
  await write(17, `every session has told its end; the restore ends with ${describeStatus(status)}`) //         17
  await jobs
    .finish({ jobId, status, ...(statusText === undefined ? {} : { statusText }) })
    .catch((error: unknown) => log.error('could not end job %s: %o', jobId, error))
}
