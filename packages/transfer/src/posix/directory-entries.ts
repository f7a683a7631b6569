import type { NameStack } from '../client/name-stack.ts'

/** One name in a directory, with the type byte of `getdents64` (0 where the file system does not tell). */
export interface DirectoryEntry {
  readonly name: Buffer
  readonly type: number
}

/**
 * Appends the entries of one `getdents64` answer (`struct linux_dirent64`: ino 8, off 8, reclen 2,
 * type 1, name with its NUL) to `into`, without `.` and `..`. Names are copied: the buffer is used again.
 */
export function parseDirectoryEntries(buffer: Buffer, length: number, into: DirectoryEntry[]): void {
  let at = 0
  while (at < length) {
    const recordBytes = buffer.readUInt16LE(at + 16)
    const start = at + 19
    const end = buffer.indexOf(0, start)
    if (!isDot(buffer, start, end)) {
      into.push({ name: Buffer.from(buffer.subarray(start, end)), type: buffer[at + 18] ?? 0 })
    }
    at += recordBytes
  }
}

/** As {@link parseDirectoryEntries}, names alone. */
export function collectNames(buffer: Buffer, length: number, into: Pick<NameStack, 'add'>): void {
  for (let at = 0; at < length;) {
    const start = at + 19
    let end = start
    while (buffer[end] !== 0) end++
    if (!isDot(buffer, start, end)) into.add(buffer, start, end)
    at += (buffer[at + 16] as number) | ((buffer[at + 17] as number) << 8)
  }
}

function isDot(buffer: Buffer, start: number, end: number): boolean {
  if (buffer[start] !== 0x2e) return false
  return end === start + 1 || (end === start + 2 && buffer[start + 1] === 0x2e)
}
