import { randomBytes } from 'node:crypto'
import { NbError, displayPath, pathFromBytes, type Path } from '@nb/contracts'
import { O } from '../../posix/constants.ts'
import { kindOfMode } from '../entry-kind.ts'
import type { Posix } from '../../posix/posix.ts'
import { errnoCodeOf } from '../../posix/posix-error.ts'
import { lastSlash, sameFront } from './target-path.ts'
import { TEMPORARY_PREFIX } from './temporary-name.ts'
import { isUnfinishedDirectory, UNFINISHED_DIRECTORY_MODE } from './unfinished-directory.ts'

/** What happens where a target exists. */
export type IfExists = 'overwrite' | 'skip' | 'fail'

/**
 * Puts finished entries in place: everything is made under a temporary name beside its target and gets its own name
 * in one step, so that a reader sees the old entry or the new one, and no half one stays.
 */
export class Installer {
  readonly #posix: Posix
  readonly #ifExists: IfExists
  // Unknown to others, so that nobody can be waiting at a name; unique within the run by its number.
  readonly prefix: string = `${TEMPORARY_PREFIX}${randomBytes(9).toString('hex')}-`
  readonly #working: (directory: Buffer) => void
  #number = 0
  /** What was told last. */
  #worksIn: Buffer = Buffer.from('/')

  /** @param working - told the directory, `/` in front, before an entry is made in it */
  constructor(posix: Posix, ifExists: IfExists, working: (directory: Buffer) => void = () => undefined) {
    this.#posix = posix
    this.#ifExists = ifExists
    this.#working = working
  }

  /**
   * Whether an entry need not be made since something is there that stays. With `fail` nothing is skipped: what
   * comes to be there after the check at the start is found by {@link install}.
   */
  mustSkip(directory: number, name: Buffer): boolean {
    return this.#ifExists === 'skip' && this.#posix.find(directory, name) !== undefined
  }

  /** Tells that an entry is about to be made in the directory of this target path. */
  worksIn(path: Buffer): void {
    const slash = lastSlash(path)
    if (this.#worksIn.length === slash && sameFront(this.#worksIn, path, slash)) return
    this.#working(path.subarray(0, Math.max(slash, 1)))
    this.#worksIn = Buffer.from(path.subarray(0, slash))
  }

  /** Whether the directory that was told of last is the one of a target path that is a part of some bytes, with its last slash there. */
  worksAt(bytes: Buffer, start: number, slash: number): boolean {
    return this.#worksIn.length === slash - start && sameFront(this.#worksIn, bytes, slash - start, start)
  }

  /** Calls `make` with temporary names for an entry until one is free. */
  makeTemporary<T>(path: Buffer, make: (name: Buffer) => T): { readonly name: Buffer; readonly made: T } {
    this.worksIn(path)
    for (;;) {
      const name = Buffer.from(`${this.prefix}${(this.#number++).toString(36)}`, 'latin1')
      try {
        return { name, made: make(name) }
      } catch (error) {
        if (errnoCodeOf(error) !== 'EEXIST') throw error
      }
    }
  }

  /**
   * Gives the temporary entry its name.
   *
   * @returns false when something has come to be there and must stay; the temporary entry is gone then
   * @throws NbError `target-exists`; PosixError, with the temporary entry gone, e.g. a directory that is not empty
   */
  install(directory: number, temporary: Buffer, name: Buffer, path: Buffer): boolean {
    try {
      if (this.#ifExists === 'overwrite') this.#replace(directory, temporary, name)
      else this.#claim(directory, temporary, name)
      return true
    } catch (error) {
      this.discard(directory, temporary)
      if (this.#ifExists === 'overwrite' || errnoCodeOf(error) !== 'EEXIST') throw error
      if (this.#ifExists === 'fail') throw targetExists([path])
      return false
    }
  }

  /** Removes a temporary entry. */
  discard(directory: number, temporary: Buffer): void {
    try {
      this.#posix.unlink(directory, temporary)
    } catch (error) {
      if (errnoCodeOf(error) !== 'ENOENT') throw error
    }
  }

  /**
   * Makes a directory at a name, in place of whatever else is there if that may be overwritten.
   *
   * @returns `made`, also for one that a restore has made before and not finished; `there` for any other directory that was
   *   there before; `kept` when something else stays in its place
   */
  makeDirectory(directory: number, name: Buffer, path: Buffer): 'made' | 'there' | 'kept' {
    if (this.#tryMakeDirectory(directory, name)) return 'made'
    const found = this.#posix.find(directory, name)
    if (found !== undefined && kindOfMode(found.mode) === 'directory')
      return isUnfinishedDirectory(found) ? 'made' : 'there'
    if (this.#ifExists === 'fail') throw targetExists([path])
    if (this.#ifExists === 'skip') return 'kept'
    if (found !== undefined) this.#posix.unlink(directory, name)
    this.#posix.makeDirectory(directory, name, UNFINISHED_DIRECTORY_MODE)
    return 'made'
  }

  #tryMakeDirectory(directory: number, name: Buffer): boolean {
    try {
      this.#posix.makeDirectory(directory, name, UNFINISHED_DIRECTORY_MODE)
      return true
    } catch (error) {
      if (errnoCodeOf(error) !== 'EEXIST') throw error
      return false
    }
  }

  #replace(directory: number, temporary: Buffer, name: Buffer): void {
    try {
      this.#posix.rename(directory, temporary, directory, name)
    } catch (error) {
      if (errnoCodeOf(error) !== 'EISDIR') throw error
      // An empty directory gives way to a file; one with entries does not (ENOTEMPTY).
      this.#posix.removeDirectory(directory, name)
      this.#posix.rename(directory, temporary, directory, name)
    }
  }

  #claim(directory: number, temporary: Buffer, name: Buffer): void {
    try {
      this.#posix.rename(directory, temporary, directory, name, { exclusive: true })
    } catch (error) {
      // EINVAL: a file system that cannot rename exclusively; a link never replaces anything.
      if (errnoCodeOf(error) !== 'EINVAL') throw error
      this.#posix.link(directory, temporary, directory, name)
      this.#posix.unlink(directory, temporary)
    }
  }
}

/** The error of a restore that may not replace what is there. */
export function targetExists(paths: readonly Buffer[]): NbError {
  const shown = paths.slice(0, 5).map((path) => displayPath(asPath(path)))
  const more = paths.length > shown.length ? ` and ${paths.length - shown.length} more` : ''
  return new NbError(
    'target-exists',
    `Nothing may be replaced, and there already is ${shown.join(', ')}${more}; choose another directory, or overwrite or skip what exists.`,
    { details: { paths: paths.slice(0, 100).map(asPath) } },
  )
}

function asPath(path: Buffer): Path {
  return pathFromBytes(path)
}

/** Flags of a file to be written: it must be new, and no link. */
export const NEW_FILE_FLAGS: number = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW
