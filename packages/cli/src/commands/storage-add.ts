import { type CallOptions, type DiskStorageUnit, NbError } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'

/** What `nb storage add` makes. */
export interface StorageAddRequest {
  readonly name: string
  /** The media server whose disk it is. */
  readonly mediaServer: string
  /** Most jobs at once. @default 4 */
  readonly maxJobs?: number
  /** Largest fragment, bytes. @default 512 GiB */
  readonly maxFragmentBytes?: number
  /** Only used when a policy names it. @default false */
  readonly onDemandOnly?: boolean
}

/**
 * `nb storage add NAME --media-server NAME`: a disk storage unit. Where its folder is, the media server is told itself. Rejects with `already-exists`,
 * `media-server-unknown`, `argument-invalid`.
 */
export async function storageAddCommand(
  { media }: Pick<Ports, 'media'>,
  { name, mediaServer, maxJobs = 4, maxFragmentBytes = 2 ** 39, onDemandOnly = false }: StorageAddRequest,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  for await (const known of media.storageUnits({ name }, call))
    throw new NbError(
      'already-exists',
      `there is a storage unit ${known.name}, of ${known.mediaServer}; nb storage set changes it`,
      {
        details: { storageUnit: name },
      },
    )
  const unit: DiskStorageUnit = {
    ...{ type: 'disk', name, mediaServer, state: 'up', maxFragmentBytes, onDemandOnly },
    maxConcurrentJobs: maxJobs,
  } as const
  await media.putStorageUnit(unit, call)
  if (output.json) await output.value(unit)
  else
    await output.line(
      `storage unit ${name} of ${mediaServer} is added; start the media server with --disk ${name}=FOLDER`,
    )
  return 0
}
