import { AT, O } from '../../posix/constants.ts'
import { descriptorPath, type Posix } from '../../posix/posix.ts'
import { errnoCodeOf } from '../../posix/posix-error.ts'
import type { FoundNote } from './restore-note.ts'
import { TargetDirectories } from './target-directories.ts'
import { targetNames } from './target-path.ts'
import { isUnfinishedDirectory } from './unfinished-directory.ts'
import { isUnfinishedFile } from './unfinished-file.ts'

/** What came of a sweep. */
export interface Sweep {
  /** Temporary entries that were removed: paths below the root. */
  readonly removed: readonly Buffer[]
  /** Why something may still be there. */
  readonly failures: readonly Error[]
}

/**
 * Removes what a run that was killed was making, by its note, in the directories that it noted, reached over no links: entries
 * with the prefix of just that run, which nothing of another run has; and in directories that a restore has made and not
 * finished, which are closed to others, files whose mode says that they are not either.
 */
export function sweepLeftovers(posix: Posix, note: FoundNote): Sweep {
  const removed: Buffer[] = []
  const failures: Error[] = []
  const attempt = (action: () => void): void => {
    try {
      action()
    } catch (error) {
      const code = errnoCodeOf(error)
      if (code === undefined) throw error
      // What is gone holds nothing.
      if (code !== 'ENOENT') failures.push(error as Error)
    }
  }
  attempt(() => {
    const root = posix.open(AT.FDCWD, note.root, O.PATH | O.DIRECTORY)
    const target = new TargetDirectories(posix, root, () => undefined)
    try {
      for (const directory of note.directories) {
        const names = targetNames(directory)
        if (typeof names === 'string') continue
        attempt(() => {
          const fd = target.open(names, { make: false })
          const isUnfinished = isUnfinishedDirectory(posix.statFd(fd))
          for (const name of namesIn(posix, fd)) {
            const isLeft = name.toString('latin1').startsWith(note.prefix)
            if (!isLeft && !(isUnfinished && isUnfinishedName(posix, fd, name))) continue
            attempt(() => {
              posix.unlink(fd, name)
              removed.push(Buffer.concat([...names, name].flatMap((part) => [SLASH, part])))
            })
          }
        })
      }
    } finally {
      target.close()
    }
  })
  return { removed, failures }
}

/** Whether a file was being written under its own name: in a directory that is finished, or another's, there is none. */
function isUnfinishedName(posix: Posix, directory: number, name: Buffer): boolean {
  const found = posix.find(directory, name)
  return found !== undefined && isUnfinishedFile(found)
}

const SLASH = Buffer.from('/')

function namesIn(posix: Posix, directory: number): Buffer[] {
  const fd = posix.open(AT.FDCWD, descriptorPath(directory), O.RDONLY | O.DIRECTORY)
  try {
    return posix.readDirectory(fd).map(({ name }) => Buffer.from(name))
  } finally {
    posix.close(fd)
  }
}
