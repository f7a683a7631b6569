import { DEFAULT_ACL_ATTRIBUTE } from '../../posix/acl.ts'
import { AT, O } from '../../posix/constants.ts'
import { descriptorPath, type Posix } from '../../posix/posix.ts'
import { errnoCodeOf } from '../../posix/posix-error.ts'
import { lastSlash, sameFront } from './target-path.ts'
import { isUnfinishedDirectory, UNFINISHED_DIRECTORY_MODE } from './unfinished-directory.ts'

// Descriptors kept open on a way down: the deepest 128 and every 64th above, as in the walk of a backup.
const OPEN_DEPTH = 128
const OPEN_EVERY = 64

// Enough to work below a directory, and needs no right to list it.
const FLAGS = O.PATH | O.DIRECTORY | O.NOFOLLOW

const DEFAULT_ACL = Buffer.from(DEFAULT_ACL_ATTRIBUTE)

/** What is known of an open directory while it is open. */
export interface DirectoryFacts {
  /** Whether a restore has made it and not finished it: then it is closed to others. */
  readonly isUnfinished: boolean
  /** What a new file in it was given by being made there, seen at the first one; for who makes files. */
  creation?: NewFileFacts
}

/** What a file was right after it was made. */
export interface NewFileFacts {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

interface Level extends DirectoryFacts {
  readonly name: Buffer
  /** Target path, one character for each byte. */
  readonly path: string
  fd: number | undefined
  /** Whether what is made in it gets an ACL; asked once. */
  givesAcl: boolean | undefined
}

/** A directory that is open, good until the next is opened. */
export interface OpenDirectory {
  readonly fd: number
  readonly facts: DirectoryFacts
}

/**
 * The directories of a restore's target, reached from the descriptor of its root one name at a time, each opened by
 * the kernel's rule that nothing beneath is a symbolic link (`openat2`; on kernels without it by `O_NOFOLLOW`, which
 * for a single name says the same). Missing ones are made, marked as unfinished. The present directory and those above it
 * stay open, so neighbours cost nothing.
 */
export class TargetDirectories {
  readonly #posix: Posix
  readonly #root: number
  readonly #onMade: (path: string) => void
  readonly #levels: Level[] = []
  readonly #rootFacts: DirectoryFacts = { isUnfinished: false }
  #rootGivesAcl: boolean | undefined
  #hasOpenat2 = true
  /** The directory that was opened last by {@link openParent}, as the target paths have it; the present one. */
  #present: { readonly path: Buffer; readonly directory: OpenDirectory } | undefined

  /**
   * @param root - descriptor of the root directory; closed by {@link close}
   * @param onMade - told the target path of every directory that was missing, or that a restore had made and not finished,
   *   one character for each byte, before anything is put into it
   */
  constructor(posix: Posix, root: number, onMade: (path: string) => void) {
    this.#posix = posix
    this.#root = root
    this.#onMade = onMade
  }

  /**
   * The descriptor of a directory, good until the next call.
   *
   * @throws PosixError `ELOOP`, `ENOTDIR` where something else stands in the way, `ENOENT` unless `make`
   */
  open(names: readonly Buffer[], { make }: { readonly make: boolean }): number {
    this.#present = undefined
    let shared = 0
    while (shared < names.length && this.#levels[shared]?.name.equals(names[shared] as Buffer) === true)
      shared++
    while (this.#levels.length > shared) this.#pop()
    let fd = this.#reopened()
    for (const name of names.slice(shared)) {
      const path = `${this.#levels.at(-1)?.path ?? ''}/${name.toString('latin1')}`
      const step = this.#step(fd, name, make, path)
      fd = step.fd
      const { isUnfinished } = step
      this.#levels.push({ name: Buffer.from(name), path, fd, isUnfinished, givesAcl: undefined })
      this.#closeFarAbove()
    }
    return fd
  }

  /**
   * The directory in which a target lies, made where it is missing. For neighbours one after the other it costs a comparison.
   *
   * @param path - target path that `targetNames` accepts, other than the root; not changed later
   * @param names - gives its names; called unless it is a neighbour of the one before
   */
  openParent(path: Buffer, names: () => readonly Buffer[]): OpenDirectory {
    if (this.#present !== undefined && this.isNeighbour(path)) return this.#present.directory
    const fd = this.open(names().slice(0, -1), { make: true })
    const directory = { fd, facts: this.#levels.at(-1) ?? this.#rootFacts }
    this.#present = { path: path.subarray(0, lastSlash(path)), directory }
    return directory
  }

  /** Whether a target's directory is the one that {@link openParent} has opened last, so that all its names but the last are known. */
  isNeighbour(path: Buffer): boolean {
    const slash = lastSlash(path)
    const present = this.#present
    return present?.path.length === slash && sameFront(present.path, path, slash)
  }

  /**
   * The directory that {@link openParent} has opened last, if a path lies in it.
   *
   * @param bytes - hold the path
   * @param start - where that begins
   * @param slash - and has its last slash
   */
  presentAt(bytes: Buffer, start: number, slash: number): OpenDirectory | undefined {
    const present = this.#present
    if (present?.path.length !== slash - start) return undefined
    return sameFront(present.path, bytes, slash - start, start) ? present.directory : undefined
  }

  /** Whether entries made in the directory that was opened last inherit an ACL from it. */
  givesAcl(): boolean {
    const level = this.#levels.at(-1)
    if (level === undefined) return (this.#rootGivesAcl ??= this.#hasDefaultAcl(this.#root))
    return (level.givesAcl ??= this.#hasDefaultAcl(this.#reopened()))
  }

  /** Whether the directory that was opened last may have an ACL from the one it was made in. */
  mayHaveInheritedAcl(): boolean {
    if (this.#levels.length === 0) return true
    const above = this.#levels.at(-2)
    if (above === undefined) return (this.#rootGivesAcl ??= this.#hasDefaultAcl(this.#root))
    // Not open any more: then it is not asked.
    if (above.fd === undefined) return true
    return (above.givesAcl ??= this.#hasDefaultAcl(above.fd))
  }

  #hasDefaultAcl(fd: number): boolean {
    try {
      return this.#posix.getAttributeAt(descriptorPath(fd), DEFAULT_ACL, { follow: true }) !== undefined
    } catch (error) {
      // ENOTSUP: a file system without ACLs. Any other failure: what was inherited is removed without having asked.
      return errnoCodeOf(error) !== 'ENOTSUP'
    }
  }

  /** Forgets a directory and all below, before it is replaced by something else. */
  forget(names: readonly Buffer[]): void {
    const last = names.length - 1
    if (last < 0 || names.some((name, i) => this.#levels[i]?.name.equals(name) !== true)) return
    while (this.#levels.length > last) this.#pop()
    this.#present = undefined
  }

  close(): void {
    this.#present = undefined
    while (this.#levels.length > 0) this.#pop()
    this.#posix.close(this.#root)
  }

  #step(
    directory: number,
    name: Buffer,
    make: boolean,
    path: string,
  ): { readonly fd: number; readonly isUnfinished: boolean } {
    try {
      const fd = this.#openOne(directory, name)
      const isUnfinished = make && isUnfinishedDirectory(this.#posix.statFd(fd))
      if (isUnfinished) this.#onMade(path)
      return { fd, isUnfinished }
    } catch (error) {
      if (!make || errnoCodeOf(error) !== 'ENOENT') throw error
    }
    try {
      this.#posix.makeDirectory(directory, name, UNFINISHED_DIRECTORY_MODE)
    } catch (error) {
      if (errnoCodeOf(error) !== 'EEXIST') throw error
    }
    const fd = this.#openOne(directory, name)
    this.#onMade(path)
    // Somebody else may have been quicker.
    return { fd, isUnfinished: isUnfinishedDirectory(this.#posix.statFd(fd)) }
  }

  #openOne(directory: number, name: Buffer): number {
    if (this.#hasOpenat2) {
      try {
        return this.#posix.openBeneath(directory, name, FLAGS)
      } catch (error) {
        // ENOSYS: a kernel before 5.6. EPERM: a sandbox that forbids calls it does not know.
        const code = errnoCodeOf(error)
        if (code !== 'ENOSYS' && code !== 'EPERM') throw error
        this.#hasOpenat2 = false
      }
    }
    return this.#posix.open(directory, name, FLAGS)
  }

  /** The descriptor of the deepest level, opened anew from the nearest open one above where it was given up. */
  #reopened(): number {
    const top = this.#levels.length - 1
    if (top < 0) return this.#root
    let depth = top
    while (depth >= 0 && this.#levels[depth]?.fd === undefined) depth--
    let fd = depth < 0 ? this.#root : (this.#levels[depth]?.fd as number)
    for (let next = depth + 1; next <= top; next++) {
      const level = this.#levels[next] as Level
      const above = this.#levels[next - 1]
      fd = level.fd = this.#openOne(fd, level.name)
      if (above !== undefined && next - 1 > depth && (next - 1) % OPEN_EVERY !== 0) this.#close(above)
    }
    return fd
  }

  #closeFarAbove(): void {
    const depth = this.#levels.length - 1 - OPEN_DEPTH
    const level = this.#levels[depth]
    if (level !== undefined && depth % OPEN_EVERY !== 0) this.#close(level)
  }

  #pop(): void {
    const level = this.#levels.pop()
    if (level !== undefined) this.#close(level)
  }

  #close(level: Level): void {
    if (level.fd === undefined) return
    this.#posix.close(level.fd)
    level.fd = undefined
  }
}

/** Opens the root of a restore, making it and what is missing above it with mode 0700. */
export function openTargetRoot(
  posix: Posix,
  root: Buffer,
  names: readonly Buffer[],
): { readonly fd: number; readonly made: boolean } {
  try {
    return { fd: posix.open(AT.FDCWD, root, O.PATH | O.DIRECTORY), made: false }
  } catch (error) {
    if (errnoCodeOf(error) !== 'ENOENT') throw error
  }
  let fd = posix.open(AT.FDCWD, Buffer.from('/'), O.PATH | O.DIRECTORY)
  try {
    for (const name of names) {
      try {
        posix.makeDirectory(fd, name, 0o700)
      } catch (error) {
        if (errnoCodeOf(error) !== 'EEXIST') throw error
      }
      // Above the root links are the caller's own; they are followed.
      const next = posix.open(fd, name, O.PATH | O.DIRECTORY)
      posix.close(fd)
      fd = next
    }
  } catch (error) {
    posix.close(fd)
    throw error
  }
  return { fd, made: true }
}
