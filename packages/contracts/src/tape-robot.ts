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
 * Obligations: one move at a time, in the order of the calls. A move that rejects has moved nothing, except with
 * `media-position-failed` (the robot failed on its way: where the volume is, the next inventory tells).
 */
export interface TapeRobot {
  /** All places: drives first, then slots, then import and export, each by number. */
  inventory(options?: CallOptions): Promise<readonly LibraryElement[]>
  /**
   * Carries a volume. Rejects with `element-empty`, `element-full`, `not-found` (no such place), and with
   * `state-conflict` while a drive holds the volume loaded: unload it first.
   */
  move(
    input: { readonly from: LibraryPlace; readonly to: LibraryPlace },
    options?: CallOptions,
  ): Promise<void>
}

/** `slot 3`, `drive 1`, `import-export 2`. */
export function describePlace({ kind, number }: LibraryPlace): string {
  return `${kind} ${number}`
}
