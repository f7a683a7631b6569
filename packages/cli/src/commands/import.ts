import { randomUUID } from 'node:crypto'
import { type CallOptions, NbError, type StorageUnit, importJobRequest } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { type ExitCode, UsageError } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { checkUnit } from '../known-unit.ts'
import { tellStarted } from './backup.ts'

/** Options of `nb import`. */
export interface ImportOptions extends CallOptions {
  readonly storageUnit: string
  /** Only these images. @default all that the catalog does not know */
  readonly images?: readonly string[]
  /** Of a tape storage unit: only these volumes. @default all of its robot and density */
  readonly volume?: readonly string[]
  /** Of a tape storage unit: only volumes of this pool. @default all pools */
  readonly pool?: string
  /** Wait until the job has ended. @default false */
  readonly wait?: boolean
}

/**
 * `nb import UNIT`: starts a job that brings back into the catalog what a storage unit holds and the catalog does not know. Rejects with
 * `storage-unit-unknown`, `not-found` (a volume, or none to read).
 */
export async function importCommand(
  { jobs, media }: Pick<Ports, 'jobs' | 'media'>,
  { storageUnit, images, volume, pool, wait = false, ...call }: ImportOptions,
  output: Output,
): Promise<ExitCode> {
  await checkUnit({ media }, storageUnit, call)
  const volumes = await volumesToRead(media, { storageUnit, volume, pool }, call)
  const request = importJobRequest({
    requestId: randomUUID(),
    storageUnit,
    ...(images === undefined || images.length === 0 ? {} : { images }),
    ...(volumes === undefined ? {} : { volumes }),
  })
  const { jobId } = await jobs.submit(request, call)
  return tellStarted(jobs, [jobId], wait, call, output)
}

/** The volumes of a tape storage unit that are read: those that are named, or all that its drives can be given; `undefined` for a disk. */
async function volumesToRead(
  media: Ports['media'],
  {
    storageUnit,
    volume: named = [],
    pool,
  }: { readonly storageUnit: string } & {
    readonly [Field in 'volume' | 'pool']: ImportOptions[Field] | undefined
  },
  call: CallOptions,
): Promise<readonly string[] | undefined> {
  let unit: StorageUnit | undefined
  for await (const found of media.storageUnits({ name: storageUnit }, call)) unit = found
  if (unit?.type !== 'tape') {
    if (named.length === 0 && pool === undefined) return undefined
    throw new UsageError(`storage unit ${storageUnit} has no volumes: leave out --volume and --pool`)
  }
  if (named.length > 0 && pool !== undefined) throw new UsageError('say either --volume ID or --pool POOL')
  for (const volumeId of named) await checkVolume(media, volumeId, call)
  if (named.length > 0) return [...new Set(named)]
  const { robot, density } = unit
  const found: string[] = []
  for await (const volume of media.volumes(pool === undefined ? {} : { pool }, call))
    if (volume.robot === robot && volume.density === density) found.push(volume.volumeId)
  if (found.length > 0) return found
  const whose = pool === undefined ? '' : ` of pool ${pool}`
  throw new NbError('not-found', `storage unit ${storageUnit} has no volumes${whose}; nb volumes lists all`)
}

async function checkVolume(media: Ports['media'], volumeId: string, call: CallOptions): Promise<void> {
  for await (const _ of media.volumes({ volumeId }, call)) return
  throw new NbError('not-found', `there is no volume ${volumeId}; nb volumes lists what there is`, {
    details: { volumeId },
  })
}
