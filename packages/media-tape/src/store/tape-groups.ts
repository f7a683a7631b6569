import {
  type CallOptions,
  type MountedMedium,
  type MountedVolume,
  NbError,
  type TapeDrive,
} from '@nb/contracts'
import { checkMultiplexedFileOptions } from '../multiplex/create-multiplexed-file.ts'
import { MultiplexGroup } from '../multiplex/multiplex-group.ts'
import type { MultiplexedFileOptions } from '../multiplex/multiplexed-file.ts'
import { OpenVolume, type OpenVolumeComponents } from '../volume-writer/open-volume.ts'
import { SharedMedium } from './shared-medium.ts'
import { SharedMounts, type SharedVolume } from './shared-mounts.ts'

/** A job that wants to write to the volume of its group. */
export interface JoiningJob {
  /** The group's name, as the allocation has it. */
  readonly group: string
  readonly jobId: string
  readonly volumeId: string
  /** Has the volume mounted, for the first of the group. */
  readonly mount: (options: CallOptions) => Promise<MountedVolume>
  /** The volume's drive as it is used; its errors are told to all jobs of the group. */
  readonly driveOf: (mounted: MountedVolume, jobs: () => readonly string[]) => TapeDrive
}

/** What groups work with. */
export interface TapeGroupsParts extends Omit<OpenVolumeComponents, 'drive'> {
  /** How their files are written. */
  readonly multiplexing: MultiplexedFileOptions
}

interface GroupVolume extends SharedVolume {
  readonly volumeId: string
  readonly group: MultiplexGroup
}

/** The volumes that several jobs write to at once, by group. */
export class TapeGroups {
  readonly #parts: TapeGroupsParts
  readonly #volumes: SharedMounts<GroupVolume>

  constructor(parts: TapeGroupsParts) {
    this.#parts = { ...parts, multiplexing: checkMultiplexedFileOptions(parts.multiplexing) }
    this.#volumes = new SharedMounts(parts.logger)
  }

  /** Takes part in a group. Rejects with `media-open-failed` where the group has another volume, and as the mount does. */
  async join(job: JoiningJob, options?: CallOptions): Promise<MountedMedium> {
    const { group, jobId, volumeId } = job
    const open: Parameters<SharedMounts<GroupVolume>['join']>[1] = (jobs, abandoned) =>
      this.#open(job, jobs, abandoned)
    const { volume, leave } = await this.#volumes.join({ key: group, jobId }, open, options)
    if (volume.volumeId === volumeId) return new SharedMedium({ volumeId, group: volume.group, leave })
    await leave()
    throw new NbError(
      'media-open-failed',
      `The jobs of group ${group} write to volume ${volume.volumeId}, job ${jobId} was given ${volumeId}.`,
      { retryable: false, details: { group, volumeId, mounted: volume.volumeId } },
    )
  }

  async #open(job: JoiningJob, jobs: () => readonly string[], options: CallOptions): Promise<GroupVolume> {
    const mounted = await job.mount(options)
    const drive = job.driveOf(mounted, jobs)
    const identity = { volume: mounted.volumeId, generation: mounted.generation }
    const { clock, multiplexing, logger } = this.#parts
    const volume = new OpenVolume({ ...this.#parts, drive }, identity)
    const group = new MultiplexGroup({ drive, clock, volume }, multiplexing)
    return {
      volumeId: mounted.volumeId,
      group,
      close: async () => {
        try {
          await group.settled().catch((error: unknown) => logger.error('%o', error))
          await volume.close()
        } finally {
          await mounted.unmount()
        }
      },
    }
  }
}
