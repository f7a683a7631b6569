import { type CallOptions, NbError, type StorageUnit } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { type ExitCode, UsageError } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { given } from './each.ts'
import { marksOf, mostAtOnce } from './storage.ts'

/** Options of `nb storage set`. */
export interface StorageSetOptions extends CallOptions {
  readonly name: string
  /** Most jobs at once of a disk storage unit; 0 disables it. */
  readonly maxJobs?: number
  /** Most drives of a tape storage unit that write at once. */
  readonly maxDrives?: number
  /** Most jobs that write to one drive at once, 1–32. */
  readonly maxStreams?: number
  /** Largest fragment, bytes. */
  readonly maxFragmentBytes?: number
  /** Only used when a policy names it. */
  readonly onDemandOnly?: boolean
  /** High-water mark of a disk storage unit, 1–100 percent. */
  readonly highWater?: number
  /** Low-water mark of a disk storage unit, percent below the high-water mark. */
  readonly lowWater?: number
  /** Whether images that have another copy make room on a disk storage unit. */
  readonly staging?: boolean
}

/** `nb storage set NAME`: changes limits of a storage unit. Rejects with `storage-unit-unknown`, `argument-invalid`. */
export async function storageSetCommand(
  { media }: Pick<Ports, 'media'>,
  { name, signal, ...limits }: StorageSetOptions,
  output: Output,
): Promise<ExitCode> {
  const call = signal === undefined ? {} : { signal }
  if (Object.keys(limits).length === 0)
    throw new UsageError('say what to set; nb storage set --help lists it')
  for await (const unit of media.storageUnits({ name }, call)) {
    const changed = withLimits(unit, limits)
    await media.putStorageUnit(changed, call)
    if (output.json) await output.value(changed)
    else {
      const marks = changed.type === 'disk' ? `, water marks ${marksOf(changed)}` : ''
      await output.line(`storage unit ${name}: ${mostAtOnce(changed)} at once${marks}`)
    }
    return 0
  }
  throw new NbError('storage-unit-unknown', `there is no storage unit ${name}; nb storage lists them`, {
    details: { storageUnit: name },
  })
}

function withLimits(unit: StorageUnit, options: Omit<StorageSetOptions, 'name'>): StorageUnit {
  const { maxJobs, maxDrives, maxStreams, maxFragmentBytes, onDemandOnly } = options
  const { highWater, lowWater, staging } = options
  const both = { ...given('maxFragmentBytes', maxFragmentBytes), ...given('onDemandOnly', onDemandOnly) }
  if (unit.type === 'disk') {
    if (maxDrives !== undefined || maxStreams !== undefined)
      throw new UsageError(`${unit.name} is a disk storage unit: it has --max-jobs, no drives`)
    return {
      ...unit,
      ...both,
      ...given('maxConcurrentJobs', maxJobs),
      ...given('highWaterPercent', highWater),
      ...given('lowWaterPercent', lowWater),
      ...given('staging', staging),
    }
  }
  if (highWater !== undefined || lowWater !== undefined || staging !== undefined)
    throw new UsageError(`${unit.name} is a tape storage unit: water marks are of disks`)
  if (maxJobs !== undefined)
    throw new UsageError(`${unit.name} is a tape storage unit: it has --max-drives and --max-streams`)
  return {
    ...unit,
    ...both,
    ...given('maxConcurrentDrives', maxDrives),
    ...given('maxStreamsPerDrive', maxStreams),
  }
}
