import type { CallOptions } from './call-options.ts'
import type { Volume } from './media-manager.ts'
import type { LibraryElement } from './tape-robot.ts'

/** A difference between what a robot has and what the media manager says. */
export type InventoryDifference =
  /** The robot has it, nobody knows it: it would be added so. */
  | { readonly kind: 'new'; readonly volume: Volume }
  /** It is in another slot, or was in none. */
  | { readonly kind: 'moved'; readonly volumeId: string; readonly from?: number; readonly to?: number }
  /** It should be in this robot, and is not: it is nowhere there, or in a mail slot. */
  | { readonly kind: 'gone'; readonly volumeId: string; readonly from?: number }
  /** What can't be taken in, and why. */
  | { readonly kind: 'refused'; readonly barcode?: string; readonly place: string; readonly why: string }

/** A place of a robot with what is there, beside what the media manager says. */
export interface InventoryPlace extends LibraryElement {
  /** The known volume that is there, by its barcode. */
  readonly volumeId?: string
  /** The volume that the media manager has there; of mail slots it has none. */
  readonly expected?: string
}

/** One look into a robot. */
export interface RobotInventory {
  readonly robot: string
  /** Drives first, then slots, then mail slots (`import-export`), each by number. */
  readonly places: readonly InventoryPlace[]
  /** What an update would do. */
  readonly differences: readonly InventoryDifference[]
}

/** A cartridge that was taken in from a mail slot. */
export interface Injected {
  readonly barcode: string
  /** Absent for what is no volume, such as a cleaning cartridge. */
  readonly volumeId?: string
  readonly mailSlot: number
  readonly slot: number
}

/** What is left in a mail slot. */
export interface NotInjected {
  readonly mailSlot: number
  /** Absent where it could not be read. */
  readonly barcode?: string
  /** Why, with the way out. */
  readonly why: string
}

/** What taking in from the mail slots has done. */
export interface InjectReport {
  readonly injected: readonly Injected[]
  readonly left: readonly NotInjected[]
  /** What taking stock has changed then. */
  readonly differences: readonly InventoryDifference[]
}

/** Where a volume lies that is to be taken out of a robot by hand. */
export interface Ejected {
  readonly volumeId: string
  readonly robot: string
  readonly mailSlot: number
}

/** A volume that has a new label. */
export interface Labelled {
  readonly volumeId: string
  readonly drive: string
  readonly generation: string
}

/**
 * What an operator does with the robots and volumes of a media server.
 *
 * Obligations: the media manager hears of a move or a label only after the hardware has confirmed it. What a job uses is left alone. What lies
 * in a mail slot is on its way in or out: it is not in the robot. Aborted, a call stops waiting; what the robot has begun runs to its end, and is told to
 * the media manager. All reject as the robot does: `robot-failed`, `robot-not-ready`, and with `not-found` where there is no such robot, volume or drive here.
 */
export interface DeviceOperations {
  /** What is in a robot, beside what the media manager says of it. Changes nothing. */
  inventory(input: { readonly robot: string }, options?: CallOptions): Promise<RobotInventory>
  /** Has the media manager say what the robot has: new volumes are added by the barcode rules, places are corrected. Gives what it did. */
  updateInventory(
    input: { readonly robot: string },
    options?: CallOptions,
  ): Promise<readonly InventoryDifference[]>
  /**
   * Moves what is in the mail slots into slots that are empty, and takes stock. What can't be taken in is left there and told. Rejects with
   * `not-supported` for a robot without mail slots.
   */
  inject(input: { readonly robot: string }, options?: CallOptions): Promise<InjectReport>
  /**
   * Moves a volume into a mail slot; it is in no robot then. One that waits there already is told again. Rejects with `state-conflict` while a job uses it or
   * it is in no robot, `element-full` where no mail slot is empty, `not-supported` where its robot has none.
   */
  eject(input: { readonly volumeId: string }, options?: CallOptions): Promise<Ejected>
  /**
   * Labels a volume anew; all that is on it is gone. Without `drive` in one that nobody uses, the one that has it first. Rejects with
   * `state-conflict` while images are on it or a job uses it, and where the tape holds something else than a label of ours without images, unless
   * `overwrite` says so; `drive-not-ready` where no drive is free.
   */
  label(
    input: { readonly volumeId: string; readonly drive?: string; readonly overwrite?: boolean },
    options?: CallOptions,
  ): Promise<Labelled>
}
