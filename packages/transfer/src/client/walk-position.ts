import { splitPath } from './roots.ts'

/** What became of the roots. */
export interface WalkSummary {
  /** Roots that were there. */
  readonly found: number
  /** Roots that could be looked into, or are no directories. */
  readonly readable: number
}

/** A directory that is not finished. */
export interface OpenDirectory {
  /** Absolute path as raw bytes. */
  readonly path: Buffer
  /** The last of its names that is done with; `undefined` where none is. */
  readonly after: Buffer | undefined
  /** How many of the deepest directories down to it wait for their visit. */
  readonly unvisited: number
}

/**
 * Where a walk is between two entries: all that comes up to here in the order of the walk is done with. A walk that
 * resumes looks at nothing before it but the directories on the way.
 */
export interface WalkPosition {
  /** The root that the walk is in, or has just done with. */
  readonly root: Buffer
  /** The directory whose next name is due; `undefined` where the root is done with. */
  readonly directory: OpenDirectory | undefined
  /** What became of the roots up to and with this one, and of the inner ones. */
  readonly summary: WalkSummary
}

/** The names from a root down to a directory at or below it. */
export function namesBetween(root: Buffer, directory: Buffer): readonly Buffer[] {
  return splitPath(directory.subarray(root.length))
}
