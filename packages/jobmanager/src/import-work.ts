import {
  type Allocation,
  type CallOptions,
  type DescribedCopy,
  type ImageCompletion,
  type ImageCounts,
  type Json,
  type StoredImage,
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
}

/**
 * What carries out jobs of type `import`, as `importJobRequest` asks for them: brings images back into the catalog that a storage unit
 * holds and the catalog does not know, the oldest first, so that what an incremental needs is there before it. What is known, in
 * any state, is left as it is. Ends with 0, with 1 when some could not be brought back, with 191 when none could.
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
  const work: Import = { ...parts, jobId, signal, allocation }
  const { unknown, known } = await storedImages(work, wanted)
  const { storageUnit } = allocation
  await say(
    `storage unit ${storageUnit} has ${counted(unknown.length, 'image')} that the catalog does not know, and ${known} that it does`,
  )
  const failed: string[] = []
  let entries = 0
  let bytes = 0
  for (const { backupId, copy } of unknown) {
    if (signal.aborted) throw signal.reason
    try {
      const counts = await importImage(work, backupId, copy)
      entries += counts.entries
      bytes += counts.bytes
      await say(`image ${backupId} is back in the catalog: ${counted(counts.entries, 'entry', 'entries')}`)
    } catch (error) {
      if (signal.aborted) throw error
      failed.push(backupId)
      await say(`image ${backupId} is not brought back: ${asNbError(error).message}`, 'error')
    }
    progress({ files: entries, bytes })
  }
  const missing = wanted?.filter((id) => !unknown.some(({ backupId }) => backupId === id)) ?? []
  if (missing.length > 0)
    await say(`${missing.join(', ')}: not on ${storageUnit}, or in the catalog already`, 'warning')
  const faults = [...failed, ...(known > 0 ? [] : missing)]
  if (faults.length === 0) return { status: 0 }
  const statusText = `${counted(failed.length, 'image')} of ${unknown.length} could not be brought back`
  return { status: failed.length < unknown.length ? 1 : 191, statusText, warnings: failed.length }
}

function wantedImages({ images }: Readonly<Record<string, Json>>): readonly string[] | undefined {
  if (images === undefined) return undefined
  if (Array.isArray(images) && images.length > 0 && images.every((id) => typeof id === 'string'))
    return images
  throw new NbError('argument-invalid', 'parameters.images must be ids of images', {
    details: { field: 'parameters.images' },
  })
}

/** The first copy of each image that is stored and not in the catalog, the oldest first; and how many are in it. */
async function storedImages(
  { catalog, mediaServers, allocation: { mediaServer, storageUnit }, signal }: Import,
  wanted: readonly string[] | undefined,
): Promise<{ readonly unknown: readonly StoredImage[]; readonly known: number }> {
  const unknown = new Map<string, StoredImage>()
  const known = new Set<string>()
  const stored = mediaServerOf(mediaServers, mediaServer).storedImages({ storageUnit }, { signal })
  for await (const image of stored) {
    const { backupId, copy } = image
    if (wanted !== undefined && !wanted.includes(backupId)) continue
    if ((await catalog.getImage({ backupId })) !== undefined) known.add(backupId)
    else if (copy < (unknown.get(backupId)?.copy ?? Infinity)) unknown.set(backupId, image)
  }
  const byAge = [...unknown.values()].sort((a, b) => secondsOf(a.backupId) - secondsOf(b.backupId))
  return { unknown: byAge, known: known.size }
}

/** Phase 1 reads what the fragments tell, phase 2 the file list; the image exists when the catalog has checked both. */
async function importImage(
  { catalog, mediaServers, clock, jobId, allocation, signal }: Import,
  backupId: string,
  copyNumber: number,
): Promise<ImageCounts> {
  const options: CallOptions = { signal }
  const server = mediaServerOf(mediaServers, allocation.mediaServer)
  const access = { jobId, allocation, backupId }
  const { image, copy } = await server.describeCopy({ ...access, copy: copyNumber }, options)
  const counts = countsOf(backupId, image)
  await catalog.importImage({ image: keptAsLong(image, clock.now()), jobId }, options)
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
