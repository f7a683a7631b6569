import {
  type BackupSessionSpec,
  type Grant,
  type ImageRecord,
  type MediaServer,
  type NewImage,
  type Path,
  type ResourceRequest,
  type Selection,
  NbError,
  asNbError,
  errorKinds,
  retentionPeriodMs,
} from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import { describeReport, endingOfError, endingOfReport, finalProgress } from './flow-lines.ts'
import type { Ending, JobRecord } from './job-record.ts'
import { attempt, retrying } from './patience.ts'
import {
  chooseReference,
  damagedReference,
  describeReference,
  newestImage,
  referenceTypes,
} from './reference-image.ts'
import type { RunningJob } from './running-job.ts'

/** What is done with answers that come when their job has ended already. */
export interface LateAnswers {
  readonly grant: (grant: Grant) => void
  readonly image: (image: ImageRecord) => void
  readonly session: (server: MediaServer) => (session: { readonly sessionId: string }) => void
}

/** Gives back at once whatever a call made for a job that did not wait for it any more. */
export function lateAnswers({ broker, catalog, log }: ManagerParts): LateAnswers {
  const reason = 'its job ended meanwhile'
  return {
    grant: ({ leaseId }) => void attempt(log, 'release of a late grant', () => broker.release({ leaseId })),
    image: ({ backupId }) =>
      void attempt(log, 'discard of a late image', () => catalog.discardImage({ backupId, reason })),
    session:
      (server) =>
      ({ sessionId }) =>
        void attempt(log, 'end of a late session', () =>
          server.endSession({ sessionId, status: 150, reason }),
        ),
  }
}

/** A queued job is not ended by a broker that is away: it asks again until it is answered. */
export function acquirePatiently(
  { clock }: ManagerParts,
  job: RunningJob,
  acquire: () => Promise<Grant>,
): Promise<Grant> {
  let told = false
  return retrying(clock, Infinity, acquire, job.signal, ({ message, code }) => {
    if (told) return
    told = true
    const text = `the resource request is repeated until it is answered: ${message}`
    void job.say(text, { severity: 'warning', data: { code } })
  })
}

/** Step 5 and what follows from it: the job is active and its lease is kept alive. */
export async function becomeActive(
  { clock, leases }: ManagerParts,
  job: RunningJob,
  { leaseId, expiresAt, allocation }: Grant,
): Promise<void> {
  const { allocationId, storageUnit, mediaServer } = allocation
  leases.keep({ leaseId, expiresAt }, (reason) => job.endWith(reason))
  await job.change({ kind: 'granted', at: clock.now(), holding: { leaseId, allocation } })
  await job.say(`granted resource: storage unit ${storageUnit} on media server ${mediaServer}`, {
    data: { leaseId, allocationId, storageUnit },
  })
}

/** What step 6 tells the catalog. An incremental without an image to compare with is run as a full, and says so. */
export async function newImage(parts: ManagerParts, job: RunningJob): Promise<NewImage> {
  const { catalog, clock, store } = parts
  const { id, client, backup } = job.record
  if (backup === undefined) throw new NbError('internal', `job ${id} has no policy`)
  const { policy, schedule } = backup
  const types = referenceTypes(schedule.type)
  const choice = await job.unlessEnded(chooseReference(catalog, policy.name, client, types, job.signal))
  const { reference } = choice
  const like = newestImage(catalog, policy.name, client, [schedule.type], job.signal)
  const counts = (await job.unlessEnded(like))?.counts
  const severity = choice.passedOver.length > 0 ? 'warning' : 'info'
  if (types.length > 0)
    await job.say(describeReference(policy.name, client, schedule.name, choice), { severity })
  if (counts !== undefined) {
    const { storedEntries, bytes } = counts
    store.show(id, {
      progress: { files: 0, bytes: 0, estimatedFiles: storedEntries, estimatedBytes: bytes },
    })
  }
  const keptMs = retentionPeriodMs(schedule.retentionLevel)
  return {
    jobId: id,
    client,
    policy: policy.name,
    schedule: schedule.name,
    scheduleType: types.length > 0 && reference === undefined ? 'full' : schedule.type,
    selections: pathsOf(policy.selections),
    retentionLevel: schedule.retentionLevel,
    ...(keptMs === undefined ? {} : { expiresAt: clock.now() + keptMs }),
    ...(reference === undefined ? {} : { referenceId: reference.backupId }),
  }
}

/** The selections where they are paths; directives are resolved before a job is asked for. */
function pathsOf(selections: readonly Selection[]): readonly Path[] {
  return selections.map((selection) => {
    if (isDirective(selection))
      throw new NbError('argument-invalid', `the directive ${selection} was not resolved to paths`, {
        details: { field: 'policy.selections' },
      })
    return selection
  })
}

function isDirective(selection: Selection): selection is 'NEW_STREAM' | 'ALL_LOCAL_DRIVES' {
  return selection === 'NEW_STREAM' || selection === 'ALL_LOCAL_DRIVES'
}

/** What the session of step 7 needs to know. */
export function sessionSpec(
  { id, backup }: JobRecord,
  image: ImageRecord,
  { need }: ResourceRequest,
): BackupSessionSpec {
  const { exclude = [], include = [], crossMountPoints = false } = backup?.policy ?? {}
  const walk = { roots: image.selections, exclude, include, crossMountPoints }
  return { jobId: id, image, need, walk }
}

/** Steps 9–13 happen at the media server, which asks for its media and tells its progress meanwhile; this is its end. */
export async function sessionEnding(parts: ManagerParts, job: RunningJob): Promise<Ending> {
  const { store } = parts
  const report = await job.unlessEnded(job.report)
  const { status, waitedForFullBuffer, waitedForEmptyBuffer } = report
  await job.say(describeReport(report), {
    severity: status > 1 ? 'error' : status === 1 ? 'warning' : 'info',
    data: { status, waitedForFullBuffer, waitedForEmptyBuffer },
  })
  store.show(job.id, { operation: 'ending', progress: finalProgress(report, job.record.progress) })
  return blamingReference(parts, job, endingOfReport(report))
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
  ending: Ending,
): Promise<Ending> {
  const { backupId } = job.record
  if (backupId === undefined || !listFailures.includes(ending.status)) return ending
  const find = (id: string): Promise<ImageRecord | undefined> =>
    job.unlessEnded(catalog.getImage({ backupId: id }, { signal: job.signal }))
  try {
    const referenceId = (await find(backupId))?.referenceId
    const reference = referenceId === undefined ? undefined : await find(referenceId)
    const statusText = reference === undefined ? undefined : damagedReference(reference)
    if (statusText === undefined) return ending
    await job.say(statusText, { severity: 'error' })
    return { ...ending, status: errorKinds['file-list-corrupt'].status, statusText }
  } catch (error) {
    log.error('whether the reference of image %s is damaged is not known: %o', backupId, error)
    return ending
  }
}

/**
 * Step 15. When it fails the ending was not true: the image is given up and the job's status amended, unless it turns
 * out that the catalog had completed the image after all. Answers whether the image is browsable.
 */
export async function completeImage(parts: ManagerParts, job: RunningJob): Promise<boolean> {
  const { catalog, store, clock, log } = parts
  const { backupId, ending } = job.record
  const completion = ending?.completion
  if (backupId === undefined || completion === undefined) return false
  try {
    await retrying(clock, 3, () => catalog.completeImage({ backupId, completion }))
    return true
  } catch (error) {
    const failure = asNbError(error, 'image-inconsistent')
    const { message, code } = failure
    log.error('image %s was not completed: %o', backupId, error)
    await attempt(log, 'discard', () => catalog.discardImage({ backupId, reason: message }))
    const image = await catalog.getImage({ backupId }).catch(() => undefined)
    if (image?.state === 'complete') return true
    await job.say(`the image was not completed: ${message}`, { severity: 'error', data: { code } })
    const amended = { ...endingOfError(failure), warnings: ending?.warnings ?? 0 }
    await store.apply(job.id, { kind: 'amended', ending: amended })
    return false
  }
}
