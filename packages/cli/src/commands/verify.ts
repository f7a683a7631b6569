import { randomUUID } from 'node:crypto'
import { type CallOptions, type ImageRecord, NbError, verifyJobRequest } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { type ExitCode, UsageError } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { tellStarted } from './backup.ts'

/** Options of `nb verify`. */
export interface VerifyOptions extends CallOptions {
  /** Images by id. */
  readonly images?: readonly string[]
  /** All complete images of this client. */
  readonly client?: string
  /** All complete images of this policy. */
  readonly policy?: string
  /** Backed up at or after, milliseconds since the epoch. */
  readonly from?: number
  /** Backed up at or before, milliseconds since the epoch. */
  readonly to?: number
  /** Number of the copy. @default the first */
  readonly copy?: number
  /** Wait until the jobs have ended. @default false */
  readonly wait?: boolean
}

/**
 * `nb verify IMAGE...`: starts a job for each image that reads all of it from its medium and compares it with checksums and catalog.
 * Rejects with `image-unknown`, `state-conflict`, `not-found` (the copy) before any job is started.
 */
export async function verifyCommand(
  { catalog, jobs }: Pick<Ports, 'catalog' | 'jobs'>,
  { wait = false, copy, images: ids = [], client, policy, from, to, ...call }: VerifyOptions,
  output: Output,
): Promise<ExitCode> {
  const filter = {
    ...(client === undefined ? {} : { client }),
    ...(policy === undefined ? {} : { policy }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
  const byFilter = Object.keys(filter).length > 0
  if (byFilter === ids.length > 0)
    throw new UsageError(
      byFilter
        ? 'either name images, or say which by --client, --policy, --from and --to'
        : 'name images, or say which by --client, --policy, --from and --to',
    )
  const images: ImageRecord[] = []
  for (const backupId of ids) {
    const image = await catalog.getImage({ backupId }, call)
    if (image === undefined)
      throw new NbError('image-unknown', `there is no image ${backupId}; nb images lists what there is`)
    images.push(image)
  }
  if (byFilter) for await (const image of catalog.listImages(filter, call)) images.push(image)
  if (images.length === 0)
    throw new NbError('no-image-matches', 'no complete image is of that client, policy and time')
  const requests = images.map((image) =>
    verifyJobRequest(image, { requestId: randomUUID(), ...(copy === undefined ? {} : { copy }) }),
  )
  const jobIds: string[] = []
  for (const request of requests) jobIds.push((await jobs.submit(request, call)).jobId)
  return tellStarted(jobs, jobIds, wait, call, output)
}
