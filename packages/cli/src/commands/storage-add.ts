import {
  type CallOptions,
  type DiskStorageUnit,
  NbError,
  type StorageUnit,
  type TapeStorageUnit,
} from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { type ExitCode, UsageError } from '../exit-code.ts'
import type { Output } from '../output.ts'

/** What `nb storage add` makes. */
export interface StorageAddRequest {
  readonly name: string
  /** The media server whose disk or drives it is. */
  readonly mediaServer: string
  /** Makes a tape storage unit of this robot's drives. @default it is a disk */
  readonly robot?: string
  /** Disk: most jobs at once. @default 4 */
  readonly maxJobs?: number
  /** Tape: most drives that write at once. @default all that the media server has in the robot */
  readonly maxDrives?: number
  /** Tape: most jobs that write to one drive at once. @default 1 */
  readonly maxStreams?: number
  /** Largest fragment, bytes. @default 512 GiB */
  readonly maxFragmentBytes?: number
  /** Only used when a policy names it. @default false for a disk, true for tape */
  readonly onDemandOnly?: boolean
}

/**
 * `nb storage add NAME --media-server NAME [--robot NAME]`: a disk or tape storage unit. Where the disk's folder or the library is, the media server is told itself.
 * Rejects with `already-exists`, `media-server-unknown`, `not-found` for a robot of which the media server has no drive, `argument-invalid`.
 */
export async function storageAddCommand(
  { media }: Pick<Ports, 'media'>,
  request: StorageAddRequest,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const { name, mediaServer } = request
  for await (const known of media.storageUnits({ name }, call))
    throw new NbError(
      'already-exists',
      `there is a storage unit ${known.name}, of ${known.mediaServer}; nb storage set changes it`,
      {
        details: { storageUnit: name },
      },
    )
  const unit: StorageUnit =
    request.robot === undefined ? disk(request) : await tape(media, request, request.robot, call)
  await media.putStorageUnit(unit, call)
  const start =
    unit.type === 'disk'
      ? `--disk ${name}=FOLDER`
      : `--tape LIBRARY${name === 'tape1' ? '' : ` --tape-unit ${name}`}`
  if (output.json) await output.value(unit)
  else
    await output.line(
      `storage unit ${name} of ${mediaServer} is added; ${unit.type === 'disk' ? 'start the media server' : 'its media server runs'} with ${start}`,
    )
  return 0
}

function disk({
  name,
  mediaServer,
  maxJobs = 4,
  maxDrives,
  maxStreams,
  maxFragmentBytes = 2 ** 39,
  onDemandOnly = false,
}: StorageAddRequest): DiskStorageUnit {
  if (maxDrives !== undefined || maxStreams !== undefined)
    throw new UsageError('--max-drives and --max-streams are for tape: name its robot with --robot')
  return {
    ...{ type: 'disk', name, mediaServer, state: 'up', maxFragmentBytes, onDemandOnly },
    maxConcurrentJobs: maxJobs,
  } as const
}

async function tape(
  media: Ports['media'],
  {
    name,
    mediaServer,
    maxJobs,
    maxDrives,
    maxStreams = 1,
    maxFragmentBytes = 2 ** 39,
    onDemandOnly = true,
  }: StorageAddRequest,
  robot: string,
  call: CallOptions,
): Promise<TapeStorageUnit> {
  if (maxJobs !== undefined)
    throw new UsageError('--max-jobs is for disks: of tape --max-drives and --max-streams are the limits')
  const densities: string[] = []
  for await (const drive of media.drives({}, call))
    if (drive.robot === robot && drive.mediaServer === mediaServer) densities.push(drive.density)
  const [density] = densities
  if (density === undefined)
    throw new NbError(
      'not-found',
      `media server ${mediaServer} has no drives in a robot ${robot}; nb drives lists what media servers have`,
      { details: { robot, mediaServer } },
    )
  return {
    ...{ type: 'tape', name, mediaServer, state: 'up', maxFragmentBytes, onDemandOnly, density, robot },
    maxConcurrentDrives: maxDrives ?? densities.length,
    maxStreamsPerDrive: maxStreams,
  } as const
}
