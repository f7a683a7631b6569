import type { CallOptions } from './call-options.ts'
import { NbError } from './errors.ts'
import type { TapeDrive } from './tape-drive.ts'

/** What a job wants of a tape volume. */
export interface TapeMountRequest {
  readonly jobId: string
  readonly volumeId: string
  /** The drive that was set aside for it. */
  readonly drive: string
  /** `write` has a volume without images labelled first, where what is on it may be overwritten. */
  readonly purpose: 'read' | 'write'
  /** The volume's pool; goes into its label. */
  readonly pool: string
}

/** A volume that is loaded in a drive, for one user at a time. */
export interface MountedVolume {
  readonly volumeId: string
  /** What its label says; drawn anew at every labelling, so it tells this writing of the volume from all before. */
  readonly generation: string
  /** The drive; it stands anywhere. Only whoever mounted it gives it commands, until `unmount`. */
  readonly drive: TapeDrive
  /**
   * Gives it back, whatever state the drive is in. The volume may stay in the drive for the next job that wants it; then another
   * `mount` of it takes no time. Idempotent; never rejects for the hardware, which is the drive's state then.
   */
  unmount(): Promise<void>
}

/**
 * Gets tape volumes into drives: the device manager of a media server. A local power: what it gives is a live object.
 *
 * Obligations: what is mounted is what was asked for, by barcode where the library reads them and by the label on the tape always;
 * the media manager hears of a mount, a move, a label or an unmount only after the hardware has confirmed it. One user of a drive at a time:
 * a second `mount` of the same drive waits for the first one's `unmount`. Aborted, it stops waiting; what the robot has begun runs to its end.
 */
export interface TapeMounts {
  /**
   * Puts a volume into a drive, loaded, for the caller alone.
   *
   * Rejects with `media-open-failed` (the volume is not where it should be, is another, or its label is not ours; not retryable on this
   * volume; `details.frozen` where nobody writes to it before a person has looked, `details.missing` where it is not in its robot, which the
   * media manager knows by then), `media-write-protected` (frozen too), `drive-not-ready` (it failed, or another host has it reserved),
   * `robot-failed`, `robot-not-ready`, `element-full` (what is in the drive has nowhere to go), `not-found` (no such drive here).
   */
  mount(input: TapeMountRequest, options?: CallOptions): Promise<MountedVolume>
}

/** Whether a mount, or what needed it, failed because the volume is not in its robot: asked for again, it is waited for until a person brings it. */
export function isMissingVolume(error: unknown): error is NbError {
  return error instanceof NbError && error.code === 'media-open-failed' && error.details['missing'] === true
}
