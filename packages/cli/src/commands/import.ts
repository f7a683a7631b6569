import { randomUUID } from 'node:crypto'
import { type CallOptions, importJobRequest } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { checkUnit } from '../known-unit.ts'
import { tellStarted } from './backup.ts'

/** Options of `nb import`. */
export interface ImportOptions extends CallOptions {
  readonly storageUnit: string
  /** Only these images. @default all that the catalog does not know */
  readonly images?: readonly string[]
  /** Wait until the job has ended. @default false */
  readonly wait?: boolean
}

/**
 * `nb import UNIT`: starts a job that brings back into the catalog what a storage unit holds and the catalog does not know. Rejects with
 * `storage-unit-unknown`.
 */
export async function importCommand(
  { jobs, media }: Pick<Ports, 'jobs' | 'media'>,
  { storageUnit, images, wait = false, ...call }: ImportOptions,
  output: Output,
): Promise<ExitCode> {
  await checkUnit({ media }, storageUnit, call)
  const request = importJobRequest({
    requestId: randomUUID(),
    storageUnit,
    ...(images === undefined || images.length === 0 ? {} : { images }),
  })
  const { jobId } = await jobs.submit(request, call)
  return tellStarted(jobs, [jobId], wait, call, output)
}
