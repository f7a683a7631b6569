/** Tells which paths of a list are looked for. Paths come in the order of the list. */
export interface PathMatcher {
  /**
   * Whether a path is one.
   *
   * @param path - begins with the path; what is behind it means nothing
   * @param pathBytes - its length
   * @param sharedBytes - how many bytes it begins with that were those of the path asked before
   */
  matches(path: Uint8Array, pathBytes: number, sharedBytes: number): boolean
}
