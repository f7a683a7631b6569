import type { ImageCopy, SingleAllocation } from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import { copyRetentionLevel } from './flow-lines.ts'
import type { JobRecord } from './job-record.ts'
import { retrying } from './patience.ts'

/** The volumes on which a copy lies, each once; none for a copy on disk. */
export function volumesOf({ fragments }: Pick<ImageCopy, 'fragments'>): readonly string[] {
  return [...new Set(fragments.flatMap(({ volumeId }) => (volumeId === undefined ? [] : [volumeId])))]
}

/**
 * By what a volume counts a copy that a job has filled it with and that is not complete: of such a name nobody else knows, so that what a killed job
 * has left is told from a copy that only the catalog has lost.
 */
export const unfinishedCopy = (jobId: string): string => `copy-by-job-${jobId}`

/** The job that makes it; `undefined` for the id of an image. */
export const jobOfUnfinishedCopy = (name: string): string | undefined => /^copy-by-job-(\d+)$/.exec(name)?.[1]

/**
 * Notes durably that an image is on the volumes of these copies, before anybody is told that it is: a volume with an image that nobody
 * knows of would be written over. Rejects with what the media manager rejects with. `undefined` where there is nothing on tape.
 */
export function noteVolumes(
  parts: ManagerParts,
  record: JobRecord,
  copies: readonly ImageCopy[],
): Promise<void> | undefined {
  const { backupId } = record
  if (parts.media === undefined || backupId === undefined) return undefined
  if (copies.every((copy) => volumesOf(copy).length === 0)) return undefined
  return noteEach(backupId)

  async function noteEach(id: string): Promise<void> {
    for (const copy of copies) await noteCopy(parts, id, copy, copyRetentionLevel(record, copy.copy))
  }
}

/** The same for one copy, of an image that is no backup's of now. */
export async function noteCopy(
  { media, clock }: Pick<ManagerParts, 'media' | 'clock'>,
  backupId: string,
  copy: Pick<ImageCopy, 'fragments'>,
  retentionLevel: number,
): Promise<void> {
  if (media === undefined) return
  for (const volumeId of volumesOf(copy)) {
    const isShared = copy.fragments.some((each) => each.volumeId === volumeId && each.stream !== undefined)
    const multiplexed = isShared ? { multiplexed: true } : {}
    const image = { volumeId, backupId, retentionLevel, ...multiplexed }
    await retrying(clock, 4, () => media.assignImage(image))
  }
}

/**
 * The volume of an allocation has come to its end with an image that goes on elsewhere: it has the image, and takes no more. Said before
 * the next volume is asked for, so that nobody waits for this one meanwhile.
 */
export async function closeVolume(
  { media, clock }: Pick<ManagerParts, 'media' | 'clock'>,
  { backupId }: Pick<JobRecord, 'backupId'>,
  { medium }: SingleAllocation,
  retentionLevel: number,
): Promise<void> {
  if (media === undefined || medium.kind !== 'tape' || backupId === undefined) return
  const { volumeId, multiplex } = medium
  // One that is frozen was found unusable: it is told as what it is, and whatever of the image is on it is noted at its end.
  for await (const { state } of media.volumes({ volumeId }))
    if (state !== 'active' && state !== 'full') return
  const multiplexed = multiplex === undefined ? {} : { multiplexed: true }
  await retrying(clock, 4, () => media.assignImage({ volumeId, backupId, retentionLevel, ...multiplexed }))
  await retrying(clock, 4, () => media.setVolumeState({ volumeId, state: 'full' }))
}

/**
 * The image is on no volume any more, or on those no more that only this copy of it was on: a tape is not gone through for that, its
 * volumes just take no count of it.
 */
export async function forgetVolumes(
  { media, clock }: Pick<ManagerParts, 'media' | 'clock'>,
  backupId: string,
  only?: { readonly gone: ImageCopy; readonly stays: readonly ImageCopy[] },
): Promise<void> {
  if (media === undefined) return
  if (only === undefined) {
    await retrying(clock, 4, () => media.unassignImage({ backupId }))
    return
  }
  const kept = new Set(only.stays.flatMap(volumesOf))
  for (const volumeId of volumesOf(only.gone))
    if (!kept.has(volumeId)) await retrying(clock, 4, () => media.unassignImage({ backupId, volumeId }))
}
