import { type ImageCopy, type ImageRecord, NbError, asNbError } from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import type { JobRecord } from './job-record.ts'
import { forgetVolumes } from './images-on-volumes.ts'
import { attempt, retrying, within } from './patience.ts'
import { sayInLog } from './running-job.ts'
import { mediaServerOf } from './session-calls.ts'

/** A storage unit and the media server that owns it. */
export interface StoragePlace {
  readonly mediaServer: string
  readonly storageUnit: string
}

/**
 * Gives up the image of a job that failed, and what is on the media of it. What can't be done now is found by the
 * clean-up: an image in progress without a job, or a discarded one with fragments.
 */
export async function discardImage(parts: ManagerParts, record: JobRecord): Promise<void> {
  const { catalog, log } = parts
  const { backupId, ending, rest } = record
  const images = backupId === undefined ? await imagesInProgress(parts, record) : [backupId]
  for (const id of images) {
    const reason = ending?.statusText ?? rest?.statusText ?? 'the try failed'
    const done = await attempt(log, `discard of image ${id}`, () =>
      catalog.discardImage({ backupId: id, reason }),
    )
    if (done) await removeImage(parts, id, record.id, placeOf(record))
  }
}

/** Where the try of a job writes, or has written what its checkpoint keeps. */
function placeOf({ held, checkpoint, mediaServer, storageUnit }: JobRecord): readonly StoragePlace[] {
  if (held !== undefined) return [held.allocation, ...(held.allocation.further ?? [])]
  if (checkpoint !== undefined && checkpoint.copies.length > 0) return checkpoint.copies
  return mediaServer === undefined || storageUnit === undefined ? [] : [{ mediaServer, storageUnit }]
}

/** The images that the catalog made for a job whose record names none: the answer to step 6 was lost. */
async function imagesInProgress(
  { catalog, log }: ManagerParts,
  record: JobRecord,
): Promise<readonly string[]> {
  const { id, client, policy, held } = record
  if (held === undefined || policy === undefined) return []
  const found: string[] = []
  await attempt(log, 'search for an image in progress', async () => {
    const images = catalog.listImages({ client, policy, states: ['in-progress'] })
    for await (const image of images) if (image.jobId === id) found.push(image.backupId)
  })
  return found
}

/**
 * Removes an image's fragments from these places, then what is left of the image in the catalog. Answers whether
 * all is gone; if not, the image stays in the catalog for the next clean-up.
 */
export async function removeImage(
  parts: ManagerParts,
  backupId: ImageRecord['backupId'],
  jobId: string,
  places: readonly StoragePlace[],
): Promise<boolean> {
  const { mediaServers, catalog, store, clock, log, callTimeoutMs } = parts
  try {
    for (const { mediaServer, storageUnit } of places) {
      const server = mediaServerOf(mediaServers, mediaServer)
      const what = `removal of ${backupId} from ${storageUnit}`
      await within(clock, callTimeoutMs, 'media-server-unreachable', what, (signal) =>
        server.removeImage({ storageUnit, backupId }, { signal }),
      )
    }
    await forgetVolumes(parts, backupId)
    await catalog.forgetImage({ backupId })
    await sayInLog(store, clock, log, jobId, `image ${backupId} and its fragments are removed`)
    return true
  } catch (error) {
    log.error('image %s was not removed: %o', backupId, error)
    const text = `image ${backupId} waits for the removal of its fragments: ${asNbError(error).message}`
    await sayInLog(store, clock, log, jobId, text, { severity: 'warning' })
    return false
  }
}

/**
 * Removes one copy of an image that has others: the others are read from then on, then its fragments go, then it leaves the
 * catalog's record. What is cut short is done again by whoever asks for it again. Answers whether all is gone.
 */
export async function removeOneCopy(
  parts: ManagerParts,
  backupId: string,
  gone: ImageCopy,
): Promise<boolean> {
  const { mediaServers, catalog, clock, log, callTimeoutMs } = parts
  const { copy, mediaServer, storageUnit } = gone
  return attempt(log, `removal of copy ${copy} of image ${backupId}`, async () => {
    const image = await catalog.getImage({ backupId })
    if (image === undefined || image.state !== 'complete') return
    const other = image.copies.find((each) => each.copy !== copy)
    if (other === undefined)
      throw new NbError('state-conflict', `copy ${copy} is the last of image ${backupId}`)
    if (image.copies[0]?.copy === copy) await catalog.promoteCopy({ backupId, copy: other.copy })
    const server = mediaServerOf(mediaServers, mediaServer)
    const what = `removal of copy ${copy} of ${backupId} from ${storageUnit}`
    await within(clock, callTimeoutMs, 'media-server-unreachable', what, (signal) =>
      server.removeImage({ storageUnit, backupId, copy }, { signal }),
    )
    const stays = image.copies.filter((each) => each.copy !== copy)
    await forgetVolumes(parts, backupId, { gone, stays })
    await catalog.removeCopy({ backupId, copy })
  })
}

/**
 * Step 16: gives back all that the job holds. The broker is asked for what else it granted, unless the record is known to name
 * all: an answer may have been lost.
 */
export async function releaseAll(parts: ManagerParts, record: JobRecord, namesAll = false): Promise<void> {
  const { held, sessionHoldings } = record
  const ids = new Set(sessionHoldings.map(({ value }) => value.leaseId))
  if (held !== undefined) ids.add(held.leaseId)
  if (!namesAll)
    await attempt(parts.log, 'search for grants', async () => {
      for await (const { leaseId } of parts.broker.grants({ jobId: record.id })) ids.add(leaseId)
    })
  for (const leaseId of ids) await releaseLease(parts, record.id, leaseId)
}

/** Gives back what a job was granted; what can't be given back now ends by itself. */
export function releaseLease(
  { broker, clock, log, leases, store }: ManagerParts,
  jobId: string,
  leaseId: string,
): Promise<void> {
  leases.letGo(leaseId)
  return retrying(clock, 4, () => broker.release({ leaseId })).catch((error: unknown) => {
    log.error('release of lease %s: %o', leaseId, error)
    const text = `lease ${leaseId} could not be released; it ends by itself`
    return sayInLog(store, clock, log, jobId, text, { severity: 'warning' })
  })
}
