const SLASH = 0x2f

/**
 * The order of a file list: by components, each compared bytewise. `/` counts lower than any other byte, so a
 * directory is followed by all it holds (depth-first, each directory's names sorted bytewise).
 *
 * @param a - absolute path
 * @param b - absolute path
 * @returns below 0, 0 or above 0
 */
export function comparePaths(a: Uint8Array, b: Uint8Array): number {
  const shared = sharedPrefix(a, b)
  if (shared === a.length || shared === b.length) return a.length - b.length
  return rank(a[shared]) - rank(b[shared])
}

/**
 * Length of the common beginning of two byte strings.
 *
 * @param a - bytes
 * @param b - bytes
 */
export function sharedPrefix(a: Uint8Array, b: Uint8Array): number {
  const limit = Math.min(a.length, b.length)
  let index = 0
  while (index < limit && a[index] === b[index]) index++
  return index
}

/**
 * Where a byte stands in the order of paths.
 *
 * @param byte - the byte; absent (the path has ended) counts lowest
 */
export function rank(byte: number | undefined): number {
  if (byte === undefined) return -1
  return byte === SLASH ? 0 : byte
}

/**
 * Whether a path is a directory itself or anything below it.
 *
 * @param path - absolute path
 * @param directory - absolute path of the directory
 */
export function isWithin(path: Uint8Array, directory: Uint8Array): boolean {
  if (sharedPrefix(path, directory) < directory.length) return false
  return path.length === directory.length || directory.length === 1 || path[directory.length] === SLASH
}

/**
 * What is wrong with bytes as the path of a file list.
 *
 * @param path - the bytes
 * @param sound - how many of its first bytes are those of a path that is sound
 * @returns a reason for people, or undefined where nothing is wrong
 */
export function pathFault(path: Uint8Array, sound = 0): string | undefined {
  if (path.length === 0 || path.length > MAX_PATH_BYTES) return `has ${path.length} bytes`
  if (path[0] !== SLASH) return 'does not begin with a slash'
  for (let index = Math.max(1, sound); index < path.length; index++) {
    const byte = path[index]
    if (byte === 0) return 'holds a NUL byte'
    if (byte === SLASH && (path[index - 1] === SLASH || index === path.length - 1))
      return 'has an empty component'
  }
  return undefined
}

/** Longest path of a file list: what the head of a batch can say. */
export const MAX_PATH_BYTES = 65_535
