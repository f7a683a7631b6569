import {
  type Allocation,
  type CallOptions,
  type ImageCopy,
  type ImageRecord,
  type Json,
  type MediaNeed,
  NbError,
} from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import type { CopiesInWork } from './copies-in-work.ts'
import { copyOfImage } from './copy-of-image.ts'
import { damageOfList } from './damaged-list.ts'
import { noteCopy, unfinishedCopy, volumesOf } from './images-on-volumes.ts'
import { HoldAndWait } from './hold-and-wait.ts'
import { attempt as attempted } from './patience.ts'
import { mediaServerOf } from './session-calls.ts'
import { needToRead, volumeRuns } from './volume-runs.ts'
import { WorkMedia, type WorkMediaParts } from './work-media.ts'
import type { JobWorker, WorkContext, WorkResult } from './workers.ts'

type DuplicateParts = Pick<ManagerParts, 'catalog' | 'mediaServers'> & WorkMediaParts

/**
 * What carries out jobs of type `duplicate`, as `duplicateJobRequest` asks for them: the archive stream of one copy goes, checked, from
 * its media server to that of the storage unit which the job was granted, which writes it as a further copy. The catalog learns of the
 * copy when all of it is durable and the media manager knows on which volumes it is; until then a failure leaves nothing that is read.
 */
export function duplicateWorker(parts: DuplicateParts, copies: CopiesInWork): JobWorker {
  const others = new HoldAndWait()
  return {
    run: (context) =>
      copies.make(asked(context.parameters).backupId, context.jobId, async () => {
        const media = new WorkMedia(parts, context, others)
        try {
          return await media.begunAnew(() => duplicate(parts, context, media))
        } finally {
          await media.end()
        }
      }),
  }
}

async function duplicate(parts: DuplicateParts, context: WorkContext, media: WorkMedia): Promise<WorkResult> {
  const { catalog } = parts
  const { allocation: granted, need, attempt, say, progress } = context
  const { backupId, from } = asked(context.parameters)
  const { image, copy: source } = await copyOfImage(catalog, backupId, from, 'duplicated')
  if (granted?.purpose !== 'write' || need?.kind !== 'write')
    throw new NbError('argument-invalid', "the job's need must be to write to a storage unit", {
      details: { field: 'need' },
    })
  const number = Math.max(...image.copies.map(({ copy }) => copy)) + 1
  const there = image.copies.find(({ storageUnit }) => storageUnit === granted.storageUnit)
  if (there !== undefined && attempt > 1) {
    // A try before this one had done all but tell so.
    await say(`copy ${there.copy} of image ${backupId} is on ${there.storageUnit}`)
    return { status: 0 }
  }
  // On tapes of one unit each copy has volumes of its own, which is looked at once they are known.
  if (there !== undefined && granted.medium.kind === 'disk')
    throw new NbError(
      'argument-invalid',
      `copy ${there.copy} of image ${backupId} is on ${there.storageUnit} already; another one there would be lost with it`,
      { details: { field: 'storage' } },
    )
  let noted: readonly string[] = []
  // What a killed try has filled is no longer wanted.
  if (attempt > 1) await forgetUnfinished(parts, context.jobId)
  try {
    const copy = await writeFrom(parts, context, media, { image, source, number, need })
    noted = volumesOf(copy)
    await noteCopy(parts, backupId, copy, need.retentionLevel)
    await catalog.addCopy({ backupId, copy }, { signal: media.signal })
    const estimatedBytes = image.counts?.streamBytes ?? 0
    progress({ files: image.counts?.entries ?? 0, bytes: estimatedBytes, estimatedBytes })
    await say(
      `copy ${number} of image ${backupId} is on ${copy.storageUnit}${noted.length === 0 ? '' : `, volume ${noted.join(', ')}`}: ` +
        `${copy.fragments.length} fragments, ${estimatedBytes} bytes`,
    )
    return { status: 0 }
  } catch (error) {
    await forgetLeftovers(parts, backupId, noted)
    const damage = await damageOfList(catalog, backupId, error, media.signal)
    if (damage === undefined) throw error
    const text = `the file list of image ${backupId} is damaged in the catalog: ${damage}`
    throw new NbError('file-list-corrupt', text, { details: { backupId }, cause: error })
  } finally {
    await forgetUnfinished(parts, context.jobId)
  }
}

interface Duplication {
  readonly image: ImageRecord
  readonly source: ImageCopy
  readonly number: number
  readonly need: Extract<MediaNeed, { kind: 'write' }>
}

/** Has the copy written from the parts of the source, each of which lies on one volume. */
async function writeFrom(
  { catalog, mediaServers }: DuplicateParts,
  { jobId, progress }: WorkContext,
  media: WorkMedia,
  { image, source, number, need }: Duplication,
): Promise<ImageCopy> {
  const { backupId, client } = image
  const runs = volumeRuns(source.fragments)
  const held = await media.both(need, needToRead(source.storageUnit, runs[0]?.volumeId))
  const options: CallOptions = { signal: media.signal }
  mustBeOther(image, held.write)
  const { ticket: list } = await catalog.readFileList(
    { client, backupId, peer: held.write.mediaServer },
    options,
  )
  const writing = mediaServerOf(mediaServers, held.write.mediaServer)
  const estimatedBytes = image.counts?.streamBytes ?? 0
  const parts = runs.length > 1 ? { parts: runs.length } : {}
  const peer = held.read.mediaServer
  const input = { jobId, allocation: held.write, image, copy: number, list, peer, ...parts }
  let writtenBy = held.write
  let begun = 0
  let sent: Promise<unknown> | undefined
  let copy: ImageCopy | undefined
  try {
    for await (const event of writing.writeCopy(input, options)) {
      if (event.kind === 'progress') progress({ files: 0, bytes: event.bytes, estimatedBytes })
      else if (event.kind === 'written') copy = event.copy
      else if (event.kind === 'next-volume') {
        writtenBy = await media.toWriteNext(unfinishedCopy(jobId), need)
        mustBeOther(image, writtenBy)
        await writing.continueCopy({ requestId: event.requestId, allocation: writtenBy }, options)
      } else {
        const run = runs[begun]
        await sent
        const read =
          begun === 0 ? held.read : await media.toReadNext(needToRead(source.storageUnit, run?.volumeId))
        begun += 1
        const part = { ...source, fragments: run?.fragments ?? [] }
        const reading = mediaServerOf(mediaServers, read.mediaServer)
        sent = reading.sendCopy({ jobId, allocation: read, backupId, copy: part, data: event.data }, options)
        // Its failure breaks the channel, and comes first where both are told.
        sent.catch(() => undefined)
      }
    }
  } catch (error) {
    await sent
    throw error
  }
  await sent
  if (copy === undefined) throw new NbError('image-inconsistent', `copy ${number} was not written`)
  return copy
}

/** A copy goes on no volume of another copy: both would be lost with it, and it can't be written while it is read. */
function mustBeOther({ backupId, copies }: ImageRecord, { medium }: Allocation): void {
  if (medium.kind === 'disk') return
  const { volumeId, volumePool } = medium
  const there = copies.find((copy) => volumesOf(copy).includes(volumeId))
  if (there === undefined) return
  throw new NbError(
    'state-conflict',
    `volume ${volumeId}, which pool ${volumePool} has for the new copy, holds copy ${there.copy} of image ${backupId} already; name a pool of other volumes`,
    { details: { backupId, volumeId, copy: there.copy } },
  )
}

/** Volumes that were filled on the way count only the copy as it is known then: by its image, or not at all. */
async function forgetUnfinished({ media, log }: DuplicateParts, jobId: string): Promise<void> {
  if (media === undefined) return
  const name = unfinishedCopy(jobId)
  await attempted(log, `notes of ${name} on volumes`, () => media.unassignImage({ backupId: name }))
}

/** A copy of which the catalog did not take note is named nowhere: its volumes have no count of the image, unless another copy is on them. */
async function forgetLeftovers(
  parts: DuplicateParts,
  backupId: string,
  volumes: readonly string[],
): Promise<void> {
  if (volumes.length === 0) return
  await attempted(parts.log, `notes of image ${backupId} on volumes`, async () => {
    const image = await parts.catalog.getImage({ backupId })
    const kept = new Set((image?.copies ?? []).flatMap(volumesOf))
    for (const volumeId of volumes)
      if (!kept.has(volumeId)) await parts.media?.unassignImage({ backupId, volumeId })
  })
}

/** Rejects with `argument-invalid`. */
function asked({ backupId, copy }: Readonly<Record<string, Json>>): {
  readonly backupId: string
  readonly from: number
} {
  if (typeof backupId === 'string' && typeof copy === 'number') return { backupId, from: copy }
  throw new NbError('argument-invalid', 'parameters must have backupId, and copy, a number', {
    details: { field: 'parameters' },
  })
}
