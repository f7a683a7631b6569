import {
  type Allocation,
  type CallOptions,
  type DescribedCopy,
  type ImageCompletion,
  type ImageCounts,
  type ImageState,
  type Json,
  NbError,
  asNbError,
  counted,
} from '@nb/contracts'
import type { JobManagerComponents } from './components.ts'
import { mediaServerOf } from './session-calls.ts'
import type { JobWorker, WorkContext, WorkResult } from './workers.ts'

type ImportParts = Pick<JobManagerComponents, 'catalog' | 'mediaServers' | 'clock'>

/** What is the same for all images of an import. */
interface Import extends ImportParts, Pick<WorkContext, 'jobId' | 'signal'> {
  readonly allocation: Allocation
  /** The images were named: those that are damaged in the catalog are replaced. */
  readonly named: boolean
}

/**
 * What carries out jobs of type `import`, as `importJobRequest` asks for them: brings images back into the catalog that a storage unit
 * holds and the catalog does not know, the oldest first, so that what an incremental needs is there before it; and of those
 * that it knows the copies which it does not. Images that are named are made again from their medium where the catalog has them damaged.
 * All else is left as it is. Ends with 0, with 1 when some could not be brought back, with
 * 191 when none could.
 */
export function importWorker(parts: ImportParts): JobWorker {
  return { run: (context) => importImages(parts, context) }
}

async function importImages(
  parts: ImportParts,
  { jobId, parameters, allocation, signal, say, progress }: WorkContext,
): Promise<WorkResult> {
  const wanted = wantedImages(parameters)
  if (allocation === undefined)
    throw new NbError(
      'argument-invalid',
      "the job's need must be to read the storage unit that is imported",
      {
        details: { field: 'need' },
      },
    )
  const work: Import = { ...parts, jobId, signal, allocation, named: wanted !== undefined }
  const stored = await storedImages(work, wanted)
  const { storageUnit } = allocation
  await say(`storage unit ${storageUnit} holds ${counted(stored.size, 'image')} to look at`)
  const missing = wanted?.filter((id) => !stored.has(id)) ?? []
  if (missing.length > 0) await say(`not on ${storageUnit}: ${missing.join(', ')}`, 'error')
  let [brought, failed, known, entries, bytes] = [0, missing.length, 0, 0, 0]
  for (const backupId of [...stored.keys()].sort((a, b) => secondsOf(a) - secondsOf(b))) {
    if (signal.aborted) throw signal.reason
    try {
      const { counts, copies, state } = await bringBack(work, backupId, stored.get(backupId) ?? [])
      if (copies.length === 0) {
        known += 1
        if (work.named)
          await say(`image ${backupId}: known already, ${state === 'complete' ? 'and sound' : state}`)
        continue
      }
      brought += 1
      entries += counts?.entries ?? 0
      bytes += counts?.bytes ?? 0
      await say(
        `image ${backupId}: ${copies.map((copy) => `copy ${copy}`).join(', ')} is back in the catalog`,
      )
    } catch (error) {
      if (signal.aborted) throw error
      failed += 1
      await say(`image ${backupId} is not brought back: ${asNbError(error).message}`, 'error')
    }
    progress({ files: entries, bytes })
  }
  await say(`${counted(brought, 'image')} brought back, ${failed} not; ${known} known already`)
  if (failed === 0 && brought === 0 && known > 0)
    return { status: 0, statusText: `nothing to bring back: ${counted(known, 'image')} known already` }
  if (failed === 0) return { status: 0 }
  const statusText = `${counted(failed, 'image')} of ${brought + failed} could not be brought back`
  return { status: brought > 0 ? 1 : 191, statusText, warnings: failed }
}

function wantedImages({ images }: Readonly<Record<string, Json>>): readonly string[] | undefined {
  if (images === undefined) return undefined
  if (Array.isArray(images) && images.length > 0 && images.every((id) => typeof id === 'string'))
    return images
  throw new NbError('argument-invalid', 'parameters.images must be ids of images', {
    details: { field: 'parameters.images' },
  })
}

/** The numbers of the copies that are stored, by image. */
async function storedImages(
  { mediaServers, allocation: { mediaServer, storageUnit }, signal }: Import,
  wanted: readonly string[] | undefined,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const found = new Map<string, number[]>()
  const stored = mediaServerOf(mediaServers, mediaServer).storedImages({ storageUnit }, { signal })
  for await (const { backupId, copy } of stored)
    if (wanted?.includes(backupId) !== false) found.set(backupId, [...(found.get(backupId) ?? []), copy])
  return found
}

/** Brings an image back from the first of its copies that is whole, and then its other copies; tells which. */
async function bringBack(
  work: Import,
  backupId: string,
  stored: readonly number[],
): Promise<{
  readonly counts?: ImageCounts
  readonly copies: readonly number[]
  readonly state: ImageState
}> {
  const again = work.named ? await madeAgain(work, backupId, stored) : undefined
  const present = await work.catalog.getImage({ backupId })
  if (present !== undefined && present.state !== 'complete') return { copies: [], state: present.state }
  // It is known and not whole: to leave it as it is and say that nothing was amiss would be untrue.
  if (present?.damaged !== undefined && !work.named)
    throw new NbError(
      'state-conflict',
      `the catalog has it with a file list that is damaged (${present.damaged}); import it by its name to make it again: nb import ${work.allocation.storageUnit} ${backupId}`,
      { details: { backupId } },
    )
  const copies: number[] = again === undefined ? [] : [again.copy]
  let counts: ImageCounts | undefined = again?.counts
  let failure: NbError | undefined
  for (const copy of [...stored].sort((a, b) => a - b)) {
    if (present?.copies.some((each) => each.copy === copy) === true) continue
    try {
      if (present === undefined && counts === undefined) counts = await importImage(work, backupId, copy)
      else await addCopy(work, backupId, copy)
      copies.push(copy)
    } catch (error) {
      failure ??= asNbError(error)
    }
  }
  if (copies.length === 0 && failure !== undefined) throw failure
  return { copies, state: 'complete', ...(counts === undefined ? {} : { counts }) }
}

/** Makes an image that is damaged in the catalog again from the first of its copies that is whole; `undefined` where it is not. */
async function madeAgain(
  work: Import,
  backupId: string,
  stored: readonly number[],
): Promise<{ readonly copy: number; readonly counts: ImageCounts } | undefined> {
  let failure: NbError | undefined
  for (const copy of [...stored].sort((a, b) => a - b)) {
    try {
      return { copy, counts: await importImage(work, backupId, copy) }
    } catch (error) {
      failure ??= asNbError(error)
      if (asNbError(error).code === 'already-exists') return undefined
    }
  }
  if (failure !== undefined) throw failure
  return undefined
}

async function addCopy(
  { catalog, mediaServers, jobId, allocation, signal }: Import,
  backupId: string,
  copyNumber: number,
): Promise<void> {
  const server = mediaServerOf(mediaServers, allocation.mediaServer)
  const input = { jobId, allocation, backupId, copy: copyNumber }
  const { copy } = await server.describeCopy(input, { signal })
  await catalog.addCopy({ backupId, copy }, { signal })
}

/** Phase 1 reads what the fragments tell, phase 2 the file list; the image exists when the catalog has checked both. */
async function importImage(
  { catalog, mediaServers, clock, jobId, allocation, signal, named }: Import,
  backupId: string,
  copyNumber: number,
): Promise<ImageCounts> {
  const options: CallOptions = { signal }
  const server = mediaServerOf(mediaServers, allocation.mediaServer)
  const access = { jobId, allocation, backupId }
  const { image, copy } = await server.describeCopy({ ...access, copy: copyNumber }, options)
  const counts = countsOf(backupId, image)
  const replace = named ? { replaceDamaged: true } : {}
  await catalog.importImage({ image: keptAsLong(image, clock.now()), jobId, ...replace }, options)
  try {
    const { ticket } = await catalog.appendFileList({ backupId }, options)
    const fileList = await server.sendFileList({ ...access, copy, list: ticket }, options)
    await catalog.sealFileList({ backupId, totals: fileList }, options)
    const completion: ImageCompletion = {
      status: counts.warnings > 0 ? 1 : 0,
      counts,
      fileList,
      copies: [copy],
    }
    await catalog.completeImage({ backupId, completion }, options)
    return counts
  } catch (error) {
    await catalog.discardImage({ backupId, reason: `its import failed: ${asNbError(error).message}` })
    throw error
  }
}

function countsOf(backupId: string, image: DescribedCopy['image']): ImageCounts {
  const counts =
    typeof image === 'object' && image !== null && 'counts' in image ? image['counts'] : undefined
  if (typeof counts === 'object' && counts !== null) return counts as unknown as ImageCounts
  throw new NbError('image-incomplete', `the last fragment of image ${backupId} tells no counts`, {
    details: { backupId },
    retryable: false,
  })
}

/** An image whose time is over already is kept once more as long as it was meant to be. */
function keptAsLong(image: Json, now: number): Json {
  if (typeof image !== 'object' || image === null || Array.isArray(image)) return image
  const { expiresAt, backupTime } = image as Readonly<Record<string, Json>>
  if (typeof expiresAt !== 'number' || typeof backupTime !== 'number' || expiresAt > now) return image
  return { ...image, expiresAt: now + Math.max(0, expiresAt - backupTime) }
}

function secondsOf(backupId: string): number {
  return Number(backupId.slice(backupId.lastIndexOf('_') + 1))
}
