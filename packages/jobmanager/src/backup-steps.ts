import {
  type BackupCheckpoint,
  type BackupSessionSpec,
  type Grant,
  type ImageRecord,
  type NewImage,
  type ResourceRequest,
  type SessionReport,
  NbError,
  asNbError,
  counted,
  errorKinds,
} from '@nb/contracts'
import type { AttemptEnd } from './after-attempt.ts'
import { selectedPaths } from './check-backup.ts'
import type { ManagerParts } from './components.ts'
import {
  backupNeed,
  copiesInBackup,
  backupStep,
  describeReport,
  describeRequest,
  endingOfError,
  endingOfReport,
  finalProgress,
  imageRetentionMs,
  severityOf,
  kbytes,
  resourceRequest,
} from './flow-lines.ts'
import { expectedBytes, lastOfItsKind } from './expected-bytes.ts'
import { discardImage } from './give-back.ts'
import { checkpointInterval } from './job-actions.ts'
import type { JobRecord } from './job-record.ts'
import { attempt, retrying } from './patience.ts'
import { damagedReference, describeReference, earlierImages, referenceTypes } from './reference-image.ts'
import type { RunningJob } from './running-job.ts'

/** Steps 3–5. A job whose kept image can have no room where it lies any more starts afresh. */
export function requestResources(parts: ManagerParts, job: RunningJob): Promise<Grant> {
  const { record } = job
  const request = resourceRequest(record)
  job.log?.say(describeRequest(request), backupStep(3))
  const granted = parts.expectSizes
    ? withExpectation(parts, job, request).then((sized) => acquire(parts, job, sized))
    : acquire(parts, job, request)
  if (record.checkpoint === undefined) return granted
  return granted.catch(async (error: unknown) => {
    const { code, message } = asNbError(error)
    if (code !== 'request-impossible') throw error
    await startAfresh(parts, job, `its storage unit can't be used: ${message}`)
    return requestResources(parts, job)
  })
}

/** The request with what is expected to be written, where that is known. A catalog that can't tell delays no backup. */
async function withExpectation(
  { catalog, log }: ManagerParts,
  job: RunningJob,
  request: ResourceRequest,
): Promise<ResourceRequest> {
  const { need } = request
  if (need.kind !== 'write') return request
  const find = (): Promise<ImageRecord | undefined> =>
    lastOfItsKind(catalog, job.record, job.signal).catch((error: unknown) => {
      log.error('job %s: how much it will write is not known: %o', job.id, error)
      return undefined
    })
  const bytes = expectedBytes(job.record, await job.unlessEnded(find))
  return bytes === undefined ? request : { ...request, need: { ...need, expectedBytes: bytes } }
}

/** Waits for a grant. A queued job is not ended by a broker that is away: it asks again until it is answered. */
export function acquire(
  { broker, clock, late }: ManagerParts,
  job: RunningJob,
  request: ResourceRequest,
): Promise<Grant> {
  const { signal } = job
  let told = false
  const again = ({ message, code }: NbError): void => {
    if (told) return
    told = true
    const text = `the resource request is repeated until it is answered: ${message}`
    job.say(text, { severity: 'warning', data: { code } })
  }
  const ask = (): Promise<Grant> => broker.acquire(request, { signal })
  return job.unlessEnded(() => retrying(clock, Infinity, ask, signal, again), late.grant)
}

async function startAfresh(parts: ManagerParts, job: RunningJob, reason: string): Promise<void> {
  const { checkpoint } = job.record
  const text = `the backup can't go on from checkpoint ${checkpoint?.number ?? '-'} and starts afresh: ${reason}`
  job.say(text, { severity: 'warning', data: { code: 'resume-impossible' } })
  await discardImage(parts, job.record)
  await job.change({ kind: 'afresh' })
}

/** Step 5 and what follows from it: the job is active and its lease is kept alive. */
export function becomeActive(
  { clock, leases }: ManagerParts,
  job: RunningJob,
  { leaseId, expiresAt, allocation }: Grant,
): Promise<unknown> {
  const { allocationId, storageUnit, mediaServer, further = [] } = allocation
  leases.keep({ leaseId, expiresAt }, (reason) => job.endWith(reason))
  const active = job.change({ kind: 'granted', at: clock.now(), holding: { leaseId, allocation } })
  // From now on the record names it, or the change is not possible any more.
  if (job.record.held?.leaseId === leaseId) job.notedGrant()
  const units = [storageUnit, ...further.map((each) => each.storageUnit)].join(' and ')
  job.log?.say(`granted resource: storage unit ${units} on media server ${mediaServer}`, {
    data: { leaseId, allocationId, storageUnit },
  })
  return active
}

/** Step 6: the image that was kept for the job's checkpoint, or a new one. */
export function imageOfTry(parts: ManagerParts, job: RunningJob): Promise<ImageRecord> {
  const { backupId, checkpoint } = job.record
  return backupId === undefined || checkpoint === undefined
    ? job.unlessEnded(() => newImage(parts, job), parts.late.image)
    : keptImage(parts, job, backupId, checkpoint)
}

async function keptImage(
  parts: ManagerParts,
  job: RunningJob,
  backupId: string,
  { number, counts }: BackupCheckpoint,
): Promise<ImageRecord> {
  const { signal } = job
  const kept = await job.unlessEnded(() => parts.catalog.getImage({ backupId }, { signal }))
  if (kept?.state === 'in-progress') {
    job.say(
      `going on with image ${backupId} from checkpoint ${number}: ${counted(counts.entries, 'entry', 'entries')}, ${kbytes(counts.bytes)} are saved`,
      backupStep(6),
    )
    return kept
  }
  await startAfresh(parts, job, `image ${backupId} is ${kept?.state ?? 'not known'}`)
  return imageOfTry(parts, job)
}

type Draft<Plain> = { -readonly [Field in keyof Plain]: Plain[Field] }

/** A new image of the job. An incremental without an image to compare with is run as a full, and says so. */
async function newImage(parts: ManagerParts, job: RunningJob): Promise<ImageRecord> {
  const { catalog, clock, store } = parts
  const { record, signal } = job
  const { id, client, backup, stream, streamSet } = record
  if (backup === undefined) throw new NbError('internal', `job ${id} has no policy`)
  const { policy, schedule } = backup
  const earlier = await earlierImages(catalog, { policy: policy.name, client, stream }, schedule.type, signal)
  signal.throwIfAborted()
  const { choice, newest } = earlier
  const { reference } = choice
  const isCompared = referenceTypes(schedule.type).length > 0
  if (isCompared)
    job.log?.say(describeReference(policy.name, client, schedule.name, choice), {
      severity: choice.passedOver.length + choice.incomplete.length > 0 ? 'warning' : 'info',
    })
  if (newest?.counts !== undefined) {
    const { storedEntries, bytes } = newest.counts
    store.show(id, {
      progress: { files: 0, bytes: 0, estimatedFiles: storedEntries, estimatedBytes: bytes },
    })
    job.log?.say(`estimated ${kbytes(bytes)} needed`, { data: { bytes, files: storedEntries } })
  }
  const image: Draft<NewImage> = {
    jobId: id,
    client,
    policy: policy.name,
    schedule: schedule.name,
    scheduleType: isCompared && reference === undefined ? 'full' : schedule.type,
    selections: selectedPaths(record),
    retentionLevel: schedule.retentionLevel,
  }
  const keptMs = imageRetentionMs(record)
  if (stream !== undefined) image.stream = stream
  if (streamSet !== undefined) image.streamSet = streamSet
  if (keptMs !== null) image.expiresAt = clock.now() + keptMs
  if (reference !== undefined) image.referenceId = reference.backupId
  if (policy.compression !== undefined) image.compression = policy.compression
  if (policy.digest !== undefined) image.digest = policy.digest
  const made = await catalog.createImage(image, { signal })
  return made
}

/** What the session of step 7 needs to know. */
export function sessionSpec(record: JobRecord, image: ImageRecord): BackupSessionSpec {
  const { id, type, backup, checkpoint } = record
  const { policy, schedule } = backup ?? {}
  const { exclude = [], include = [], crossMountPoints = false } = policy ?? {}
  const walk = { roots: image.selections, exclude, include, crossMountPoints }
  const checkpointIntervalMs = checkpointInterval({ type, policy, schedule })
  const spec: Draft<BackupSessionSpec> = { jobId: id, image, need: backupNeed(record), walk }
  if (checkpointIntervalMs !== undefined) spec.checkpointIntervalMs = checkpointIntervalMs
  if (checkpoint !== undefined) spec.resumeFrom = checkpoint
  const copies = copiesInBackup(record, image.backupTime)
  if (copies !== undefined) spec.copies = copies
  return spec
}

/**
 * Steps 9–13 happen at the media server, which asks for its media and tells its progress meanwhile; this is how its report
 * ends the try.
 */
export function sessionEnding(
  parts: ManagerParts,
  job: RunningJob,
  report: SessionReport,
): AttemptEnd | Promise<AttemptEnd> {
  const { status, waitedForFullBuffer, waitedForEmptyBuffer } = report
  job.log?.say(describeReport(report), {
    severity: severityOf(status),
    data: { status, waitedForFullBuffer, waitedForEmptyBuffer },
  })
  parts.store.show(job.id, { operation: 'ending', progress: finalProgress(report) })
  const ending = endingOfReport(report)
  const end = report.error === undefined ? { ending } : { ending, code: report.error.code }
  return listFailures.includes(ending.status) ? blamingReference(parts, job, end) : end
}

/** What a session tells when the list that it compares with is damaged: found by its reader, or by the catalog. */
const listFailures: readonly number[] = [
  errorKinds['file-list-corrupt'].status,
  errorKinds['channel-broken'].status,
]

/** A backup that failed because of its reference's damaged list names that image, and what comes of it. */
async function blamingReference(
  { catalog, log }: ManagerParts,
  job: RunningJob,
  end: AttemptEnd,
): Promise<AttemptEnd> {
  const { backupId } = job.record
  if (backupId === undefined) return end
  const find = (id: string): Promise<ImageRecord | undefined> =>
    job.unlessEnded(() => catalog.getImage({ backupId: id }, { signal: job.signal }))
  try {
    const referenceId = (await find(backupId))?.referenceId
    const reference = referenceId === undefined ? undefined : await find(referenceId)
    const statusText = reference === undefined ? undefined : damagedReference(reference)
    if (statusText === undefined) return end
    job.say(statusText, { severity: 'error' })
    const { status } = errorKinds['file-list-corrupt']
    return { ...end, ending: { ...end.ending, status, statusText } }
  } catch (error) {
    log.error('whether the reference of image %s is damaged is not known: %o', backupId, error)
    return end
  }
}

/** Step 15. Answers whether the image is browsable. */
export function completeImage(parts: ManagerParts, job: RunningJob): Promise<boolean> {
  const { catalog, clock } = parts
  const { backupId, ending } = job.record
  const completion = ending?.completion
  if (backupId === undefined || completion === undefined) return Promise.resolve(false)
  return retrying(clock, 3, () => catalog.completeImage({ backupId, completion })).then(
    () => true,
    (error: unknown) => notCompleted(parts, job, backupId, error),
  )
}

/**
 * The ending was not true: the image is given up and the job's status amended, unless it turns out that the catalog had
 * completed the image after all.
 */
async function notCompleted(
  { catalog, store, log }: ManagerParts,
  job: RunningJob,
  backupId: string,
  error: unknown,
): Promise<boolean> {
  const failure = asNbError(error, 'image-inconsistent')
  const { message, code } = failure
  log.error('image %s was not completed: %o', backupId, error)
  await attempt(log, 'discard', () => catalog.discardImage({ backupId, reason: message }))
  const image = await catalog.getImage({ backupId }).catch(() => undefined)
  if (image?.state === 'complete') return true
  job.say(`the image was not completed: ${message}`, { severity: 'error', data: { code } })
  const amended = { ...endingOfError(failure), warnings: job.record.ending?.warnings ?? 0 }
  await store.apply(job.id, { kind: 'amended', ending: amended })
  return false
}
