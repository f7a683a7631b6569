import { DEFAULT_ACL_ATTRIBUTE } from '../../posix/acl.ts'
import { AT, O } from '../../posix/constants.ts'
import { descriptorPath, type Posix } from '../../posix/posix.ts'
import { errnoCodeOf } from '../../posix/posix-error.ts'
import { isUnfinishedDirectory, UNFINISHED_DIRECTORY_MODE } from './unfinished-directory.ts'

// Descriptors kept open on a way down: the deepest 128 and every 64th above, as in the walk of a backup.
const OPEN_DEPTH = 128
const OPEN_EVERY = 64

// Enough to work below a directory, and needs no right to list it.
const FLAGS = O.PATH | O.DIRECTORY | O.NOFOLLOW

const DEFAULT_ACL = Buffer.from(DEFAULT_ACL_ATTRIBUTE)

interface Level {
  readonly name: Buffer
  fd: number | undefined
  /** Whether what is made in it gets an ACL; asked once. */
  givesAcl: boolean | undefined
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
  readonly #onMade: (names: readonly Buffer[]) => void
  readonly #levels: Level[] = []
  #rootGivesAcl: boolean | undefined
  #hasOpenat2 = true

  /**
   * @param root - descriptor of the root directory; closed by {@link close}
   * @param onMade - told of every directory that was missing, or that a restore had made and not finished, before anything is
   *   put into it
   */
  constructor(posix: Posix, root: number, onMade: (names: readonly Buffer[]) => void) {
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
    let shared = 0
    while (shared < names.length && this.#levels[shared]?.name.equals(names[shared] as Buffer) === true)
      shared++
    while (this.#levels.length > shared) this.#pop()
    let fd = this.#reopened()
    for (const name of names.slice(shared)) {
      fd = this.#step(fd, name, make)
      this.#levels.push({ name: Buffer.from(name), fd, givesAcl: undefined })
      this.#closeFarAbove()
    }
    return fd
  }

  /** Whether entries made in the directory that was opened last inherit an ACL from it. */
  givesAcl(): boolean {
    const level = this.#levels.at(-1)
    if (level === undefined) return (this.#rootGivesAcl ??= this.#hasDefaultAcl(this.#root))
    return (level.givesAcl ??= this.#hasDefaultAcl(this.#reopened()))
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
  }

  close(): void {
    while (this.#levels.length > 0) this.#pop()
    this.#posix.close(this.#root)
  }

  #step(directory: number, name: Buffer, make: boolean): number {
    try {
      const found = this.#openOne(directory, name)
      if (make && isUnfinishedDirectory(this.#posix.statFd(found))) this.#tellMade(name)
      return found
    } catch (error) {
      if (!make || errnoCodeOf(error) !== 'ENOENT') throw error
    }
    try {
      this.#posix.makeDirectory(directory, name, UNFINISHED_DIRECTORY_MODE)
    } catch (error) {
      if (errnoCodeOf(error) !== 'EEXIST') throw error
    }
    const fd = this.#openOne(directory, name)
    this.#tellMade(name)
    return fd
  }

  #tellMade(name: Buffer): void {
    this.#onMade([...this.#levels.map((level) => level.name), name])
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
