import type { FileStat } from '../../posix/file-stat.ts'
import { S_IF } from '../../posix/constants.ts'

/**
 * Mode of a file that is being written under its own name, in a directory that a restore has made and not finished: nobody else
 * may read it; the sticky bit, which means nothing there, marks it. A restore that was killed leaves at most one such file.
 */
export const UNFINISHED_FILE_MODE = 0o1200

/** Whether it is a file that a restore of this user was writing, provided that it lies in an unfinished directory. */
export function isUnfinishedFile({ mode, uid }: Pick<FileStat, 'mode' | 'uid'>): boolean {
  return mode === (S_IF.REGULAR | UNFINISHED_FILE_MODE) && uid === process.geteuid?.()
}
