import { NbError } from './errors.ts'
import type { ImageCopy, ImageRecord } from './image.ts'
import type { JobOrigin } from './job.ts'
import type { WorkJobRequest } from './job-manager.ts'
import type { StorageChoice } from './policy.ts'

/** What is common to requests for jobs that work on an image. */
export interface ImageJobOptions {
  /** Names the request for ever. */
  readonly requestId: string
  /** @default 'immediate' */
  readonly origin?: JobOrigin
  /** Number of the copy that is read. @default the first */
  readonly copy?: number
  /** 0–99999. @default 0 */
  readonly priority?: number
}

/**
 * The request for a job that brings back into the catalog what a storage unit holds and the catalog does not know: parameters `images`,
 * where not all are wanted, and `volumes`, the tapes that are read.
 */
export function importJobRequest({
  requestId,
  storageUnit,
  images,
  volumes = [],
  origin = 'immediate',
  priority,
}: Omit<ImageJobOptions, 'copy'> & {
  readonly storageUnit: string
  /** Only these. @default all */
  readonly images?: readonly string[]
  /** Of a tape storage unit: the volumes that are read, at least one. @default none, it is a disk */
  readonly volumes?: readonly string[]
}): WorkJobRequest {
  const [volumeId] = volumes
  return {
    requestId,
    type: 'import',
    origin,
    ...(priority === undefined ? {} : { priority }),
    need: { kind: 'read', storageUnit, ...(volumeId === undefined ? {} : { volumeId }) },
    parameters: {
      ...(images === undefined ? {} : { images }),
      ...(volumeId === undefined ? {} : { volumes }),
    },
    lines: [],
  }
}

/**
 * The request for a job that verifies a copy of an image: parameters `backupId` and `copy`, and the need to read what holds it.
 * Throws `state-conflict` where the image is not complete, `not-found` where it has no such copy.
 */
export function verifyJobRequest(
  image: Pick<ImageRecord, 'backupId' | 'client' | 'policy' | 'copies' | 'state'>,
  { requestId, origin = 'immediate', copy: number, priority }: ImageJobOptions,
): WorkJobRequest {
  const { backupId, client, policy } = image
  const copy = copyOf(image, number, 'verified')
  const volumeId = copy.fragments[0]?.volumeId
  return {
    requestId,
    type: 'verify',
    origin,
    client,
    policy,
    ...(priority === undefined ? {} : { priority }),
    need: {
      kind: 'read',
      storageUnit: copy.storageUnit,
      ...(volumeId === undefined ? {} : { volumeId }),
    },
    parameters: { backupId, copy: copy.copy },
    lines: [],
  }
}

/**
 * The request for a job that makes a further copy of an image on another storage unit: parameters `backupId`, and `copy` (which
 * is read), and the need to write. Throws as {@link verifyJobRequest}.
 */
export function duplicateJobRequest(
  image: Pick<ImageRecord, 'backupId' | 'client' | 'policy' | 'copies' | 'state' | 'retentionLevel'>,
  {
    requestId,
    origin = 'immediate',
    copy: from,
    priority,
    storage,
    volumePool = 'NetBackup',
  }: ImageJobOptions & {
    readonly storage: StorageChoice
    /** Of tapes. @default 'NetBackup' */
    readonly volumePool?: string
  },
): WorkJobRequest {
  const { backupId, client, policy, retentionLevel } = image
  const { copy } = copyOf(image, from, 'duplicated')
  return {
    requestId,
    type: 'duplicate',
    origin,
    client,
    policy,
    ...(priority === undefined ? {} : { priority }),
    need: { kind: 'write', storage, volumePool, retentionLevel },
    parameters: { backupId, copy },
    lines: [],
  }
}

function copyOf(
  { backupId, copies, state }: Pick<ImageRecord, 'backupId' | 'copies' | 'state'>,
  number: number | undefined,
  done: string,
): ImageCopy {
  if (state !== 'complete')
    throw new NbError('state-conflict', `image ${backupId} is ${state}: only a complete one can be ${done}`)
  const copy = number === undefined ? copies[0] : copies.find((each) => each.copy === number)
  if (copy !== undefined) return copy
  throw new NbError('not-found', `image ${backupId} has no copy ${number ?? 1}; list its copies`, {
    details: { backupId, copies: copies.map((each) => each.copy) },
  })
}
