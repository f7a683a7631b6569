import {
  type ChannelTicket,
  type MediaServer,
  type RestoreRequest,
  type RestoreSessionSpec,
  type SessionReport,
  NbError,
  asNbError,
  toPath,
} from '@nb/contracts'
import { describeVolumes } from './flow-lines.ts'
import { isAway, reportOf } from './session-report.ts'
import type { RestoreGroup } from './restore-group.ts'
import { type ServedPlan, servePlan } from './plan-stream.ts'
import type { RestoreFlowComponents, RunningRestore, WriteStep } from './running-restore.ts'

/** Where a group stands among those of its restore. */
type GroupInRow = Required<Pick<RestoreSessionSpec, 'last' | 'restoredBefore'>>

/** Steps 5–16 of a restore for the images on one medium. Rejects with what kept the session from its report. */
export async function runGroup(
  components: RestoreFlowComponents,
  restore: RunningRestore,
  group: RestoreGroup,
  { last, restoredBefore }: GroupInRow,
  write: WriteStep,
): Promise<SessionReport> {
  const { jobs, log } = components
  const { jobId, request, signal } = restore
  const mediaServer = mediaServerOf(components, group)
  await refuseCancelled(components, jobId)
  signal.throwIfAborted()
  await jobs.update({ jobId, mediaServer: group.mediaServer, storageUnit: group.storageUnit })
  const plans: ServedPlan[] = []
  const closePlans = async (): Promise<NbError | undefined> =>
    (await Promise.all(plans.map((plan) => plan.close()))).find((failure) => failure !== undefined)
  try {
    const mediaPlan = await servePlan(components, request, group, { reader: group.mediaServer, log })
    plans.push(mediaPlan)
    const client = request.destinationClient ?? request.from.client
    const clientPlan = await servePlan(components, request, group, { reader: client, log })
    plans.push(clientPlan)
    const volumes = group.volumes === undefined ? '' : `: ${describeVolumes(group.volumes)}`
    await write(5, `starts a session on media server ${group.mediaServer} for ${group.storageUnit}${volumes}`) // 5
    const spec = {
      ...sessionSpec(jobId, request, group, mediaPlan.ticket, clientPlan.ticket),
      last,
      restoredBefore,
    }
    const { sessionId } = await mediaServer.startRestore(spec).catch(notReached(group.mediaServer))
    const report = await followSession(components, restore, mediaServer, sessionId).catch(
      notReached(group.mediaServer),
    )
    const failure = report.status > 1 ? await closePlans() : undefined
    // The session saw no more than that its plan broke off.
    if (failure !== undefined) throw failure
    return report
  } finally {
    await closePlans()
  }
}

/** Waits for the session's end; ends it when the restore is to end, or when nobody could learn of its end. */
async function followSession(
  components: RestoreFlowComponents,
  { jobId, signal }: RunningRestore,
  mediaServer: MediaServer,
  sessionId: string,
): Promise<SessionReport> {
  const end = async (reason: unknown): Promise<void> => {
    const { status, message } = asNbError(reason)
    await mediaServer
      .endSession({ sessionId, status, reason: message })
      .catch((error: unknown) => components.log.error('could not end session %s: %o', sessionId, error))
  }
  const onAbort = (): void => void end(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal.aborted) onAbort()
    // A cancel that came while the session was starting found no session to end.
    await refuseCancelled(components, jobId).catch(end)
    return await reportOf(components, { jobId, signal }, mediaServer, sessionId)
  } catch (error) {
    await end(error)
    if (asNbError(error).code !== 'session-unknown') throw error
    throw new NbError('session-killed', `the media server does not know session ${sessionId} any more`, {
      cause: error,
      details: { sessionId },
    })
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function mediaServerOf({ mediaServers }: RestoreFlowComponents, { mediaServer }: RestoreGroup): MediaServer {
  const found = mediaServers.get(mediaServer)
  if (found !== undefined) return found
  throw new NbError(
    'media-server-unknown',
    `media server ${mediaServer} holds the data and is not registered; register it and ask again`,
    { status: 2826, details: { mediaServer } },
  )
}

function notReached(mediaServer: string): (error: unknown) => never {
  return (error) => {
    if (!isAway(error)) throw error
    const { code, message } = asNbError(error)
    throw new NbError(
      'media-server-unreachable',
      code === 'media-server-unreachable'
        ? message
        : `media server ${mediaServer} holds the data and can't be reached: ${message}`,
      { status: 2826, details: { mediaServer }, cause: error },
    )
  }
}

async function refuseCancelled({ jobs }: RestoreFlowComponents, jobId: string): Promise<void> {
  if ((await jobs.get({ jobId }))?.cancelRequested !== true) return
  throw new NbError('job-cancelled', 'cancelled by an administrator', { details: { jobId } })
}

function sessionSpec(
  jobId: string,
  request: RestoreRequest,
  group: RestoreGroup,
  mediaPlan: ChannelTicket,
  clientPlan: ChannelTicket,
): Omit<RestoreSessionSpec, 'last' | 'restoredBefore'> {
  const { target, ifExists = 'fail' } = request
  return {
    jobId,
    restoreId: `restore-${jobId}`,
    client: request.destinationClient ?? request.from.client,
    // The session asks for the volumes itself, in the order in which it reads.
    need: { kind: 'read', storageUnit: group.storageUnit },
    images: group.sources.map(({ backupId, copy, wanted }) => ({
      backupId,
      copy,
      ...(wanted === undefined ? {} : { wanted }),
    })),
    mediaPlan,
    clientPlan,
    target: { root: target.kind === 'original' ? toPath('/') : target.directory, ifExists },
  }
}
