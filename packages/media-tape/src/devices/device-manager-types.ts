import type {
  CallOptions,
  Clock,
  DeviceOperations,
  JobLog,
  Lifecycle,
  Logger,
  MediaManager,
  TapeMounts,
} from '@nb/contracts'
import type { TapeKeys } from '../encryption/tape-keys.ts'
import type { ManagedRobot } from './audit.ts'
import type { BarcodeRule, VolumeIdRule } from './barcode-rules.ts'
import type { ManagedDrive } from './drive-bay.ts'

/** A drive of this host. */
export interface ServedDrive {
  readonly drive: ManagedDrive
  /** The robot that serves it. @default it stands alone */
  readonly robot?: string
  /** As in {@link DeviceManagerOptions}, for this one. @default that of all */
  readonly cleaningFrequencyHours?: number
}

/** What a device manager works with. */
export interface DeviceManagerComponents {
  /** The robots of this host, by the names that the media manager knows them by. */
  readonly robots: Readonly<Record<string, ManagedRobot>>
  /** The drives, by name. */
  readonly drives: Readonly<Record<string, ServedDrive>>
  readonly media: MediaManager
  readonly clock: Clock
  /** Keys of volumes that drives encrypt: those of pools whose names begin with `ENCR_`. @default there are none, and such pools are not written to */
  readonly keys?: TapeKeys
  /** Gets a line for each volume that is moved or labelled for a job. @default none is written */
  readonly log?: JobLog
  /** Is told what an operator has to do, a sentence each. @default the debug log */
  readonly warn?: (text: string) => void
  /** @default debugLogger('nb:media-tape:devices') */
  readonly logger?: Logger
}

/** How it works. */
export interface DeviceManagerOptions {
  /** How long a volume stays in its drive for the next job that wants it, milliseconds, 0–1800000. @default 180000 */
  readonly unmountDelayMs?: number
  /** How often it looks whether drives and robots that failed work again, milliseconds, 1000–3600000. @default 60000 */
  readonly recoveryIntervalMs?: number
  /**
   * The key, 1–2^64-1, under which drives are reserved while they hold a volume, so that no other host writes in between. It has to be the same after
   * a restart, and another one on each host: what is reserved under it is ours. @default drives are not reserved
   */
  readonly reservationKey?: bigint
  /**
   * A drive is cleaned when it had volumes mounted for jobs for so many hours since its last cleaning, 0–10000, after the present volume; when it
   * asks for it, it is cleaned before. @default 0: only when it asks for it
   */
  readonly cleaningFrequencyHours?: number
  /** How unknown volumes of a robot are taken in. @default data volumes of density hcart and pool NetBackup; CLN… clean */
  readonly barcodeRules?: readonly BarcodeRule[]
  /** How volume ids are made of barcodes. @default the six characters before the media type, else the last six */
  readonly volumeIdRules?: readonly VolumeIdRule[]
}

/** The device manager of a media server: mounts, and what an operator does with robots and volumes. */
export interface DeviceManager extends TapeMounts, DeviceOperations, Required<Lifecycle> {
  /** Takes what nobody uses out of its drives now, without waiting for the delay. */
  unloadIdle(options?: CallOptions): Promise<void>
}
