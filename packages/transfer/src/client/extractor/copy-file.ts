import type { Posix } from '../../posix/posix.ts'

const CHUNK_BYTES = 1 << 20

/** Copies the content of one open file to another that is empty, holes as holes. */
export function copyFile(posix: Posix, from: number, to: number): void {
  const { size } = posix.statFd(from)
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(size, 1)))
  posix.truncate(to, size)
  for (let at = posix.seekData(from, 0); at !== undefined && at < size; at = posix.seekData(from, at)) {
    const end = posix.seekHole(from, at) ?? size
    while (at < end) {
      const count = posix.readAt(from, buffer.subarray(0, Math.min(buffer.length, end - at)), at)
      if (count === 0) return
      posix.writeAt(to, buffer.subarray(0, count), at)
      at += count
    }
  }
}
