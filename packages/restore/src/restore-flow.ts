import {
  type CallOptions,
  type Clock,
  type JobLog,
  type JobLogLine,
  type JobManager,
  type JobRegistry,
  type Logger,
  type MediaServer,
  type RestoreRequest,
  type RestoreSessionSpec,
  type SessionReport,
  NbError,
  asNbError,
  describeStatus,
  displayPath,
  toPath,
} from '@nb/contracts'
import { type PlanningComponents, type RestoreGroup, type RestorePlan, planRestore } from './plan.ts'
import { type ServedPlan, servePlan } from './plan-stream.ts'

/** What the flow calls. */
export interface RestoreFlowComponents extends PlanningComponents {
  readonly jobs: Pick<JobManager, 'get'> & JobRegistry
  readonly mediaServers: { get(name: string): MediaServer | undefined }
  readonly clock: Clock
  readonly jobLog: JobLog
  readonly log: Logger
}

/** A restore that has its job. */
export interface RunningRestore {
  readonly jobId: string
  readonly request: RestoreRequest
  readonly plan: RestorePlan
  /** Ends the restore early, with its reason's status. */
  readonly signal: AbortSignal
}

/** Steps 1–3 of the restore flow: the request, the images it needs, its job. */
export async function beginRestore(
  components: RestoreFlowComponents,
  request: RestoreRequest,
  options?: CallOptions,
): Promise<Omit<RunningRestore, 'signal'>> {
  const { jobs, clock } = components
  const arrived = line(clock, 1, describeRequest(request)) //                                                    1
  const plan = await planRestore(components, request, options) //                                                2
  const planned = line(clock, 2, describePlan(plan))
  const { jobId } = await jobs.register({
    //                                                                     3
    requestId: request.requestId,
    type: 'restore',
    origin: 'user',
    client: request.destinationClient ?? request.from.client,
    policy: plan.image.policy,
    backupId: plan.image.backupId,
    lines: [arrived, planned],
  })
  return { jobId, request, plan }
}

/**
 * Steps 4–17 of the restore flow. Steps 5–16 repeat for each group of images on one medium; 7 and 9–11 are between
 * the session and the job manager, 6, 8 and 12–15 within the session. Never rejects: the job tells how it ended.
 */
export async function runRestore(components: RestoreFlowComponents, restore: RunningRestore): Promise<void> {
  const { jobs, clock, jobLog, log } = components
  const { jobId, plan } = restore
  const write = (step: number, text: string): Promise<void> =>
    jobLog
      .append({ jobId, lines: [line(clock, step, text)] })
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
      const report = await runGroup(components, restore, group, index === plan.groups.length - 1, write) //      5–16
      status = Math.max(status, report.status)
      statusText = report.status > 1 ? report.statusText : statusText
      if (report.status > 1) break
    }
  } catch (error) {
    const failure = asNbError(error, 'restore-failed')
    status = failure.status
    statusText = failure.message
    log.error('restore %s: %o', jobId, error)
  }
  await write(17, `the session has told its end; the restore ends with ${describeStatus(status)}`) //             17
  await jobs
    .finish({ jobId, status, ...(statusText === undefined ? {} : { statusText }) })
    .catch((error: unknown) => log.error('could not end job %s: %o', jobId, error))
}

async function runGroup(
  components: RestoreFlowComponents,
  { jobId, request, signal }: RunningRestore,
  group: RestoreGroup,
  last: boolean,
  write: (step: number, text: string) => Promise<void>,
): Promise<SessionReport> {
  const { mediaServers, jobs, log } = components
  const mediaServer = mediaServers.get(group.mediaServer)
  if (mediaServer === undefined) {
    throw new NbError(
      'media-server-unknown',
      `media server ${group.mediaServer} holds the data and is not registered`,
      {
        status: 2826,
        details: { mediaServer: group.mediaServer },
      },
    )
  }
  if ((await jobs.get({ jobId }))?.cancelRequested === true)
    throw new NbError('job-cancelled', 'cancelled by an administrator')
  signal.throwIfAborted()
  const plans: ServedPlan[] = []
  try {
    const mediaPlan = await servePlan(components, request, group, log)
    plans.push(mediaPlan)
    const clientPlan = await servePlan(components, request, group, log)
    plans.push(clientPlan)
    await write(
      5,
      `starting a session on media server ${group.mediaServer} for storage unit ${group.storageUnit}`,
    ) // 5
    const { sessionId } = await mediaServer.startRestore(
      sessionSpec(jobId, request, group, last, mediaPlan.ticket, clientPlan.ticket),
    )
    const end = (): void => {
      const { status, message } = asNbError(signal.reason)
      mediaServer
        .endSession({ sessionId, status, reason: message })
        .catch((error: unknown) => log.error('could not end session %s: %o', sessionId, error))
    }
    // A cancel that came while the session was starting found no session to end.
    if (await cancelled())
      await mediaServer.endSession({ sessionId, status: 150, reason: 'cancelled by an administrator' })
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    return await mediaServer
      .waitSession({ sessionId })
      .finally(() => signal.removeEventListener('abort', end))
  } finally {
    await Promise.all(plans.map((plan) => plan.close()))
  }
}

function sessionSpec(
  jobId: string,
  request: RestoreRequest,
  group: RestoreGroup,
  last: boolean,
  mediaPlan: ServedPlan['ticket'],
  clientPlan: ServedPlan['ticket'],
): RestoreSessionSpec {
  return {
    jobId,
    restoreId: `restore-${jobId}`,
    client: request.destinationClient ?? request.from.client,
    need: { kind: 'read', storageUnit: group.storageUnit },
    images: group.sources.map(({ backupId, copy }) => ({ backupId, copy })),
    last,
    mediaPlan,
    clientPlan,
    target: {
      root: request.target.kind === 'original' ? toPath('/') : request.target.directory,
      ifExists: request.ifExists ?? 'fail',
    },
  }
}

function line(clock: Clock, step: number, text: string): JobLogLine {
  return {
    time: clock.now(),
    component: 'restore',
    severity: 'info',
    step: { flow: 'restore', number: step },
    text,
  }
}

function describeRequest({ from, paths, target, requestedBy }: RestoreRequest): string {
  const shown = paths.slice(0, 3).map(displayPath).join(', ')
  const more = paths.length > 3 ? ` and ${paths.length - 3} more` : ''
  const place = target.kind === 'original' ? 'their original place' : displayPath(target.directory)
  return `${requestedBy ?? 'a user'} asks for ${shown}${more} of client ${from.client}, to ${place}`
}

function describePlan({ image, groups, entries, bytes }: RestorePlan): string {
  const sources = groups.flatMap((group) =>
    group.sources.map((source) => `${source.backupId} on ${group.storageUnit}`),
  )
  return `image ${image.backupId}: ${entries} entries, ${bytes} bytes from ${sources.join(', ') || 'nowhere'}; on disk, so no plan is written`
}
