import { errnoCodeOf } from '../../posix/posix-error.ts'
import type { Posix } from '../../posix/posix.ts'
import type { GivenOwner } from './apply-attributes.ts'
import { NEW_FILE_FLAGS, type Installer } from './installer.ts'
import type { OpenDirectory } from './target-directories.ts'
import { isUnfinishedFile, UNFINISHED_FILE_MODE } from './unfinished-file.ts'

/** A file that is being written. */
export interface NewFile {
  readonly fd: number
  readonly directory: number
  /** The name it has now. */
  readonly name: Buffer
  /** Whether that is its own. */
  readonly isInPlace: boolean
  /** Its owner, where that is known. */
  readonly given: GivenOwner | undefined
}

const IN_PLACE_MODE = UNFINISHED_FILE_MODE

/**
 * Makes files to be written. In a directory that a restore has made and not finished, which is closed to others, a file gets its
 * own name at once, and its mode says that it is unfinished; anywhere else, and where that mode is not kept, it is made under a
 * temporary name.
 */
export class NewFiles {
  readonly #posix: Posix
  readonly #installer: Installer

  readonly #settle: () => void

  /** @param settle - waits for files that are still being written: they look unfinished */
  constructor(posix: Posix, installer: Installer, settle: () => void) {
    this.#posix = posix
    this.#installer = installer
    this.#settle = settle
  }

  /** @returns the file, or `there` when something is there that stays */
  begin(directory: OpenDirectory, name: Buffer, path: Buffer): NewFile | 'there' {
    const { fd: at, facts } = directory
    if (facts.isUnfinished && (facts.creation === undefined || facts.creation.mode === IN_PLACE_MODE)) {
      const fd = this.#openInPlace(at, name, path)
      if (fd !== undefined) {
        facts.creation ??= this.#factsOf(fd)
        if (facts.creation.mode === IN_PLACE_MODE)
          return { fd, directory: at, name, isInPlace: true, given: facts.creation }
        this.#posix.close(fd)
        this.#posix.unlink(at, name)
      }
    }
    if (this.#installer.mustSkip(at, name)) return 'there'
    const { name: temporary, made: fd } = this.#installer.makeTemporary(path, (n) =>
      this.#posix.open(at, n, NEW_FILE_FLAGS, 0o600),
    )
    return { fd, directory: at, name: temporary, isInPlace: false, given: undefined }
  }

  /** Undoes {@link begin}. */
  discard({ fd, directory, name }: NewFile): void {
    this.#posix.close(fd)
    this.#installer.discard(directory, name)
  }

  /** @returns `undefined` when something is there, other than what a killed restore has left */
  #openInPlace(directory: number, name: Buffer, path: Buffer): number | undefined {
    this.#installer.worksIn(path)
    for (let tries = 0; tries < 2; tries++) {
      try {
        return this.#posix.open(directory, name, NEW_FILE_FLAGS, IN_PLACE_MODE)
      } catch (error) {
        if (errnoCodeOf(error) !== 'EEXIST') throw error
      }
      this.#settle()
      const found = this.#posix.find(directory, name)
      if (found === undefined || !isUnfinishedFile(found)) return undefined
      this.#installer.discard(directory, name)
    }
    return undefined
  }

  #factsOf(fd: number): { readonly mode: number; readonly uid: number; readonly gid: number } {
    const { mode, uid, gid } = this.#posix.statFd(fd)
    return { mode: mode & 0o7777, uid, gid }
  }
}
