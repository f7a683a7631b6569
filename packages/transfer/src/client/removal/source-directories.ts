import { NbError } from '@nb/contracts'
import type { FileRecord } from '@nb/formats'
import { AT, O } from '../../posix/constants.ts'
import { descriptorPath, type Posix } from '../../posix/posix.ts'
import { errnoCodeOf } from '../../posix/posix-error.ts'
import { identityKey } from '../identity.ts'
import { TargetDirectories } from '../extractor/target-directories.ts'
import { splitPath } from '../roots.ts'
import { isIdentity } from './same-as-listed.ts'

interface Level {
  readonly name: Buffer
  readonly never: boolean
}

/**
 * The directories of one selection of an archive, each reached one name at a time and never through a symbolic link. What
 * lies above the selection may hold links, as it did when the selection was read, if it leads to the very same directory.
 */
export class SourceDirectories {
  readonly #posix: Posix
  readonly #directories: TargetDirectories
  readonly #never: ReadonlySet<string>
  /** How many names of a path lie above what {@link SourceDirectories} begins at. */
  readonly #skipped: number
  readonly #beganInNever: boolean
  readonly #levels: Level[] = []

  private constructor(
    posix: Posix,
    never: ReadonlySet<string>,
    begin: { readonly fd: number; readonly skipped: number; readonly inNever: boolean },
  ) {
    this.#posix = posix
    this.#never = never
    this.#skipped = begin.skipped
    this.#beganInNever = begin.inNever
    this.#directories = new TargetDirectories(posix, begin.fd, () => undefined)
  }

  /**
   * Those of the selection that begins with this record.
   *
   * @throws PosixError where the way to it is not there; NbError `target-unsafe` where it leads elsewhere than it did
   */
  static enter(
    posix: Posix,
    never: ReadonlySet<string>,
    root: FileRecord,
    names: readonly Buffer[],
  ): SourceDirectories {
    const fd = posix.open(AT.FDCWD, Buffer.from('/'), O.PATH | O.DIRECTORY)
    const plain = new SourceDirectories(posix, never, { fd, skipped: 0, inNever: false })
    try {
      plain.open(names.slice(0, -1))
      return plain
    } catch (error) {
      plain.close()
      const code = errnoCodeOf(error)
      if (code !== 'ELOOP' && code !== 'ENOTDIR') throw error
    }
    return SourceDirectories.#behindLinks(posix, never, root, names)
  }

  static #behindLinks(
    posix: Posix,
    never: ReadonlySet<string>,
    root: FileRecord,
    names: readonly Buffer[],
  ): SourceDirectories {
    const above = Buffer.concat(names.slice(0, -1).flatMap((name) => [Buffer.from('/'), name]))
    const fd = posix.open(AT.FDCWD, above, O.PATH | O.DIRECTORY)
    try {
      const found = posix.find(fd, names.at(-1) ?? Buffer.alloc(0))
      if (root.kind !== 'directory' || found === undefined || !isIdentity(root, found))
        throw new NbError('target-unsafe', 'a symbolic link on the way to it leads elsewhere')
      const inNever = isInside(posix, fd, never)
      return new SourceDirectories(posix, never, { fd, skipped: names.length - 1, inNever })
    } catch (error) {
      posix.close(fd)
      throw error
    }
  }

  /**
   * A directory by all its names, and whether it is, or lies in, what is never touched. The descriptor is good until the
   * next call.
   */
  open(names: readonly Buffer[]): { readonly fd: number; readonly never: boolean } {
    const own = names.slice(this.#skipped)
    let shared = 0
    while (shared < own.length && this.#levels[shared]?.name.equals(own[shared] as Buffer) === true) shared++
    this.#levels.length = shared
    for (let depth = shared; depth < own.length; depth++) {
      const fd = this.#directories.open(own.slice(0, depth + 1), { make: false })
      const above = depth === 0 ? this.#beganInNever : this.#levels[depth - 1]?.never === true
      const never = above || this.#never.has(identityKey(this.#posix.statFd(fd)))
      this.#levels.push({ name: Buffer.from(own[depth] as Buffer), never })
    }
    const fd = this.#directories.open(own, { make: false })
    return { fd, never: this.#levels.at(-1)?.never ?? this.#beganInNever }
  }

  /** Forgets a directory that is removed. */
  forget(names: readonly Buffer[]): void {
    this.#directories.forget(names.slice(this.#skipped))
    this.#levels.length = Math.min(this.#levels.length, Math.max(0, names.length - this.#skipped - 1))
  }

  close(): void {
    this.#directories.close()
  }
}

/** Whether an open directory, by the way the kernel knows it, is or lies in one of these. */
function isInside(posix: Posix, fd: number, never: ReadonlySet<string>): boolean {
  const names = splitPath(posix.readLink(AT.FDCWD, descriptorPath(fd)))
  return [0, ...names.keys()].some((depth) => {
    const path = Buffer.concat(names.slice(0, depth + 1).flatMap((name) => [Buffer.from('/'), name]))
    const found = path.length === 0 ? undefined : posix.find(AT.FDCWD, path)
    return found !== undefined && never.has(identityKey(found))
  })
}
