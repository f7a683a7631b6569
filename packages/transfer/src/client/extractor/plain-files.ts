import type { ArchiveMember, Instant } from '@nb/formats'
import type { Posix } from '../../posix/posix.ts'
import { hasTimesAndModeOnly } from './apply-attributes.ts'
import { NEW_FILE_FLAGS, type Installer } from './installer.ts'
import type { PlanIndex } from './plan-index.ts'
import type { TargetDirectories } from './target-directories.ts'
import { isTargetName, lastSlashWithin } from './target-path.ts'
import { UNFINISHED_FILE_MODE } from './unfinished-file.ts'
import type { WritesBehind } from './write-behind.ts'
import type { WrittenFile } from './written-file.ts'

/** What they are made with. */
export interface PlainFilesParts {
  readonly posix: Pick<Posix, 'tryOpen'>
  readonly plan: PlanIndex
  readonly target: Pick<TargetDirectories, 'presentAt' | 'givesAcl'>
  readonly installer: Pick<Installer, 'worksAt' | 'discard'>
  readonly behind: WritesBehind
  /** Does a file at once. */
  readonly atOnce: Pick<WrittenFile, 'write' | 'finish' | 'drop'>
}

/**
 * The files that nearly all of a tree are: new, with one name, in the same directory as the one before, which is a restore's own, and
 * with nothing to be set but times and mode. They are restored by numbers alone, without an object for each. Whatever is in any way
 * different is left to who does it as usual, and so is what fails. They are written behind, or at once while enough is waiting there:
 * so neither of two threads waits for the other.
 */
export class PlainFiles {
  readonly #parts: PlainFilesParts
  #fd = -1
  #entry = -1
  #directory = -1
  /** Whether the open one is written at once. */
  #isAtOnce = false
  /** What the last piece was a part of. */
  #block: Buffer | undefined
  #member: { readonly mode: number; readonly mtime: Instant; readonly atime: Instant } | undefined

  constructor(parts: PlainFilesParts) {
    this.#parts = parts
  }

  /** Whether a file is open. */
  get isOpen(): boolean {
    return this.#member !== undefined
  }

  /** The open file's descriptor. */
  get fd(): number {
    return this.#fd
  }

  /** Its entry in the plan. */
  get entry(): number {
    return this.#entry
  }

  /** Makes the file of an entry; false: nothing was done. */
  begin(entry: number, member: ArchiveMember): boolean {
    const { posix, plan, target, installer } = this.#parts
    const { mode, mtime, atime = mtime } = member
    if (member.kind !== 'file' || member.sparse !== undefined) return false
    if (mtime === undefined || atime === undefined || plan.digestAlgorithm !== undefined) return false
    const { paths } = plan
    const start = plan.pathStart(entry)
    const end = plan.pathEnd(entry)
    const slash = lastSlashWithin(paths, start, end)
    if (slash < start || !isTargetName(paths, slash + 1, end)) return false
    const directory = target.presentAt(paths, start, slash)
    if (directory === undefined || !installer.worksAt(paths, start, slash)) return false
    const { isUnfinished, creation } = directory.facts
    if (!isUnfinished || creation?.mode !== UNFINISHED_FILE_MODE) return false
    if (!hasTimesAndModeOnly(member, creation) || target.givesAcl()) return false
    const fd = posix.tryOpen(directory.fd, paths, slash + 1, end, NEW_FILE_FLAGS, UNFINISHED_FILE_MODE)
    if (fd < 0) return false
    this.#fd = fd
    this.#entry = entry
    this.#isAtOnce = this.#parts.behind.isBusy
    this.#directory = directory.fd
    this.#member = { mode, mtime, atime }
    return true
  }

  /** Writes a piece; false where it lies in memory that can't be written behind, and was not written. */
  write(bytes: Buffer, start: number, end: number, position: number): boolean {
    const { behind } = this.#parts
    if (this.#isAtOnce) {
      this.#parts.atOnce.write(this.#fd, bytes, start, end, position)
      return true
    }
    if (bytes !== this.#block) {
      // Many files come in one block, and asking where that lies takes longer than writing one.
      if (!behind.takes(bytes)) return false
      this.#block = bytes
    }
    behind.write(this.#fd, bytes, start, end, position)
    return true
  }

  /** Lets it be finished and closed. */
  end(): void {
    const member = this.#member
    if (member === undefined) return
    const to = this.#isAtOnce ? this.#parts.atOnce : this.#parts.behind
    to.finish(this.#fd, this.#entry, member.atime, member.mtime, member.mode)
    this.#member = undefined
  }

  /** Undoes it, where one is open. */
  drop(): void {
    if (!this.isOpen) return
    this.#member = undefined
    const { behind, atOnce, plan, installer } = this.#parts
    if (this.#isAtOnce) atOnce.drop(this.#fd)
    else {
      behind.drop(this.#fd)
      behind.settle()
    }
    const start = plan.pathStart(this.#entry)
    const end = plan.pathEnd(this.#entry)
    const slash = lastSlashWithin(plan.paths, start, end)
    installer.discard(this.#directory, plan.paths.subarray(slash + 1, end))
  }
}
