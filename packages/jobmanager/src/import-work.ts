import {
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
import type { ManagerParts } from './components.ts'
import { type ImportSource, diskSource, tapeSource } from './import-sources.ts'
import { ImportedVolumes } from './imported-volumes.ts'
import { WorkMedia, type WorkMediaParts } from './work-media.ts'
import type { JobWorker, WorkContext, WorkResult } from './workers.ts'

type ImportParts = Pick<ManagerParts, 'catalog' | 'mediaServers'> & WorkMediaParts

/** What is the same for all images of an import. */
interface Import extends ImportParts, Pick<WorkContext, 'jobId'> {
  readonly signal: AbortSignal
  readonly storageUnit: string
  readonly source: ImportSource
  readonly volumes: ImportedVolumes
  /** The images were named: those that are damaged in the catalog are replaced. */
  readonly named: boolean
}

/**
 * What carries out jobs of type `import`, as `importJobRequest` asks for them: brings images back into the catalog that a storage unit
 * holds and the catalog does not know, the oldest first, so that what an incremental needs is there before it; and of those
 * that it knows the copies which it does not. Images that are named are made again from their medium where the catalog has them damaged.
 * Of tapes the volumes that are named are read. All else is left as it is. Ends with 0, with 1 when some could not be brought back or a
 * volume could not be read, with 191 when none could and none was known already.
 */
export function importWorker(parts: ImportParts): JobWorker {
  return {
    run: async (context) => {
      const media = new WorkMedia(parts, context)
      try {
        return await importImages(parts, context, media)
      } finally {
        await media.end()
      }
    },
  }
}

async function importImages(parts: ImportParts, context: WorkContext, media: WorkMedia): Promise<WorkResult> {
  const { jobId, parameters, allocation, say, progress } = context
  const { signal } = media
  const wanted = namesIn(parameters, 'images')
  if (allocation === undefined)
    throw new NbError(
      'argument-invalid',
      "the job's need must be to read the storage unit that is imported",
      {
        details: { field: 'need' },
      },
    )
  const { storageUnit } = allocation
  const onTape = allocation.medium.kind === 'tape' ? [allocation.medium.volumeId] : undefined
  const volumes = new ImportedVolumes(parts)
  if (onTape !== undefined) await volumes.look(namesIn(parameters, 'volumes') ?? onTape)
  const sourceParts = { ...parts, context, media, allocation }
  const source =
    onTape === undefined
      ? await diskSource(sourceParts)
      : await tapeSource(sourceParts, namesIn(parameters, 'volumes') ?? onTape)
  const work: Import = { ...parts, jobId, signal, storageUnit, source, volumes, named: wanted !== undefined }
  const stored = new Map([...source.stored].filter(([id]) => wanted?.includes(id) !== false))
  await say(`storage unit ${storageUnit} holds ${counted(stored.size, 'image')} to look at`)
  const missing = wanted?.filter((id) => !stored.has(id)) ?? []
  if (missing.length > 0) await say(`not on ${storageUnit}: ${missing.join(', ')}`, 'error')
  let [brought, failed, known, entries, bytes] = [0, missing.length, 0, 0, 0]
  const { unread } = source
  for (const backupId of [...stored.keys()].sort((a, b) => secondsOf(a) - secondsOf(b))) {
    if (signal.aborted) throw signal.reason
    try {
      const { counts, copies, state, left } = await bringBack(work, backupId, stored.get(backupId) ?? [])
      for (const { message } of left)
        await say(`image ${backupId} has a copy that is not brought back: ${message}`, 'warning')
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
  if (failed === 0 && unread === 0 && brought === 0 && known > 0)
    return { status: 0, statusText: `nothing to bring back: ${counted(known, 'image')} known already` }
  if (failed === 0 && unread === 0) return { status: 0 }
  const there = known === 0 ? '' : `, ${known} known already`
  const left = `${counted(failed, 'image')} of ${brought + failed} could not be brought back${there}`
  const statusText = unread === 0 ? left : `${left}, ${counted(unread, 'volume')} could not be read`
  // What is known already is there: only where nothing of the unit is in the catalog was nothing done.
  const isPart = brought > 0 || known > 0 || failed === 0
  return { status: isPart ? 1 : 191, statusText, warnings: failed + unread }
}

/** Names in the job's parameters. */
function namesIn(parameters: Readonly<Record<string, Json>>, field: string): readonly string[] | undefined {
  const names = parameters[field]
  if (names === undefined) return undefined
  if (Array.isArray(names) && names.length > 0 && names.every((id) => typeof id === 'string')) return names
  throw new NbError('argument-invalid', `parameters.${field} must be names`, {
    details: { field: `parameters.${field}` },
  })
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
  /** Why copies of an image that is there are left. */
  readonly left: readonly NbError[]
}> {
  const again = work.named ? await madeAgain(work, backupId, stored) : undefined
  const present = await work.catalog.getImage({ backupId })
  if (present !== undefined && present.state !== 'complete')
    return { copies: [], state: present.state, left: [] }
  // It is known and not whole: to leave it as it is and say that nothing was amiss would be untrue.
  if (present?.damaged !== undefined && !work.named)
    throw new NbError(
      'state-conflict',
      `the catalog has it with a file list that is damaged (${present.damaged}); import it by its name to make it again: nb import ${work.storageUnit} ${backupId}`,
      { details: { backupId } },
    )
  const copies: number[] = again === undefined ? [] : [again.copy]
  let counts: ImageCounts | undefined = again?.counts
  const left: NbError[] = []
  for (const copy of [...stored].sort((a, b) => a - b)) {
    if (present?.copies.some((each) => each.copy === copy) === true) continue
    try {
      if (present === undefined && counts === undefined) counts = await importImage(work, backupId, copy)
      else await addCopy(work, backupId, copy)
      copies.push(copy)
    } catch (error) {
      left.push(asNbError(error))
    }
  }
  const [failure] = left
  if (copies.length === 0 && failure !== undefined) throw failure
  return { copies, state: 'complete', left, ...(counts === undefined ? {} : { counts }) }
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
  { catalog, source, volumes, signal }: Import,
  backupId: string,
  copyNumber: number,
): Promise<void> {
  const { image, copy } = await source.describe(backupId, copyNumber)
  await volumes.note(backupId, copy, image)
  await catalog.addCopy({ backupId, copy }, { signal })
}

/** What the fragments tell is read, then the file list is sent; the image exists when the catalog has checked both. */
async function importImage(
  { catalog, source, volumes, clock, jobId, signal, named }: Import,
  backupId: string,
  copyNumber: number,
): Promise<ImageCounts> {
  const options: CallOptions = { signal }
  const { image, copy } = await source.describe(backupId, copyNumber)
  const counts = countsOf(backupId, image)
  const replace = named ? { replaceDamaged: true } : {}
  await catalog.importImage({ image: keptAsLong(image, clock.now()), jobId, ...replace }, options)
  try {
    const fileList = await source.sendFileList(backupId, copy)
    await catalog.sealFileList({ backupId, totals: fileList }, options)
    await volumes.note(backupId, copy, image)
    const completion: ImageCompletion = {
      status: counts.warnings > 0 ? 1 : 0,
      counts,
      fileList,
      copies: [copy],
    }
    await catalog.completeImage({ backupId, completion }, options)
    return counts
  } catch (error) {
    // Volumes keep what is noted of them: on no account may one be written over that has the image.
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
