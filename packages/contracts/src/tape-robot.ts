import type { CallOptions } from './call-options.ts'

/** A place for one volume in a library. Numbers begin at 1. */
export interface LibraryPlace {
  /** `import-export`: where people put volumes in and take them out. */
  readonly kind: 'slot' | 'drive' | 'import-export'
  readonly number: number
}

/** A place and what the barcode reader saw there. */
export interface LibraryElement {
  readonly place: LibraryPlace
  /** The drive's name. */
  readonly drive?: string
  /** Absent when empty, and when it could not be read. */
  readonly barcode?: string
  /** A volume is there whose barcode could not be read. @default false */
  readonly unlabelled?: boolean
  /** Where a volume in a drive came from, as far as the library knows. */
  readonly from?: LibraryPlace
}

/**
 * The robot of a tape library. A local power of the host it is attached to.
 *
 * Obligations: one command at a time, in the order of the calls. A move that rejects has moved nothing, except with `robot-failed`: the
 * robot failed on its way, or how the move ended is not known; where the volume is, the next inventory tells. A move relies on the
 * inventory that was given last: where people may have changed something since, it rejects with `state-conflict` until another was taken.
 */
export interface TapeRobot {
  /** All places: drives first, then slots, then import and export, each by number. */
  inventory(options?: CallOptions): Promise<readonly LibraryElement[]>
  /**
   * Carries a volume. Rejects with `element-empty`, `element-full`, `not-found` (no such place), with `state-conflict` while a drive
   * holds the volume loaded (unload it first), with `robot-not-ready` (a door is open, it is taking stock).
   */
  move(
    input: { readonly from: LibraryPlace; readonly to: LibraryPlace },
    options?: CallOptions,
  ): Promise<void>
}

/** `slot 3`, `drive 1`, `mail slot 2`. */
export function describePlace({ kind, number }: LibraryPlace): string {
  return `${kind === 'import-export' ? 'mail slot' : kind} ${number}`
}
