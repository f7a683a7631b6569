import { isDeepStrictEqual } from 'node:util'
import type { ImageCompletion, ImageRecord, NewImage } from '@nb/contracts'

/** The record of an image whose backup begins. */
export function newRecord(input: NewImage, backupId: string, now: number): ImageRecord {
  const {
    jobId,
    client,
    policy,
    schedule,
    scheduleType,
    stream,
    streamSet,
    selections,
    retentionLevel,
    expiresAt,
    referenceId,
    compression,
    digest,
  } = input
  return {
    version: 1,
    backupId,
    state: 'in-progress',
    jobId,
    client,
    policy,
    schedule,
    scheduleType,
    ...(stream === undefined ? {} : { stream }),
    ...(streamSet === undefined ? {} : { streamSet }),
    backupTime: now,
    selections,
    retentionLevel,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(compression === undefined ? {} : { compression }),
    ...(digest === undefined ? {} : { digest }),
    ...(referenceId === undefined ? {} : { referenceId }),
    neededImages: [],
    copies: [],
  }
}

/** The record of an image that is brought back, as its backup began it. */
export function importedRecord(image: ImageRecord, jobId: string): ImageRecord {
  const { backupId, backupTime } = image
  return { ...newRecord({ ...image, jobId }, backupId, backupTime), imported: true }
}

/** The record of an image that its backup has completed. */
export function completedRecord(
  image: ImageRecord,
  { status, counts, copies }: ImageCompletion,
  neededImages: readonly string[],
  completedAt: number,
): ImageRecord {
  const { imported: _, ...begun } = image
  return { ...begun, state: 'complete', neededImages, completedAt, status, counts, copies }
}

/** Whether a complete image was completed with these facts. */
export function isCompletionOf(
  { status, counts, copies }: ImageRecord,
  completion: ImageCompletion,
): boolean {
  const { fileList: _, copies: told, ...facts } = completion
  // It may have got more of them since, or had them before it was made again.
  const hasAll = told.every((copy) => copies.some((each) => isDeepStrictEqual(each, copy)))
  return hasAll && isDeepStrictEqual({ status, counts }, facts)
}
