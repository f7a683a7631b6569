/**
 * Copies bytes `from`–`to` of `source` to place `at` of `target`, at the speed of memory also where that is shared and the two do not lie alike in their
 * words. (`set`, and `copy` of all of a source, which is `set`, go byte by byte there: so the last byte goes by itself.)
 */
export function copyToShared(source: Buffer, target: Buffer, at: number, from: number, to: number): void {
  const last = to - 1
  source.copy(target, at, from, last)
  target[at + last - from] = source[last] as number
}
