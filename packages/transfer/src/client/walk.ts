import { pathFromBytes, type Path } from '@nb/contracts'
import { comparePaths, isWithin } from '@nb/formats'
import { AT } from '../posix/constants.ts'
import type { FileStat } from '../posix/file-stat.ts'
import { errnoCodeOf } from '../posix/posix-error.ts'
import { DIRECTORY_FLAGS, DirectoryStack, openQuietly, type Frame } from './directory-stack.ts'
import { kindOfMode, type EntryKind } from './entry-kind.ts'
import { isSameFile, type IdentitySet } from './identity.ts'
import type { NameList } from './name-list.ts'
import { NameStack } from './name-stack.ts'
import type { ReadCalls } from './read-calls.ts'
import { splitPath, type WalkRoots } from './roots.ts'
import type { Selection, Standing } from './selection.ts'
import { namesBetween, type OpenDirectory, type WalkPosition, type WalkSummary } from './walk-position.ts'
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

/** Stops a walk now and then. */
export interface WalkPauses {
  readonly isDue: () => boolean
  /** May block; the walk goes on when it returns. */
  readonly pause: (position: WalkPosition) => void
}

/** What a walk needs. */
export interface WalkParts {
  readonly calls: ReadCalls
  readonly roots: WalkRoots
  readonly selection: Selection
  readonly crossMountPoints: boolean
  /** Files and directories that are never visited, whatever they are called. */
  readonly never: Pick<IdentitySet, 'has'>
  readonly warn: WarningSink
  readonly visit: (entry: WalkEntry) => void
  /** Asked between two entries, as long as more may come: where it stands is told when that is due. */
  readonly pauses?: WalkPauses
  /** Where an earlier walk of the same roots was: what comes up to there is not visited. */
  readonly resumeAt?: WalkPosition
}

type RootOutcome = 'missing' | 'unreadable' | 'readable'

const LEFT_BEHIND = 'the rest of this directory is not in the backup'

/** An entry as it was found. What it is is set before it is visited. */
class Found implements WalkEntry {
  readonly path: Buffer
  readonly directory: number
  readonly stat: FileStat
  /** The decoded names along the path, when patterns want them. */
  readonly names: readonly Path[]
  readonly above: Frame | undefined
  kind: WalkEntry['kind'] = 'file'
  readonly fd: undefined = undefined
  readonly #nameStart: number

  /** @param nameStart - where the name that the calls take begins in the path */
  constructor(
    path: Buffer,
    nameStart: number,
    directory: number,
    stat: FileStat,
    names: readonly Path[],
    above: Frame | undefined,
  ) {
    this.path = path
    this.#nameStart = nameStart
    this.directory = directory
    this.stat = stat
    this.names = names
    this.above = above
  }

  /** Made when it is asked for: of an unchanged file nobody does. */
  get name(): Buffer {
    return this.#nameStart === 0 ? this.path : this.path.subarray(this.#nameStart)
  }
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
  #summary: WalkSummary = { found: 0, readable: 0 }

  constructor(parts: WalkParts) {
    this.#parts = parts
    this.#stack = new DirectoryStack(parts.calls)
  }

  run(): WalkSummary {
    const { roots, resumeAt } = this.#parts
    if (resumeAt === undefined) for (const path of roots.inner) this.#count(outcomeOf(this.#statRoot(path)))
    else this.#summary = resumeAt.summary
    let before: Buffer | undefined
    try {
      for (const path of roots.roots) {
        const order = resumeAt === undefined ? 1 : comparePaths(path, resumeAt.root)
        if (order > 0) {
          this.#betweenRoots(before)
          this.#count(this.#root(path))
        } else if (order === 0 && resumeAt?.directory !== undefined) this.#reenter(path, resumeAt.directory)
        this.#descend(path)
        before = path
      }
    } finally {
      this.#stack.clear()
    }
    return this.#summary
  }

  #count(outcome: RootOutcome): void {
    const { found, readable } = this.#summary
    this.#summary = {
      found: outcome === 'missing' ? found : found + 1,
      readable: outcome === 'readable' ? readable + 1 : readable,
    }
  }

  #betweenRoots(root: Buffer | undefined): void {
    const { pauses } = this.#parts
    if (root !== undefined && pauses?.isDue() === true)
      pauses.pause({ root, directory: undefined, summary: this.#summary })
  }

  #root(path: Buffer): RootOutcome {
    const stat = this.#statRoot(path)
    if (typeof stat === 'string') return stat
    const names = this.#parts.selection.active ? splitPath(path).map((name) => pathFromBytes(name)) : []
    const opened = this.#entry(new Found(path, 0, AT.FDCWD, stat, names, undefined))
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

  #descend(root: Buffer): void {
    const { pauses } = this.#parts
    for (let frame = this.#stack.top; frame !== undefined; frame = this.#stack.top) {
      const at = frame.next++
      if (at >= frame.entries.length) this.#stack.pop()
      else {
        if (pauses?.isDue() === true) pauses.pause(this.#position(root, frame, at))
        const directory = frame.fd ?? this.#reopened(frame)
        if (directory === undefined) frame.next = frame.entries.length
        else this.#child(frame, directory, at)
      }
    }
  }

  #position(root: Buffer, { path, entries }: Frame, next: number): WalkPosition {
    const after = next === 0 ? undefined : entries.at(next - 1)
    const directory = { path, after, unvisited: this.#stack.unvisited }
    return { root, directory, summary: this.#summary }
  }

  #reopened(frame: Frame): number | undefined {
    try {
      const fd = this.#stack.descriptor()
      if (fd !== undefined) return fd
      const text = `it was moved or replaced while it was walked: ${LEFT_BEHIND}`
      this.#parts.warn({ severity: 'warning', path: frame.path, code: 'REPLACED', text })
    } catch (error) {
      this.#failed(frame.path, error, LEFT_BEHIND)
    }
    return undefined
  }

  /** Stands again where an earlier walk has stood: in a directory, behind one of its names. Visits nothing. */
  #reenter(root: Buffer, { path: goal, after, unvisited }: OpenDirectory): void {
    const stat = this.#statRoot(root)
    if (typeof stat === 'string') return
    const below = namesBetween(root, goal)
    const names = this.#parts.selection.active ? splitPath(root).map((name) => pathFromBytes(name)) : []
    let found: Found | undefined = new Found(root, 0, AT.FDCWD, stat, names, undefined)
    for (const [depth, name] of [...below, after].entries()) {
      if (found === undefined || !this.#enterAgain(found, below.length - depth >= unvisited)) return
      const frame = this.#stack.top as Frame
      if (name === undefined) return
      frame.next = frame.entries.firstAfter(name)
      if (depth === below.length) return
      const directory = frame.fd ?? this.#reopened(frame)
      found =
        directory === undefined ? undefined : this.#found(frame, directory, joinPath(frame.path, name), name)
    }
  }

  /** @returns false when the directory is none any more, or is left out now. */
  #enterAgain(found: Found, visited: boolean): boolean {
    const { selection, warn } = this.#parts
    const { path, stat, above } = found
    const standing = selection.judge(found.names, true, above?.standing)
    if (kindOfMode(stat.mode) === 'directory' && standing.verdict !== 'skip')
      return this.#enter(found, standing, visited).fd !== undefined
    const text = `it is another than when the backup was broken off: ${LEFT_BEHIND}`
    warn({ severity: 'warning', path, code: 'REPLACED', text })
    return false
  }

  #child(above: Frame, directory: number, index: number): void {
    const { path: abovePath, entries } = above
    const prefix = prefixBytes(abovePath)
    const pathBytes = prefix + entries.lengthAt(index)
    if (pathBytes > MAX_PATH_BYTES) {
      const text = `its path has ${pathBytes} bytes, more than a file list can hold: it is not in the backup`
      this.#parts.warn({ severity: 'warning', path: abovePath, code: 'ENAMETOOLONG', text })
      return
    }
    const path = pathBelow(abovePath, pathBytes)
    entries.copyTo(path, prefix, index)
    const found = this.#found(above, directory, path, index)
    if (found !== undefined) this.#entry(found)
  }

  /** @param which - a name of the directory, by its number there or by its bytes */
  #found(above: Frame, directory: number, path: Buffer, which: number | Buffer): Found | undefined {
    const { calls, selection } = this.#parts
    let stat: FileStat
    try {
      stat =
        typeof which === 'number'
          ? calls.statEntry(directory, above.entries, which)
          : calls.stat(directory, which)
    } catch (error) {
      this.#failed(path, error, 'it is not in the backup')
      return undefined
    }
    const nameStart = prefixBytes(above.path)
    const names = selection.active ? [...above.names, pathFromBytes(path.subarray(nameStart))] : above.names
    return new Found(path, nameStart, directory, stat, names, above)
  }

  /** @returns false for a directory that could not be opened. */
  #entry(found: Found): boolean {
    const { selection, never, warn, visit } = this.#parts
    const { path, stat, above } = found
    if (never.has(stat)) return true
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
      found.kind = kind
      visit(found)
      return true
    }
    const { fd, content } = this.#enter(found, standing, false)
    if (standing.verdict === 'take') this.#visitWaiting()
    if (content === 'none') {
      const text = 'another file system is mounted here: its content is not backed up by this selection'
      warn({ severity: 'note', path, code: 'MOUNT_POINT', text })
    }
    return fd !== undefined
  }

  /** Opens a directory, reads its names and stands before the first of them. */
  #enter(
    found: Found,
    standing: Standing,
    visited: boolean,
  ): { readonly fd: number | undefined; readonly content: 'whole' | 'toward' | 'none' } {
    const { path, name, stat, names, above } = found
    const content = this.#contentOf(path, stat, above)
    const fd = this.#openDirectory(found)
    const entries = fd === undefined || content === 'none' ? noNames : this.#entriesOf(fd, path, content)
    const toward = content === 'toward'
    this.#stack.push({ path, name, stat, names, standing, entries, toward, next: 0, fd, visited })
    return { fd, content }
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
      if (isSameFile(calls.statFd(fd), stat)) return fd
      calls.close(fd)
      const text = 'it was replaced while it was being opened: its content is not in the backup'
      this.#parts.warn({ severity: 'warning', path, code: 'REPLACED', text })
    } catch (error) {
      this.#failed(path, error, 'the content of this directory is not in the backup')
    }
    return undefined
  }

  #entriesOf(fd: number, path: Buffer, content: 'whole' | 'toward'): NameList {
    try {
      const names = this.#parts.calls.readNames(fd)
      const { inner } = this.#parts.roots
      if (content === 'toward') names.keep((name) => inner.some((i) => isWithin(i, joinPath(path, name))))
      return names.sort()
    } catch (error) {
      this.#failed(path, error, 'the content of this directory is not in the backup')
      return noNames
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
const SLASH = 0x2f

/** Bytes before a name in the path of what is in a directory. */
function prefixBytes(directory: Buffer): number {
  return directory.length === 1 ? 1 : directory.length + 1
}

function joinPath(directory: Buffer, name: Buffer): Buffer {
  const prefix = prefixBytes(directory)
  const path = pathBelow(directory, prefix + name.length)
  path.set(name, prefix)
  return path
}

/** A path of so many bytes in a directory, but for the name at its end. */
function pathBelow(directory: Buffer, pathBytes: number): Buffer {
  const path = Buffer.allocUnsafe(pathBytes)
  path.set(directory)
  path[prefixBytes(directory) - 1] = SLASH
  return path
}

const noNames = new NameStack().take()

function outcomeOf(stat: FileStat | 'missing' | 'unreadable'): RootOutcome {
  return typeof stat === 'string' ? stat : 'readable'
}
