import type { RestorableAttributes } from './apply-attributes.ts'

/**
 * What one group of a restore leaves to the next: plain data, kept by the agent in between.
 */
export interface ExtractionState {
  /** Directories whose attributes are set at the very end, since writing into them would change them again. */
  readonly directories: readonly DeferredDirectory[]
  /**
   * Directories that this restore has made, or took over unfinished from one before it, as latin1 strings: theirs are the
   * attributes to set whatever the policy.
   */
  readonly made: readonly string[]
  /** Where a file of several names was first written. */
  readonly leaders: readonly (readonly [linkKey: string, leader: LinkLeader])[]
}

/** A directory of the plan, with what its member said. */
export interface DeferredDirectory {
  /** Target path, `/` in front. */
  readonly path: Uint8Array
  readonly attributes: RestorableAttributes
}

/** A written file that further names are linked to. */
export interface LinkLeader {
  readonly path: Uint8Array
  /** What it is: a name that was given to another file since is not linked to. */
  readonly identity: string
}

/** The state before the first group. */
export const noExtractionState: ExtractionState = { directories: [], made: [], leaders: [] }
