import type { FileStat } from '../../posix/file-stat.ts'

/**
 * Mode of a directory that a restore has made and whose own attributes are still to come, since they are set last. Nobody else may
 * enter it; the sticky bit, which means nothing there, marks it: a restore that was killed leaves such directories, and the next
 * one takes them for its own.
 */
export const UNFINISHED_DIRECTORY_MODE = 0o1700

const MARK = 0o1000
// Not the set-group bit, which a directory gets from the one it is made in.
const COMPARED = 0o1777

/** Whether it is a directory that a restore of this user has made and not finished. */
export function isUnfinishedDirectory({ mode, uid }: Pick<FileStat, 'mode' | 'uid'>): boolean {
  return (mode & COMPARED) === UNFINISHED_DIRECTORY_MODE && uid === process.geteuid?.()
}

/** The mode of a directory that has no other to come. */
export function withoutMark(mode: number): number {
  return mode & 0o7777 & ~MARK
}
