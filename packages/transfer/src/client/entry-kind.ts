import type { MemberKind } from '@nb/formats'
import { S_IF } from '../posix/constants.ts'

/** What an entry of a tree is: a member's kind, or what no archive carries. */
export type EntryKind = Exclude<MemberKind, 'hardlink'> | 'socket' | 'unknown'

/** The kind in a file's `st_mode`. */
export function kindOfMode(mode: number): EntryKind {
  switch (mode & S_IF.MASK) {
    case S_IF.REGULAR:
      return 'file'
    case S_IF.DIRECTORY:
      return 'directory'
    case S_IF.SYMLINK:
      return 'symlink'
    case S_IF.FIFO:
      return 'fifo'
    case S_IF.CHAR:
      return 'character-device'
    case S_IF.BLOCK:
      return 'block-device'
    case S_IF.SOCKET:
      return 'socket'
    default:
      return 'unknown'
  }
}
