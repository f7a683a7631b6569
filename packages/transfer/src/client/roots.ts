/** The roots of a walk, ready to be walked one after the other. */
export interface WalkRoots {
  /** In the file list's order, none inside another. */
  readonly roots: readonly Buffer[]
  /** Roots that lie inside another one: walked with it, and entered even when another file system is mounted there. */
  readonly inner: readonly Buffer[]
}

const SLASH = 0x2f

/**
 * Absolute path with one `/` between names, no `.` and none at the end; `undefined` where it is not absolute, or
 * holds `..` or a NUL (which could name something else by the time it is opened).
 */
export function normalizeRoot(path: Buffer): Buffer | undefined {
  if (path[0] !== SLASH || path.includes(0)) return undefined
  const names = splitPath(path).filter((name) => !name.equals(DOT))
  if (names.some((name) => name.equals(DOT_DOT))) return undefined
  if (names.length === 0) return Buffer.from('/')
  return Buffer.concat(names.flatMap((name) => [SLASH_BYTE, name]))
}

/** The names along a path. */
export function splitPath(path: Buffer): Buffer[] {
  const names: Buffer[] = []
  let start = 0
  while (start < path.length) {
    const slash = path.indexOf(SLASH, start)
    const end = slash < 0 ? path.length : slash
    if (end > start) names.push(path.subarray(start, end))
    start = end + 1
  }
  return names
}

/** Sorts normalized roots and merges those that are given twice or lie inside another. */
export function mergeRoots(
  paths: readonly Buffer[],
  order: {
    readonly comparePaths: (a: Buffer, b: Buffer) => number
    readonly isWithin: (path: Buffer, directory: Buffer) => boolean
  },
): WalkRoots {
  const roots: Buffer[] = []
  const inner: Buffer[] = []
  for (const path of [...paths].sort(order.comparePaths)) {
    const last = roots.at(-1)
    if (last === undefined || !order.isWithin(path, last)) roots.push(path)
    else if (!path.equals(last)) inner.push(path)
  }
  return { roots, inner }
}

const DOT = Buffer.from('.')
const DOT_DOT = Buffer.from('..')
const SLASH_BYTE = Buffer.from('/')
