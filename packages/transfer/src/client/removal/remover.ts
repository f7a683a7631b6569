import { randomBytes } from 'node:crypto'
import { NbError } from '@nb/contracts'
import { type FileRecord, isWithin } from '@nb/formats'
import type { FileStat } from '../../posix/file-stat.ts'
import type { Posix } from '../../posix/posix.ts'
import { errnoCodeOf } from '../../posix/posix-error.ts'
import { identityKey } from '../identity.ts'
import { kindOfMode } from '../entry-kind.ts'
import { targetNames } from '../extractor/target-path.ts'
import type { WarningSink } from '../warning.ts'
import { isAsListed, isIdentity, type KeepReason, notSaved } from './same-as-listed.ts'
import { SourceDirectories } from './source-directories.ts'

/** What a removal is doing, for tests that interfere. */
export type RemovalMoment = 'directory-opened' | 'checked' | 'set-aside'

/** What a remover works with. */
export interface RemoverParts {
  readonly posix: Posix
  /** Identities of files and directories that are never removed, nor anything below. */
  readonly never: ReadonlySet<string>
  readonly warn: WarningSink
  readonly tick: (path: Buffer) => void
  readonly observe?: (moment: RemovalMoment, path: Buffer) => void
}

/** Names under which files stand for a moment before they are removed begin so. */
export const ASIDE_PREFIX = '.nb-removal-'

interface OpenDirectory {
  readonly record: FileRecord
  readonly names: readonly Buffer[]
}

/** A selection of the archive: its directories, or why there are none. */
interface Root {
  readonly path: Buffer
  readonly directories: SourceDirectories | 'gone' | 'refused'
}

const gone = new Set(['ENOENT'])
const inUse = new Set(['ENOTEMPTY', 'EEXIST', 'EBUSY'])

/**
 * Removes the entries of an image's list, as they come in its order: files that still are as listed, and each directory
 * once all below it has been passed, if it is empty then.
 *
 * A file is first renamed within its directory, then looked at again, then removed: what another program puts in its
 * place meanwhile is not what was looked at, and stays.
 */
export class Remover {
  readonly counts = { removed: 0, kept: 0 }
  readonly #parts: RemoverParts
  // Unknown to others, so that nobody can be waiting at a name.
  readonly #asidePrefix = `${ASIDE_PREFIX}${randomBytes(9).toString('hex')}-`
  #asideNumber = 0
  #root: Root | undefined
  readonly #open: OpenDirectory[] = []
  /** Files of several names of which a name has been removed: their change time is this removal's. */
  readonly #ownWork = new Set<string>()

  constructor(parts: RemoverParts) {
    this.#parts = parts
  }

  /** Takes the next entry of the list. */
  visit(record: FileRecord): void {
    const { path } = record
    this.#leave((directory) => !isWithin(path, directory))
    const names = targetNames(path)
    if (typeof names === 'string') {
      this.#keep(path, { code: 'TARGET_UNSAFE', text: `its path ${names}: it stays` })
      return
    }
    if (this.#root === undefined || !isWithin(path, this.#root.path)) this.#enterRoot(record, names)
    const { directories } = this.#root ?? {}
    if (directories === 'refused') this.#keep(path)
    else if (directories === 'gone') return
    else if (record.kind === 'directory') this.#open.push({ record, names })
    else this.#guard(path, () => this.#file(record, names))
    this.#parts.tick(path)
  }

  /** Deals with the directories that are still open, after the last entry. */
  finish(): void {
    this.#leave(() => true)
  }

  /** Lets everything go. Idempotent. */
  close(): void {
    const { directories } = this.#root ?? {}
    if (directories instanceof SourceDirectories) directories.close()
    this.#root = undefined
  }

  #enterRoot(record: FileRecord, names: readonly Buffer[]): void {
    this.close()
    const { posix, never } = this.#parts
    const path = Buffer.from(record.path)
    try {
      this.#root = { path, directories: SourceDirectories.enter(posix, never, record, names) }
    } catch (error) {
      const code = errnoCodeOf(error)
      if (code === undefined && !(error instanceof NbError)) throw error
      const isGone = code !== undefined && gone.has(code)
      this.#root = { path, directories: isGone ? 'gone' : 'refused' }
      if (isGone) return
      const text = `${(error as Error).message}: it stays, with all below`
      this.#parts.warn({ severity: 'warning', path, code: code ?? 'TARGET_UNSAFE', text })
    }
  }

  /** The directory that holds an entry. */
  #place(names: readonly Buffer[]): { readonly fd: number; readonly never: boolean } {
    const { directories } = this.#root ?? {}
    if (directories instanceof SourceDirectories) return directories.open(names.slice(0, -1))
    throw new NbError('internal', 'an entry of no selection is removed')
  }

  #file(record: FileRecord, names: readonly Buffer[]): void {
    const { path } = record
    const { posix, observe, never } = this.#parts
    const name = names.at(-1)
    if (name === undefined)
      return this.#keep(path, { code: 'TARGET_UNSAFE', text: 'it is no file: it stays' })
    const place = this.#place(names)
    observe?.('directory-opened', path)
    const stat = posix.find(place.fd, name)
    if (stat === undefined) return
    if (place.never || never.has(identityKey(stat)))
      return this.#keep(path, { code: 'NEVER', text: 'it is never removed' })
    const reason = notSaved(record) ?? this.#changed(record, stat, place.fd, name)
    if (reason !== undefined) return this.#keep(path, reason)
    observe?.('checked', path)
    this.#remove(record, stat, place.fd, name)
  }

  #changed(record: FileRecord, stat: FileStat, directory: number, name: Buffer): KeepReason | undefined {
    const same =
      isAsListed(record, stat, this.#ownWork.has(identityKey(stat))) &&
      (record.kind !== 'symlink' ||
        this.#parts.posix.readLink(directory, name).equals(record.linkTarget ?? Buffer.alloc(0)))
    return same ? undefined : { code: 'CHANGED', text: 'it has changed since it was archived: it stays' }
  }

  #remove(record: FileRecord, stat: FileStat, directory: number, name: Buffer): void {
    const { posix, observe } = this.#parts
    const aside = this.#setAside(directory, name)
    try {
      observe?.('set-aside', record.path)
      const again = posix.stat(directory, aside)
      const same =
        identityKey(again) === identityKey(stat) &&
        kindOfMode(again.mode) === kindOfMode(stat.mode) &&
        again.size === stat.size &&
        again.mtimeNs === stat.mtimeNs
      if (!same) throw new NbError('state-conflict', 'it has changed since it was archived: it stays')
      if (stat.nlink > 1) this.#ownWork.add(identityKey(stat))
      posix.unlink(directory, aside)
      this.counts.removed++
    } catch (error) {
      this.#putBack(record.path, directory, aside, name)
      throw error
    }
  }

  #setAside(directory: number, name: Buffer): Buffer {
    const { posix } = this.#parts
    for (;;) {
      const aside = Buffer.from(`${this.#asidePrefix}${(this.#asideNumber++).toString(36)}`, 'latin1')
      try {
        posix.rename(directory, name, directory, aside, { exclusive: true })
        return aside
      } catch (error) {
        const code = errnoCodeOf(error)
        if (code === 'EEXIST') continue
        // EINVAL: a file system that can't rename exclusively; nobody else knows the name.
        if (code !== 'EINVAL') throw error
        posix.rename(directory, name, directory, aside)
        return aside
      }
    }
  }

  #putBack(path: Buffer, directory: number, aside: Buffer, name: Buffer): void {
    const { posix } = this.#parts
    try {
      posix.rename(directory, aside, directory, name, { exclusive: true })
    } catch (error) {
      const code = errnoCodeOf(error)
      if (code === undefined) throw error
      const text = `another has come to be in its place: it stays under the name ${aside.toString('latin1')}`
      this.#parts.warn({ severity: 'warning', path: Buffer.from(path), code, text })
    }
  }

  /** Removes the directories that have been passed, deepest first, as far as they are empty. */
  #leave(isPassed: (directory: Buffer) => boolean): void {
    for (
      let last = this.#open.at(-1);
      last !== undefined && isPassed(last.record.path);
      last = this.#open.at(-1)
    ) {
      const { record, names } = last
      this.#open.pop()
      this.#guard(record.path, () => this.#directory(record, names))
    }
  }

  #directory(record: FileRecord, names: readonly Buffer[]): void {
    const { posix, never } = this.#parts
    const { path } = record
    const name = names.at(-1)
    // The root of all is no entry of another directory.
    if (name === undefined) return
    const place = this.#place(names)
    const stat = posix.find(place.fd, name)
    if (stat === undefined) return
    if (place.never || never.has(identityKey(stat)))
      return this.#keep(path, { code: 'NEVER', text: 'it is never removed' })
    if (kindOfMode(stat.mode) !== 'directory' || !isIdentity(record, stat))
      return this.#keep(path, { code: 'CHANGED', text: 'it is not what was archived any more: it stays' })
    const { directories } = this.#root ?? {}
    if (directories instanceof SourceDirectories) directories.forget(names)
    try {
      posix.removeDirectory(place.fd, name)
      this.counts.removed++
    } catch (error) {
      const code = errnoCodeOf(error)
      if (code === undefined || !inUse.has(code)) throw error
      this.#keep(path, { code, text: 'it is not empty, or in use: it stays' }, 'note')
    }
  }

  #keep(path: Buffer, reason?: KeepReason, severity: 'warning' | 'note' = 'warning'): void {
    this.counts.kept++
    if (reason !== undefined) this.#parts.warn({ severity, path: Buffer.from(path), ...reason })
  }

  /** Runs the work on one entry; a failing system call keeps this entry and no other. */
  #guard<Value>(path: Buffer, action: () => Value): Value | undefined {
    try {
      return action()
    } catch (error) {
      const code = errnoCodeOf(error)
      // Nothing is left to do for what is not there.
      if (code !== undefined && gone.has(code)) return undefined
      if (error instanceof NbError && (error.code === 'state-conflict' || error.code === 'target-unsafe'))
        this.#keep(path, {
          code: error.code === 'state-conflict' ? 'CHANGED' : 'TARGET_UNSAFE',
          text: error.message,
        })
      else if (code === 'ELOOP' || code === 'ENOTDIR')
        this.#keep(path, {
          code: 'TARGET_UNSAFE',
          text: `something else stands in the way to it (${code}): it stays`,
        })
      else if (code !== undefined)
        this.#keep(path, { code, text: `it could not be removed: ${(error as Error).message}` })
      else throw error
      return undefined
    }
  }
}
