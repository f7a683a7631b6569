import type { CallOptions } from './call-options.ts'

/** A place for one volume in a library. Numbers begin at 1. */
export interface LibraryPlace {
  readonly kind: 'slot' | 'drive'
  readonly number: number
}

/** A place and what the barcode reader saw there. */
export interface LibraryElement {
  readonly place: LibraryPlace
  /** The drive's name. */
  readonly drive?: string
  /** Absent when empty. */
  readonly barcode?: string
  /** The slot that a volume in a drive came from. */
  readonly from?: LibraryPlace
}

/**
 * The robot of a tape library. A local power of the host it is attached to.
 *
 * Obligations: one move at a time, in the order of the calls. A move that rejects has moved nothing.
 */
export interface TapeRobot {
  /** All places: drives first, then slots, by number. */
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

/** `slot 3`, `drive 1`. */
export function describePlace({ kind, number }: LibraryPlace): string {
  return `${kind} ${number}`
}
