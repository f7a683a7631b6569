import { type CallOptions, type RestoreRequest, asNbError, counted, describeStatus } from '@nb/contracts'
import { describePlan, describeRequest, stepLine } from './flow-lines.ts'
import { runGroup } from './group-session.ts'
import { checkDestination } from './check-request.ts'
import { type RestorePlan, planRestore } from './plan.ts'
import type { RestoreFlowComponents, RunningRestore, WriteStep } from './running-restore.ts'

/** Steps 1–3 of the restore flow: the request, the images it needs, its job. */
export async function beginRestore(
  { jobs, clock, clients, neededImages, ...planning }: RestoreFlowComponents,
  request: RestoreRequest,
  options?: CallOptions,
): Promise<Omit<RunningRestore, 'signal'>> {
  const arrived = stepLine(clock, 1, describeRequest(request)) //                                                1
  const plan = await planRestore(planning, request, options) //                                                  2
  checkDestination(clients === undefined ? {} : { clients }, request)
  const { requestId } = request
  if (isFromTape(plan)) await neededImages.write({ version: 1, requestId, groups: plan.groups })
  const planned = stepLine(clock, 2, describePlan(plan))
  const registered = jobs.register({
    // 3
    requestId: request.requestId,
    type: 'restore',
    origin: 'user',
    client: request.destinationClient ?? request.from.client,
    policy: plan.images[0].policy,
    backupId: plan.images[0].backupId,
    lines: [arrived, planned],
  })
  const { jobId } = await registered.catch(async (error: unknown) => {
    await neededImages.remove(requestId)
    throw error
  })
  return { jobId, request: { ...request, from: plan.from }, plan }
}

/**
 * Steps 4–17 of the restore flow. Steps 5–16 repeat for each group of images on one medium; 7 and 9–11 are between
 * the session and the job manager, 6, 8 and 12–15 within the session. Never rejects: the job tells how it ended.
 */
export async function runRestore(components: RestoreFlowComponents, restore: RunningRestore): Promise<void> {
  const { jobs, clock, jobLog, log, neededImages } = components
  const { jobId, plan, request } = restore
  const { requestId } = request
  const isTape = isFromTape(plan)
  const write: WriteStep = (step, text) =>
    jobLog
      .append({ jobId, lines: [stepLine(clock, step, text)] })
      .catch((error: unknown) => log.error('job log: %s', error))
  let status = 0
  let statusText: string | undefined
  try {
    // A child has no more than what is written down: media, images, positions.
    const groups = isTape ? (await neededImages.read(requestId)).groups : plan.groups
    const managed = `tape: a child manages the restore by its needed-image plan, ${counted(groups.length, 'group')} of volumes`
    await write(4, isTape ? managed : 'disk: no plan file, the parent manages the restore') //                   4
    await jobs.update({
      jobId,
      progress: { files: 0, bytes: 0, estimatedFiles: plan.entries, estimatedBytes: plan.bytes },
    })
    let restoredBefore = { files: 0, bytes: 0 }
    for (const [index, group] of groups.entries()) {
      const row = { last: index === groups.length - 1, restoredBefore }
      const report = await runGroup(components, restore, group, row, write) //                                5–16
      const { entries = 0, bytes = 0 } = report.restored ?? {}
      restoredBefore = { files: restoredBefore.files + entries, bytes: restoredBefore.bytes + bytes }
      if (report.status > status) ({ status, statusText } = report)
      if (report.status > 1) break
    }
  } catch (error) {
    const failure = asNbError(error, 'restore-failed')
    status = failure.status
    statusText = failure.message
    log.error('restore %s: %o', jobId, error)
  }
  const removed = isTape ? await removePlan(components, requestId) : ''
  await write(17, `every session has told its end${removed}; the restore ends with ${describeStatus(status)}`) // 17
  await jobs
    .finish({ jobId, status, ...(statusText === undefined ? {} : { statusText }) })
    .catch((error: unknown) => log.error('could not end job %s: %o', jobId, error))
}

function isFromTape({ groups }: RestorePlan): boolean {
  return groups.some(({ volumes }) => volumes !== undefined)
}

/** Answers what the line of step 17 says of it. One that stays is removed at the next start. */
async function removePlan({ neededImages, log }: RestoreFlowComponents, requestId: string): Promise<string> {
  try {
    await neededImages.remove(requestId)
    return ', the needed-image plan is removed'
  } catch (error) {
    log.error('the needed-image plan of %s was not removed: %o', requestId, error)
    return ', the needed-image plan could not be removed'
  }
}
