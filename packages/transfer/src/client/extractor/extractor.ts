import { comparePaths, type ArchiveMember, type ArchiveSink } from '@nb/formats'
import { NbError } from '@nb/contracts'
import { AT, O, S_IF } from '../../posix/constants.ts'
import { descriptorPath, type Posix } from '../../posix/posix.ts'
import { errnoCodeOf } from '../../posix/posix-error.ts'
import { identityKey } from '../identity.ts'
import { kindOfMode } from '../entry-kind.ts'
import type { WarningSink } from '../warning.ts'
import { applyAttributes, type AttributePlace, type RestorableAttributes } from './apply-attributes.ts'
import { copyFile } from './copy-file.ts'
import type { DeferredDirectory, ExtractionState, LinkLeader } from './extraction-state.ts'
import { NEW_FILE_FLAGS, targetExists, type IfExists, type Installer } from './installer.ts'
import type { PlanIndex, PlannedTarget } from './plan-index.ts'
import type { TargetDirectories } from './target-directories.ts'
import { targetNames } from './target-path.ts'
import { isUnfinishedDirectory, withoutMark } from './unfinished-directory.ts'
import { RefusalTally } from './refusal-tally.ts'

/** What was restored so far. */
export interface ExtractorCounts {
  /** Entries that are in place, links and directories included. */
  entries: number
  /** Logical bytes of the files among them. */
  bytes: number
  /** Entries left as they were, since something was there. */
  skipped: number
  /** Entries that could not be restored. */
  failed: number
}

/** A moment in the extraction of a file, for tests that act just then. */
export type ExtractorMoment = 'directory-opened' | 'file-created' | 'data-written' | 'installed'

/** What an extractor works with. */
export interface ExtractorParts {
  readonly posix: Posix
  readonly target: TargetDirectories
  readonly plan: PlanIndex
  readonly installer: Installer
  readonly ifExists: IfExists
  readonly state: ExtractionState
  readonly warn: WarningSink
  /** Called after every entry and every piece of data. */
  readonly tick: (path: Buffer) => void
  readonly observe?: (moment: ExtractorMoment, path: Buffer) => void
}

/** A target that passed all checks, with its directory open. */
interface Place {
  readonly target: PlannedTarget
  readonly names: readonly Buffer[]
  readonly directory: number
  readonly name: Buffer
}

/** The file whose data is coming. */
interface OpenFile {
  readonly place: Place
  readonly member: ArchiveMember
  readonly temporary: Buffer
  readonly fd: number
  /** Further names of it. */
  readonly others: readonly PlannedTarget[]
}

/**
 * Writes the members of archive streams to where the plan says. The archive's own paths are never used, nor the
 * targets of its hard links: what goes where is the plan's word alone, and every target is reached from the root's
 * descriptor over names that are no links.
 */
export class Extractor implements ArchiveSink {
  readonly counts: ExtractorCounts = { entries: 0, bytes: 0, skipped: 0, failed: 0 }
  readonly #parts: ExtractorParts
  readonly #directories: DeferredDirectory[]
  readonly #made: Set<string>
  readonly #leaders: Map<string, LinkLeader>
  readonly #refusals: RefusalTally
  #imageIndex = 0
  #file: OpenFile | undefined

  constructor(parts: ExtractorParts, made: Set<string>) {
    this.#parts = parts
    this.#directories = [...parts.state.directories]
    this.#made = made
    this.#leaders = new Map(parts.state.leaders)
    this.#refusals = new RefusalTally(parts.warn)
  }

  /** Looks, before anything is written, for what may not be replaced. Throws `target-exists`. */
  checkNothingExists(): void {
    const { posix, plan, target } = this.#parts
    const existing: Buffer[] = []
    for (let entry = 0; entry < plan.count; entry++) {
      const { path, isDirectory } = plan.target(entry)
      const names = targetNames(path)
      const name = typeof names === 'string' ? undefined : names.at(-1)
      if (typeof names === 'string' || name === undefined) continue
      try {
        const found = posix.find(target.open(names.slice(0, -1), { make: false }), name)
        if (found !== undefined && !(isDirectory && kindOfMode(found.mode) === 'directory'))
          existing.push(path)
      } catch (error) {
        const code = errnoCodeOf(error)
        if (code === undefined) throw error
        // Nothing is below what is not there. What is no directory was or will be found itself, where it is planned.
        if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP') throw error
      }
    }
    if (existing.length > 0) throw targetExists(existing)
  }

  /** Makes the plan's directories, in its order, so that no file comes before its directory. */
  makeDirectories(): void {
    const { plan } = this.#parts
    for (let entry = 0; entry < plan.count; entry++) {
      const target = plan.target(entry)
      if (!target.isDirectory) continue
      this.#guard(target, () => {
        const place = this.#place(target)
        if (place === undefined || place === 'root') return
        if (this.#parts.installer.makeDirectory(place.directory, place.name, target.path) === 'made') {
          this.#made.add(target.path.toString('latin1'))
        }
      })
    }
  }

  /** The image whose members come next. */
  enterImage(imageIndex: number): void {
    this.#imageIndex = imageIndex
  }

  onMember(member: ArchiveMember, streamOffset: number): void {
    const targets = this.#parts.plan.targetsOf(this.#imageIndex, streamOffset)
    if (targets.length === 0) return
    if (member.kind === 'directory') for (const target of targets) this.#directory(target, member)
    else if (member.kind === 'hardlink')
      for (const target of targets) this.#fail(target, 'NO_DATA', 'the plan points to a member without data')
    else this.#named(targets, member)
  }

  onData(chunk: Buffer, dataOffset: number): void {
    const file = this.#file
    if (file === undefined) return
    try {
      this.#parts.posix.writeAt(file.fd, chunk, dataOffset)
      this.counts.bytes += chunk.length
      this.#parts.observe?.('data-written', file.place.target.path)
    } catch (error) {
      this.#dropFile()
      this.#failed(file.place.target, error)
      for (const other of file.others) this.#failed(other, error)
    }
    this.#parts.tick(file.place.target.path)
  }

  onMemberEnd(): void {
    const file = this.#file
    if (file === undefined) return
    const { place, member, fd, temporary, others } = file
    const { posix, target, installer } = this.#parts
    this.#guard(place.target, () => {
      this.#apply({ fd }, member, target.givesAcl(), place.target.path)
      // Who it is matters only where further names will be linked to it.
      const identity = place.target.linkKey === undefined ? '' : identityKey(posix.statFd(fd))
      this.#file = undefined
      posix.close(fd)
      if (!installer.install(place.directory, temporary, place.name, place.target.path)) {
        this.#skip(place.target)
        return
      }
      this.#settled(place.target, identity)
    })
    this.#further(others, member)
  }

  onEndOfArchive(): void {
    // An image's stream has no end marker inside; where one comes nevertheless, nothing wanted follows.
  }

  /** Tells of what did not come, and sets the directories' attributes when this was the last group. */
  finish({ last }: { readonly last: boolean }): ExtractionState {
    for (const target of this.#parts.plan.undone()) {
      this.#fail(target, 'NOT_IN_IMAGE', 'its data did not come: the image does not hold it')
    }
    if (last) this.#finishDirectories()
    this.#refusals.finish()
    return {
      directories: last ? [] : this.#directories,
      made: last ? [] : [...this.#made],
      leaders: last ? [] : [...this.#leaders],
    }
  }

  /** Leaves nothing half-written behind. Idempotent. */
  abandon(): void {
    if (this.#file !== undefined) this.#dropFile()
  }

  #directory(target: PlannedTarget, member: ArchiveMember): void {
    const { ifExists } = this.#parts
    this.#parts.plan.markDone(target.entry)
    this.#guard(target, () => {
      const names = targetNames(target.path)
      if (typeof names === 'string') return
      const isOurs = names.length === 0 || this.#made.has(target.path.toString('latin1'))
      if (!isOurs && ifExists === 'skip') {
        this.#skip(target)
        return
      }
      // Whether it is one, after all, is seen when its attributes are set.
      const { mode, uid, gid, mtimeNs, atimeNs, xattrs, aclAccess, aclDefault } = member
      const attributes: RestorableAttributes = {
        mode,
        uid,
        gid,
        mtimeNs,
        ...(atimeNs === undefined ? {} : { atimeNs }),
        ...(xattrs === undefined ? {} : { xattrs }),
        ...(aclAccess === undefined ? {} : { aclAccess }),
        ...(aclDefault === undefined ? {} : { aclDefault }),
      }
      this.#directories.push({ path: Buffer.from(target.path), attributes })
      this.counts.entries++
      this.#parts.tick(target.path)
    })
  }

  /** Makes a file, link or node under the first of its names that takes it; the others become links to that. */
  #named(targets: readonly PlannedTarget[], member: ArchiveMember): void {
    const leaderKey = targets[0]?.linkKey
    if (leaderKey !== undefined && this.#leaders.has(leaderKey)) {
      this.#further(targets, member)
      return
    }
    for (const [index, target] of targets.entries()) {
      const others = targets.slice(index + 1)
      const begun = this.#guard(target, () => this.#begin(target, member, others))
      if (begun === true) return
    }
  }

  /** @returns whether the entry is in hand; false lets the next name try. */
  #begin(target: PlannedTarget, member: ArchiveMember, others: readonly PlannedTarget[]): boolean {
    const { posix, installer, observe } = this.#parts
    this.#parts.plan.markDone(target.entry)
    const place = this.#place(target)
    if (place === 'root')
      this.#fail(target, 'TARGET_UNSAFE', 'only a directory can take the place of the root')
    if (place === undefined || place === 'root') return false
    observe?.('directory-opened', target.path)
    if (installer.mustSkip(place.directory, place.name)) {
      this.#skip(target)
      return false
    }
    if (member.kind !== 'file') {
      this.#node(place, member)
      this.#further(others, member)
      return true
    }
    const { name, made: fd } = installer.makeTemporary(place.target.path, (n) =>
      posix.open(place.directory, n, NEW_FILE_FLAGS, 0o600),
    )
    this.#file = { place, member, temporary: name, fd, others }
    observe?.('file-created', target.path)
    if (member.sparse !== undefined) posix.truncate(fd, member.sizeBytes)
    return true
  }

  /** A symbolic link, FIFO or device node. */
  #node(place: Place, member: ArchiveMember): void {
    const { posix, installer, target } = this.#parts
    const { directory } = place
    const { name } = installer.makeTemporary(place.target.path, (n) => makeNode(posix, directory, n, member))
    let identity: string
    try {
      if (member.kind === 'symlink') {
        this.#apply({ directory, link: name }, member, false, place.target.path)
        identity = identityKey(posix.stat(directory, name))
      } else {
        // Opened as a mere place: a device's driver never hears of it.
        const pathFd = posix.open(directory, name, O.PATH | O.NOFOLLOW)
        try {
          const stat = posix.statFd(pathFd)
          if (kindOfMode(stat.mode) !== member.kind)
            throw new NbError('target-unsafe', 'a node was replaced while it was made')
          this.#apply({ pathFd }, member, target.givesAcl(), place.target.path)
          identity = identityKey(stat)
        } finally {
          posix.close(pathFd)
        }
      }
    } catch (error) {
      installer.discard(directory, name)
      throw error
    }
    if (installer.install(directory, name, place.name, place.target.path))
      this.#settled(place.target, identity)
    else this.#skip(place.target)
  }

  /** Further names of what was written before. */
  #further(targets: readonly PlannedTarget[], member: ArchiveMember): void {
    for (const target of targets) {
      this.#parts.plan.markDone(target.entry)
      this.#guard(target, () => {
        const leader = target.linkKey === undefined ? undefined : this.#leaders.get(target.linkKey)
        if (leader === undefined) {
          this.#fail(target, 'NO_LEADER', 'the file it is a further name of could not be restored')
          return
        }
        this.#link(target, leader, member)
      })
    }
  }

  #link(target: PlannedTarget, leader: LinkLeader, member: ArchiveMember): void {
    const { posix, installer } = this.#parts
    const leaderFd = this.#openLeader(leader)
    try {
      const place = this.#place(target)
      if (place === undefined || place === 'root') return
      const found = posix.find(place.directory, place.name)
      if (found !== undefined && identityKey(found) === leader.identity) {
        this.counts.entries++
        return
      }
      if (installer.mustSkip(place.directory, place.name)) {
        this.#skip(target)
        return
      }
      let temporary: Buffer
      try {
        temporary = installer.makeTemporary(target.path, (name) =>
          posix.linkDescriptor(leaderFd, place.directory, name),
        ).name
      } catch (error) {
        temporary = this.#copyInstead(place, leaderFd, member, error)
      }
      if (installer.install(place.directory, temporary, place.name, target.path)) this.counts.entries++
      else this.#skip(target)
      this.#parts.tick(target.path)
    } finally {
      posix.close(leaderFd)
    }
  }

  #openLeader(leader: LinkLeader): number {
    const { posix, target } = this.#parts
    const names = targetNames(Buffer.from(leader.path))
    const name = typeof names === 'string' ? undefined : names.at(-1)
    if (typeof names === 'string' || name === undefined)
      throw new NbError('internal', 'a leader without a name')
    const fd = posix.open(target.open(names.slice(0, -1), { make: false }), name, O.PATH | O.NOFOLLOW)
    if (identityKey(posix.statFd(fd)) === leader.identity) return fd
    posix.close(fd)
    throw new NbError('target-unsafe', 'the file it is a further name of was replaced since it was restored')
  }

  /** Where a link cannot be made the data is copied, so that nothing is missing. */
  #copyInstead(place: Place, leaderFd: number, member: ArchiveMember, error: unknown): Buffer {
    const { posix, installer, warn } = this.#parts
    const code = errnoCodeOf(error)
    if (code === undefined || member.kind !== 'file') throw error
    const text = `it could not be linked to the file it is a further name of (${code}): it is a copy`
    warn({ severity: 'warning', path: Buffer.from(place.target.path), code, text })
    const { name, made: fd } = installer.makeTemporary(place.target.path, (n) =>
      posix.open(place.directory, n, NEW_FILE_FLAGS, 0o600),
    )
    const from = posix.open(AT.FDCWD, descriptorPath(leaderFd), O.RDONLY)
    try {
      copyFile(posix, from, fd)
      this.#apply({ fd }, member, true, place.target.path)
    } catch (failure) {
      installer.discard(place.directory, name)
      throw failure
    } finally {
      posix.close(from)
      posix.close(fd)
    }
    return name
  }

  #finishDirectories(): void {
    const { posix, target } = this.#parts
    const deepestFirst = this.#directories
      .map(({ path, attributes }) => ({ path: Buffer.from(path), attributes }))
      .sort((a, b) => comparePaths(b.path, a.path))
    for (const { path, attributes } of deepestFirst) {
      try {
        const names = targetNames(path)
        if (typeof names === 'string') continue
        const pathFd = target.open(names, { make: false })
        applyAttributes(posix, { pathFd }, revived(attributes), true, this.#refusals.forPath(path))
        this.#made.delete(path.toString('latin1'))
      } catch (error) {
        this.#warnOfDirectory(path, error)
      }
    }
    this.#finishOtherDirectories()
  }

  /** Directories of which nothing is known but that they were missing above something: they keep to their owner. */
  #finishOtherDirectories(): void {
    const { posix, target } = this.#parts
    const others = [...this.#made].map((path) => Buffer.from(path, 'latin1'))
    for (const path of others.sort((a, b) => comparePaths(b, a))) {
      try {
        const names = targetNames(path)
        if (typeof names === 'string') continue
        const pathFd = target.open(names, { make: false })
        const stat = posix.statFd(pathFd)
        if (isUnfinishedDirectory(stat)) posix.chmodPath(descriptorPath(pathFd), withoutMark(stat.mode))
      } catch (error) {
        this.#warnOfDirectory(path, error)
      }
    }
  }

  #warnOfDirectory(path: Buffer, error: unknown): void {
    const code = errnoCodeOf(error)
    if (code === undefined) throw error
    const text = `its attributes could not be restored: ${(error as Error).message}`
    this.#parts.warn({ severity: 'warning', path, code, text })
  }

  /** Checks a target and opens its directory. `undefined`: it was refused and told. */
  #place(target: PlannedTarget): Place | 'root' | undefined {
    const names = targetNames(target.path)
    if (typeof names === 'string') {
      this.#fail(target, 'TARGET_UNSAFE', `its target path ${names}: it is not restored`)
      return undefined
    }
    const name = names.at(-1)
    if (name === undefined) return 'root'
    const directory = this.#parts.target.open(names.slice(0, -1), { make: true })
    return { target, names, directory, name }
  }

  #apply(place: AttributePlace, member: ArchiveMember, inheritsAcl: boolean, path: Buffer): void {
    applyAttributes(this.#parts.posix, place, member, inheritsAcl, this.#refusals.forPath(path))
  }

  #settled(target: PlannedTarget, identity: string): void {
    this.counts.entries++
    if (target.linkKey !== undefined && !this.#leaders.has(target.linkKey)) {
      this.#leaders.set(target.linkKey, { path: Buffer.from(target.path), identity })
    }
    this.#parts.observe?.('installed', target.path)
    this.#parts.tick(target.path)
  }

  #skip(target: PlannedTarget): void {
    this.counts.skipped++
    this.#parts.tick(target.path)
  }

  /** Runs the work on one entry; a failing system call fails this entry and no other. */
  #guard<T>(target: PlannedTarget, action: () => T): T | undefined {
    try {
      return action()
    } catch (error) {
      this.#dropFile()
      this.#failed(target, error)
      return undefined
    }
  }

  #failed(target: PlannedTarget, error: unknown): void {
    const code = errnoCodeOf(error)
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new NbError('disk-full', `The target has no room left: ${(error as Error).message}`, {
        cause: error,
      })
    }
    if (error instanceof NbError && error.code === 'target-unsafe')
      this.#fail(target, 'TARGET_UNSAFE', error.message)
    else if (code === undefined) throw error
    else if (code === 'ELOOP' || code === 'EXDEV') {
      this.#fail(
        target,
        'TARGET_UNSAFE',
        `a symbolic link stands in the way to it (${code}): nothing is written through links`,
      )
    } else this.#fail(target, code, `it could not be restored: ${(error as Error).message}`)
  }

  #fail(target: PlannedTarget, code: string, text: string): void {
    this.counts.failed++
    this.#parts.plan.markDone(target.entry)
    this.#parts.warn({ severity: 'warning', path: Buffer.from(target.path), code, text })
  }

  #dropFile(): void {
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    this.#parts.posix.close(file.fd)
    this.#parts.installer.discard(file.place.directory, file.temporary)
  }
}

function makeNode(posix: Posix, directory: number, name: Buffer, member: ArchiveMember): void {
  const { kind, linkTarget, deviceMajor = 0, deviceMinor = 0 } = member
  if (kind === 'symlink') posix.symlink(linkTarget ?? Buffer.alloc(0), directory, name)
  else if (kind === 'fifo') posix.makeFifo(directory, name, 0o600)
  else {
    const type = kind === 'character-device' ? S_IF.CHAR : S_IF.BLOCK
    posix.makeNode(directory, name, type | 0o600, deviceMajor, deviceMinor)
  }
}

/** Attributes that came from another thread have plain byte arrays where buffers were. */
function revived(attributes: RestorableAttributes): RestorableAttributes {
  const { xattrs } = attributes
  if (xattrs === undefined) return attributes
  return {
    ...attributes,
    xattrs: xattrs.map(({ name, value }) => ({ name: Buffer.from(name), value: Buffer.from(value) })),
  }
}
