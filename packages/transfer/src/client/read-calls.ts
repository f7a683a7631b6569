import type { FileStat } from '../posix/file-stat.ts'
import type { Posix } from '../posix/posix.ts'
import type { NameList } from './name-list.ts'

/** The system calls that reading a tree needs: native ones, or the portable ones where there are none. */
export interface ReadCalls extends Pick<
  Posix,
  | 'open'
  | 'close'
  | 'read'
  | 'readAt'
  | 'seekData'
  | 'seekHole'
  | 'statFd'
  | 'readLink'
  | 'listAttributesFd'
  | 'listAttributesAt'
  | 'getAttributeFd'
  | 'getAttributeAt'
> {
  /** What a name is, not following a symbolic link; an empty one means the descriptor itself. */
  stat(directory: number, name: Uint8Array): FileStat
  /** What one of the names is that {@link readNames} gave of a directory. */
  statEntry(directory: number, names: NameList, index: number): FileStat
  /** Reads `length` bytes at `position` into the bytes from `at` on; fewer are possible, 0 is the end. */
  readInto(fd: number, into: Buffer, at: number, length: number, position: number): number
  /**
   * Names of all entries of an open directory but `.` and `..`, in the file system's order. They are to be released, those of a directory
   * after those of the ones below it.
   */
  readNames(fd: number): NameList
}
