import { randomUUID } from 'node:crypto'
import { type CallOptions, NbError, type StorageChoice, duplicateJobRequest } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { type ExitCode, UsageError } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { checkUnit } from '../known-unit.ts'
import { tellStarted } from './backup.ts'

/** Options of `nb duplicate`. */
export interface DuplicateOptions extends CallOptions {
  /** Images by id. */
  readonly images: readonly string[]
  /** Where to: a storage unit. */
  readonly to?: string
  /** Where to: a group of storage units. */
  readonly toGroup?: string
  /** Of tapes. @default 'NetBackup' */
  readonly pool?: string
  /** Number of the copy that is read. @default the first */
  readonly copy?: number
  /** Wait until the jobs have ended. @default false */
  readonly wait?: boolean
}

/**
 * `nb duplicate IMAGE... --to UNIT`: starts a job for each image that makes a further copy of it. Rejects with `image-unknown`,
 * `state-conflict`, `not-found` (the copy), `storage-unit-unknown` before any job is started.
 */
export async function duplicateCommand(
  { catalog, jobs, media }: Pick<Ports, 'catalog' | 'jobs' | 'media'>,
  { images: ids, to, toGroup, pool, copy, wait = false, ...call }: DuplicateOptions,
  output: Output,
): Promise<ExitCode> {
  if (to !== undefined && toGroup !== undefined)
    throw new UsageError('say either --to UNIT or --to-group GROUP')
  if (to === undefined && toGroup === undefined)
    throw new UsageError('say where to: --to UNIT, or --to-group GROUP')
  const storage: StorageChoice =
    to === undefined ? { kind: 'group', name: toGroup ?? '' } : { kind: 'unit', name: to }
  if (to !== undefined) await checkUnit({ media }, to, call)
  const requests: ReturnType<typeof duplicateJobRequest>[] = []
  for (const backupId of ids) {
    const image = await catalog.getImage({ backupId }, call)
    if (image === undefined)
      throw new NbError('image-unknown', `there is no image ${backupId}; nb images lists what there is`)
    const options = {
      requestId: randomUUID(),
      storage,
      ...(pool === undefined ? {} : { volumePool: pool }),
      ...(copy === undefined ? {} : { copy }),
    }
    requests.push(duplicateJobRequest(image, options))
  }
  const jobIds: string[] = []
  for (const request of requests) jobIds.push((await jobs.submit(request, call)).jobId)
  return tellStarted(jobs, jobIds, wait, call, output)
}
