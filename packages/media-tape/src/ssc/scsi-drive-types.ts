import type { CallOptions, Clock, ScsiTransport, TapeDrive } from '@nb/contracts'
import type { MediumAttribute } from '../scsi/attributes.ts'
import type { TapeAlert } from '../scsi/tape-alert.ts'
import type { DensityDescriptor } from '../scsi/tape-answers.ts'
import type { DriveQuirks } from './drive-quirks.ts'
import type { DriveSettings, DriveSettingsChange } from './drive-settings.ts'
import type { MotionTimes } from './motion-times.ts'

/** What a drive behind SCSI works with. */
export interface ScsiTapeDriveComponents {
  readonly transport: ScsiTransport
  readonly clock: Clock
}

/** What is told of the drive. */
export interface ScsiTapeDriveOptions {
  /** What people call it. @default the transport's name */
  readonly name?: string
  /** In what it differs from the standard, beyond what its vendor and product are known for. */
  readonly quirks?: DriveQuirks
  /** The longest times for its motions. */
  readonly times?: MotionTimes
  /** Length of all blocks, 1 byte – 8 MiB, for drives or formats without variable ones. @default variable */
  readonly fixedBlockBytes?: number
}

/** Who a drive is. */
export interface DriveIdentity {
  readonly vendor: string
  readonly product: string
  readonly revision: string
  readonly serial?: string
  /** Its quirks, in words; empty for one that has none. */
  readonly quirks: readonly string[]
}

/** A tape drive behind a SCSI transport, with what such a drive tells beyond the port. */
export interface ScsiTapeDrive extends TapeDrive {
  /** Who it is, with its quirks in words. */
  identity(options?: CallOptions): Promise<DriveIdentity>
  /** TapeAlert flags raised since they were taken last; asks the drive first. */
  takeAlerts(options?: CallOptions): Promise<readonly TapeAlert[]>
  /** How it's set now. Rejects with `not-supported` where it has no mode pages. */
  settings(options?: CallOptions): Promise<DriveSettings>
  /** Rejects with `not-supported` where the drive doesn't do it. */
  change(change: DriveSettingsChange, options?: CallOptions): Promise<DriveSettings>
  /** Formats that the drive supports, with `media` those of the volume in it; empty where it doesn't tell. */
  densities(input: { readonly media: boolean }, options?: CallOptions): Promise<readonly DensityDescriptor[]>
  /**
   * Has the cleaning cartridge that was put into the drive clean it, and waits until it lies in the mouth again. Rejects with
   * `media-open-failed` where it is none, or can't clean any more.
   */
  clean(options?: CallOptions): Promise<void>
  /**
   * Keeps other hosts from using the drive, and does so again after a reset. `key`, 1–2^64-1, is ours among all hosts. Rejects with
   * `scsi-access-denied` while another host has it reserved.
   */
  reserve(input: { readonly key: bigint }, options?: CallOptions): Promise<void>
  /** Lets other hosts use it again. Idempotent. */
  release(options?: CallOptions): Promise<void>
  /** What the memory of the cartridge says; empty where there is none. */
  attributes(options?: CallOptions): Promise<readonly MediumAttribute[]>
}
