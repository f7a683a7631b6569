import { type Grant, type NewImage, NbError, asNbError, retentionPeriodMs } from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import {
  describeReport,
  describeRequest,
  endingOfError,
  endingOfReport,
  finalProgress,
  resourceRequest,
} from './flow-lines.ts'
import { discardImage, releaseAll } from './give-back.ts'
import type { Ending } from './job-record.ts'
import { attempt, retrying, unlessAborted } from './patience.ts'
import { newestImage, referenceTypes } from './reference-image.ts'
import type { RunningJob } from './running-job.ts'
import { endSessionsOf, mediaServerOf } from './session-calls.ts'

/**
 * The backup flow, steps 3–16, beside the table of the process flow. Steps 1–2 are the submission, 17 is the
 * scheduler's when it hears of the end. Never rejects for a failed backup: the job tells how it ended.
 */
export async function runBackup(parts: ManagerParts, job: RunningJob): Promise<void> {
  try {
    /* 3–8  */ await beginBackup(parts, job)
    /* 8–13 */ await settleBackup(parts, job, await followSession(parts, job))
  } catch (error) {
    await undoBackup(parts, job, asNbError(error))
  }
}

/** The rest of the flow for a job whose session was found alive after a restart. */
export async function resumeBackup(parts: ManagerParts, job: RunningJob): Promise<void> {
  try {
    /* 8–13 */ await settleBackup(parts, job, await followSession(parts, job))
  } catch (error) {
    await undoBackup(parts, job, asNbError(error))
  }
}

async function beginBackup(parts: ManagerParts, job: RunningJob): Promise<void> {
  const { broker, catalog, clock, log } = parts
  const { signal } = job
  const options = { signal }
  const request = resourceRequest(job.record)

  /* 3    */ await job.say(describeRequest(request), { step: { flow: 'backup', number: 3 } })
  /* 3–5  */ const grant = await unlessAborted(
    retrying(clock, 5, () => broker.acquire(request, options), signal),
    signal,
    ({ leaseId }) => void attempt(log, 'release of a late grant', () => broker.release({ leaseId })),
  )
  /* 5    */ await takeGrant(parts, job, grant)

  /* 6    */ const image = await unlessAborted(
    catalog.createImage(await newImage(parts, job), options),
    signal,
    (late) => {
      void attempt(log, 'discard of a late image', () =>
        catalog.discardImage({ backupId: late.backupId, reason: 'its job ended meanwhile' }),
      )
    },
  )
  /* 6    */ await job.change({ kind: 'imaged', backupId: image.backupId })

  const { mediaServer } = grant.allocation
  const server = mediaServerOf(parts.mediaServers, mediaServer)
  /* 7    */ await job.say(
    `connecting: starting a backup session on media server ${mediaServer} for image ${image.backupId}`,
    {
      step: { flow: 'backup', number: 7 },
    },
  )
  const spec = { jobId: job.id, image, need: request.need, walk: walkSpec(job) }
  /* 7–8  */ const { sessionId } = await unlessAborted(server.startBackup(spec, options), signal, (late) => {
    void attempt(log, 'end of a late session', () =>
      server.endSession({ sessionId: late.sessionId, status: 150, reason: 'its job ended meanwhile' }),
    )
  })
  /* 8    */ await job.change({ kind: 'started', sessionId, mediaServer })
  await job.say(`session ${sessionId} started on media server ${mediaServer}`, { data: { sessionId } })
  parts.log('job %s started at %d', job.id, clock.now())
}

/** Steps 8–13 happen at the media server, which asks for its media (9) and tells its progress meanwhile. */
async function followSession({ store }: ManagerParts, job: RunningJob): Promise<Ending> {
  const report = await unlessAborted(job.report, job.signal)
  await job.say(describeReport(report), {
    severity: report.status > 1 ? 'error' : report.status === 1 ? 'warning' : 'info',
    data: {
      status: report.status,
      waitedForFullBuffer: report.waitedForFullBuffer,
      waitedForEmptyBuffer: report.waitedForEmptyBuffer,
    },
  })
  store.show(job.id, { operation: 'ending', progress: finalProgress(report, job.record.progress) })
  return endingOfReport(report)
}

/** Steps 14–16, also of a job that had its ending written down before a restart. */
export async function settleBackup(parts: ManagerParts, job: RunningJob, ending: Ending): Promise<void> {
  const { store, clock } = parts
  if (job.record.phase !== 'ended') {
    /* 14   */ await store.apply(job.id, { kind: 'ended', at: clock.now(), ending })
  }
  const { completion } = job.record.ending ?? ending
  /* 15   */ if (completion === undefined || !(await completeImage(parts, job)))
    await discardImage(parts, job.record)
  /* 16   */ await releaseAll(parts, job.record)
  await store.apply(job.id, { kind: 'settled' })
}

/** The one place of undo: whatever happened at whichever step, nothing of the job stays behind. */
export async function undoBackup(parts: ManagerParts, job: RunningJob, cause: NbError): Promise<void> {
  if (job.record.phase === 'ended' || job.record.phase === 'final') throw cause
  const { status, message } = cause
  if (cause.code === 'manager-stopping' && job.record.phase === 'queued' && job.record.cancel === undefined) {
    await job.say('the job manager is ending; the job stays queued')
    await releaseAll(parts, job.record)
    return
  }
  const severity = cause.code === 'job-cancelled' || cause.code === 'manager-stopping' ? 'warning' : 'error'
  await job.say(`ending early: ${message}`, { severity, data: { code: cause.code, status } })
  await endSessionsOf(parts, job.record, { status, reason: message }, job.sessionId)
  await settleBackup(parts, job, endingOfError(cause))
}

/** Step 5 and what follows from it: the job is active and its lease is kept alive. */
async function takeGrant({ clock, leases }: ManagerParts, job: RunningJob, grant: Grant): Promise<void> {
  const { leaseId, expiresAt, allocation } = grant
  leases.keep({ leaseId, expiresAt }, (reason) => job.endWith(reason))
  await job.change({ kind: 'granted', at: clock.now(), holding: { leaseId, allocation } })
  await job.say(
    `granted resource: storage unit ${allocation.storageUnit} on media server ${allocation.mediaServer}`,
    {
      data: { leaseId, allocationId: allocation.allocationId, storageUnit: allocation.storageUnit },
    },
  )
}

/** What step 6 tells the catalog. An incremental without an image to compare with is run as a full, and says so. */
async function newImage({ catalog, clock, store }: ManagerParts, job: RunningJob): Promise<NewImage> {
  const { id, client, backup } = job.record
  if (backup === undefined) throw new NbError('internal', `job ${id} has no policy`)
  const { policy, schedule } = backup
  const types = referenceTypes(schedule.type)
  const { signal } = job
  const reference = await unlessAborted(newestImage(catalog, policy.name, client, types, signal), signal)
  const comparable = await unlessAborted(
    newestImage(catalog, policy.name, client, [schedule.type], signal),
    signal,
  )
  if (types.length > 0) {
    await job.say(
      reference === undefined
        ? `no image of policy ${policy.name} and client ${client} to compare with: schedule ${schedule.name} runs as a full`
        : `comparing with image ${reference.backupId}`,
    )
  }
  const keptMs = retentionPeriodMs(schedule.retentionLevel)
  if (comparable?.counts !== undefined) {
    const { storedEntries, bytes } = comparable.counts
    store.show(id, { progress: { files: 0, bytes: 0, estimatedFiles: storedEntries, estimatedBytes: bytes } })
  }
  return {
    jobId: id,
    client,
    policy: policy.name,
    schedule: schedule.name,
    scheduleType: types.length > 0 && reference === undefined ? 'full' : schedule.type,
    selections: policy.selections,
    retentionLevel: schedule.retentionLevel,
    ...(keptMs === undefined ? {} : { expiresAt: clock.now() + keptMs }),
    ...(reference === undefined ? {} : { referenceId: reference.backupId }),
  }
}

function walkSpec(job: RunningJob): {
  roots: NewImage['selections']
  exclude: readonly string[]
  include: readonly string[]
  crossMountPoints: boolean
} {
  const policy = job.record.backup?.policy
  return {
    roots: policy?.selections ?? [],
    exclude: policy?.exclude ?? [],
    include: policy?.include ?? [],
    crossMountPoints: policy?.crossMountPoints ?? false,
  }
}

/**
 * Step 15. When it fails the ending was not true: the image is given up and the job's status amended, unless it turns
 * out that the catalog had completed the image after all. Answers whether the image is browsable.
 */
async function completeImage(
  { catalog, store, clock, log }: ManagerParts,
  job: RunningJob,
): Promise<boolean> {
  const { backupId, ending } = job.record
  const completion = ending?.completion
  if (backupId === undefined || completion === undefined) return false
  store.show(job.id, { operation: 'cataloguing' })
  try {
    await retrying(clock, 3, () => catalog.completeImage({ backupId, completion }))
    return true
  } catch (error) {
    const failure = asNbError(error, 'image-inconsistent')
    log.error('image %s was not completed: %o', backupId, error)
    await attempt(log, 'discard', () => catalog.discardImage({ backupId, reason: failure.message }))
    const image = await catalog.getImage({ backupId }).catch(() => undefined)
    if (image?.state === 'complete') return true
    await job.say(`the image was not completed: ${failure.message}`, {
      severity: 'error',
      data: { code: failure.code },
    })
    await store.apply(job.id, {
      kind: 'amended',
      ending: { ...endingOfError(failure), warnings: ending?.warnings ?? 0 },
    })
    return false
  }
}
