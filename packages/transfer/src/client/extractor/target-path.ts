/** A path that must not be written to. */
export type TargetPathFault =
  | 'not absolute'
  | 'holds a NUL byte'
  | 'holds an empty, "." or ".." component'
  | 'has a name over 255 bytes'
  | 'is over 4096 names deep'

/** What is made for a path is remembered name by name with all above it: so deep a chain takes 128 MiB, a deeper one gigabytes. */
const MOST_NAMES = 4096

/**
 * The names from the restore's root down to a target, whatever the plan says: never `..`, so that nothing can lead
 * out of the root by its name.
 *
 * @param path - target path in the plan's form: begins with `/`, which means the root
 * @returns the names, none for the root itself, or why the path is refused
 */
export function targetNames(path: Buffer): readonly Buffer[] | TargetPathFault {
  if (path[0] !== SLASH) return 'not absolute'
  if (path.includes(0)) return 'holds a NUL byte'
  if (path.length === 1) return []
  const names: Buffer[] = []
  for (let start = 1, end = 1; end <= path.length; end++) {
    if (end < path.length && path[end] !== SLASH) continue
    if (names.length === MOST_NAMES) return 'is over 4096 names deep'
    const name = path.subarray(start, end)
    const fault = nameFault(name)
    if (fault !== undefined) return fault
    names.push(name)
    start = end + 1
  }
  return names
}

/**
 * The last name of a target path whose directory is known to be good, or why it is refused: what {@link targetNames} says, for
 * less.
 */
export function lastTargetName(path: Buffer): Buffer | TargetPathFault {
  const start = lastSlash(path) + 1
  for (let index = start; index < path.length; index++) if (path[index] === 0) return 'holds a NUL byte'
  const name = path.subarray(start)
  return nameFault(name) ?? name
}

/**
 * Whether what stands between the last slash of a path and its end can be the name of a file, as {@link lastTargetName} has it; NUL
 * bytes are not looked for.
 */
export function isTargetName(bytes: Buffer, start: number, end: number): boolean {
  const length = end - start
  if (length < 1 || length > 255) return false
  return bytes[start] !== DOT || length > 2 || (length === 2 && bytes[start + 1] !== DOT)
}

/** Where the last slash of a path is; −1 where it has none. */
export function lastSlash(path: Buffer): number {
  return lastSlashWithin(path, 0, path.length)
}

/** Where the last slash of a path is that is a part of some bytes; before its start where it has none. */
export function lastSlashWithin(bytes: Buffer, start: number, end: number): number {
  let index = end - 1
  while (index >= start && bytes[index] !== SLASH) index--
  return index
}

/** Whether the first bytes of two paths are the same; the second begins at `start` of its bytes. */
export function sameFront(a: Buffer, b: Buffer, bytes: number, start = 0): boolean {
  if (a.length < bytes || b.length < start + bytes) return false
  // Neighbours differ near the end, if at all.
  for (let index = bytes - 1; index >= 0; index--) if (a[index] !== b[start + index]) return false
  return true
}

function nameFault(name: Buffer): TargetPathFault | undefined {
  if (name.length === 0) return 'holds an empty, "." or ".." component'
  if (name[0] === DOT && (name.length === 1 || (name.length === 2 && name[1] === DOT)))
    return 'holds an empty, "." or ".." component'
  return name.length > 255 ? 'has a name over 255 bytes' : undefined
}

const SLASH = 0x2f
const DOT = 0x2e
