import { pathFromBytes, type Path } from '@nb/contracts'
import { isWithin } from '@nb/formats'
import { AT } from '../posix/constants.ts'
import type { FileStat } from '../posix/file-stat.ts'
import { errnoCodeOf } from '../posix/posix-error.ts'
import { DIRECTORY_FLAGS, DirectoryStack, identityKey, openQuietly, type Frame } from './directory-stack.ts'
import { kindOfMode, type EntryKind } from './entry-kind.ts'
import type { ReadCalls } from './read-calls.ts'
import { splitPath, type WalkRoots } from './roots.ts'
import type { Selection } from './selection.ts'
import type { WarningSink } from './warning.ts'

/** One entry of the tree, handed to the visitor while its directory is open. */
export interface WalkEntry {
  /** Absolute path as raw bytes. */
  readonly path: Buffer
  /** Descriptor of the directory it is in, and its name there: what the calls take. */
  readonly directory: number
  readonly name: Buffer
  readonly kind: Exclude<EntryKind, 'socket' | 'unknown'>
  readonly stat: FileStat
  /** Of a directory that could be opened: its own descriptor. */
  readonly fd: number | undefined
}

/** What a walk needs. */
export interface WalkParts {
  readonly calls: ReadCalls
  readonly roots: WalkRoots
  readonly selection: Selection
  readonly crossMountPoints: boolean
  /** {@link identityKey} of files and directories that are never visited, whatever they are called. */
  readonly never: ReadonlySet<string>
  readonly warn: WarningSink
  readonly visit: (entry: WalkEntry) => void
}

/** What became of the roots. */
export interface WalkSummary {
  /** Roots that were there. */
  readonly found: number
  /** Roots that could be looked into, or are no directories. */
  readonly readable: number
}

type RootOutcome = 'missing' | 'unreadable' | 'readable'

/** An entry as it was found, before anything is decided. */
interface Found {
  readonly path: Buffer
  readonly directory: number
  readonly name: Buffer
  readonly stat: FileStat
  readonly names: readonly Path[]
  readonly above: Frame | undefined
}

/**
 * Walks the roots depth first, a directory before its entries, entries sorted by their bytes: the order of a file
 * list. Every name is resolved relative to the descriptor of its directory, so depth is not limited by `PATH_MAX`
 * and a directory that is replaced on the way by a link is not followed.
 */
export function walk(parts: WalkParts): WalkSummary {
  return new Walker(parts).run()
}

class Walker {
  readonly #parts: WalkParts
  readonly #stack: DirectoryStack

  constructor(parts: WalkParts) {
    this.#parts = parts
    this.#stack = new DirectoryStack(parts.calls)
  }

  run(): WalkSummary {
    const { roots, inner } = this.#parts.roots
    const outcomes: RootOutcome[] = inner.map((path) => outcomeOf(this.#statRoot(path)))
    try {
      for (const path of roots) {
        outcomes.push(this.#root(path))
        this.#descend()
      }
    } finally {
      this.#stack.clear()
    }
    return {
      found: outcomes.filter((outcome) => outcome !== 'missing').length,
      readable: outcomes.filter((outcome) => outcome === 'readable').length,
    }
  }

  #root(path: Buffer): RootOutcome {
    const stat = this.#statRoot(path)
    if (typeof stat === 'string') return stat
    const names = this.#parts.selection.active ? splitPath(path).map((name) => pathFromBytes(name)) : []
    const opened = this.#entry({ path, directory: AT.FDCWD, name: path, stat, names, above: undefined })
    return opened ? 'readable' : 'unreadable'
  }

  #statRoot(path: Buffer): FileStat | 'missing' | 'unreadable' {
    try {
      return this.#parts.calls.stat(AT.FDCWD, path)
    } catch (error) {
      const code = errnoCodeOf(error)
      if (code === undefined) throw error
      const missing = code === 'ENOENT' || code === 'ENOTDIR'
      const text = missing
        ? 'this backup selection does not exist'
        : `this backup selection cannot be reached: ${code}`
      this.#parts.warn({ severity: 'warning', path, code, text })
      return missing ? 'missing' : 'unreadable'
    }
  }

  #descend(): void {
    for (let frame = this.#stack.top; frame !== undefined; frame = this.#stack.top) {
      const name = frame.entries[frame.next++]
      if (name === undefined) this.#stack.pop()
      else {
        const directory = frame.fd ?? this.#reopened(frame)
        if (directory === undefined) frame.next = frame.entries.length
        else this.#child(frame, directory, name)
      }
    }
  }

  #reopened(frame: Frame): number | undefined {
    const consequence = 'the rest of this directory is not in the backup'
    try {
      const fd = this.#stack.descriptor()
      if (fd !== undefined) return fd
      const text = `it was moved or replaced while it was walked: ${consequence}`
      this.#parts.warn({ severity: 'warning', path: frame.path, code: 'REPLACED', text })
    } catch (error) {
      this.#failed(frame.path, error, consequence)
    }
    return undefined
  }

  #child(above: Frame, directory: number, name: Buffer): void {
    const path = joinPath(above.path, name)
    if (path.length > MAX_PATH_BYTES) {
      const text = `its path has ${path.length} bytes, more than a file list can hold: it is not in the backup`
      this.#parts.warn({ severity: 'warning', path: above.path, code: 'ENAMETOOLONG', text })
      return
    }
    let stat: FileStat
    try {
      stat = this.#parts.calls.stat(directory, name)
    } catch (error) {
      this.#failed(path, error, 'it is not in the backup')
      return
    }
    const names = this.#parts.selection.active ? [...above.names, pathFromBytes(name)] : above.names
    this.#entry({ path, directory, name, stat, names, above })
  }

  /** @returns false for a directory that could not be opened. */
  #entry(found: Found): boolean {
    const { selection, never, warn, visit } = this.#parts
    const { path, directory, name, stat, above } = found
    if (never.size > 0 && never.has(identityKey(stat))) return true
    const kind = kindOfMode(stat.mode)
    const standing = selection.judge(found.names, kind === 'directory', above?.standing)
    if (standing.verdict === 'skip') return true
    if (kind === 'socket' || kind === 'unknown') {
      const text = 'sockets are not backed up: the program that owns one makes it anew'
      warn({ severity: 'note', path, code: 'SOCKET', text })
      return true
    }
    if (kind !== 'directory') {
      this.#visitWaiting()
      visit({ path, directory, name, kind, stat, fd: undefined })
      return true
    }
    const content = this.#contentOf(path, stat, above)
    const fd = this.#openDirectory(found)
    const entries = fd === undefined || content === 'none' ? [] : this.#entriesOf(fd, path, content)
    const { names } = found
    const toward = content === 'toward'
    this.#stack.push({ path, name, stat, names, standing, entries, toward, next: 0, fd, visited: false })
    if (standing.verdict === 'take') this.#visitWaiting()
    if (content === 'none') {
      const text = 'another file system is mounted here: its content is not backed up by this selection'
      warn({ severity: 'note', path, code: 'MOUNT_POINT', text })
    }
    return fd !== undefined
  }

  /** How much of a directory is walked: mount points are crossed when asked for, or when a selection lies behind. */
  #contentOf(path: Buffer, stat: FileStat, above: Frame | undefined): 'whole' | 'toward' | 'none' {
    const { crossMountPoints, roots } = this.#parts
    if (above === undefined) return 'whole'
    const mustStop = above.toward || (!crossMountPoints && isMountPoint(stat, above.stat))
    if (!mustStop || roots.inner.some((inner) => inner.equals(path))) return 'whole'
    return roots.inner.some((inner) => isWithin(inner, path)) ? 'toward' : 'none'
  }

  /** Visits the directories above that were left out, now that something below them is not. */
  #visitWaiting(): void {
    this.#stack.visitWaiting(({ path, name, stat, fd }, above) =>
      this.#parts.visit({
        path,
        directory: above?.fd ?? AT.FDCWD,
        name: above === undefined ? path : name,
        kind: 'directory',
        stat,
        fd,
      }),
    )
  }

  #openDirectory({ path, directory, name, stat }: Found): number | undefined {
    const { calls } = this.#parts
    try {
      const fd = openQuietly(calls, directory, name, DIRECTORY_FLAGS)
      if (identityKey(calls.statFd(fd)) === identityKey(stat)) return fd
      calls.close(fd)
      const text = 'it was replaced while it was being opened: its content is not in the backup'
      this.#parts.warn({ severity: 'warning', path, code: 'REPLACED', text })
    } catch (error) {
      this.#failed(path, error, 'the content of this directory is not in the backup')
    }
    return undefined
  }

  #entriesOf(fd: number, path: Buffer, content: 'whole' | 'toward'): readonly Buffer[] {
    try {
      const names = this.#parts.calls.readDirectory(fd).map((entry) => entry.name)
      const { inner } = this.#parts.roots
      const wanted =
        content === 'whole'
          ? names
          : names.filter((name) => inner.some((i) => isWithin(i, joinPath(path, name))))
      return wanted.sort((a, b) => Buffer.compare(a, b))
    } catch (error) {
      this.#failed(path, error, 'the content of this directory is not in the backup')
      return []
    }
  }

  #failed(path: Buffer, error: unknown, consequence: string): void {
    const code = errnoCodeOf(error)
    if (code === undefined) throw error
    const reason = code === 'ENOENT' ? 'it vanished while the tree was walked' : (error as Error).message
    this.#parts.warn({ severity: 'warning', path, code, text: `${reason}: ${consequence}` })
  }
}

function isMountPoint(stat: FileStat, above: FileStat): boolean {
  if (stat.devMajor !== above.devMajor || stat.devMinor !== above.devMinor) return true
  return stat.mountId >= 0 && above.mountId >= 0 && stat.mountId !== above.mountId
}

// What a record of a file list can hold.
const MAX_PATH_BYTES = 65_535
const SLASH = Buffer.from('/')

function joinPath(directory: Buffer, name: Buffer): Buffer {
  return directory.length === 1 ? Buffer.concat([SLASH, name]) : Buffer.concat([directory, SLASH, name])
}

function outcomeOf(stat: FileStat | 'missing' | 'unreadable'): RootOutcome {
  return typeof stat === 'string' ? stat : 'readable'
}
