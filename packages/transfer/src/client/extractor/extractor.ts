import { type ArchiveMember, type ArchiveSink, instantOf } from '@nb/formats'
import type { Posix } from '../../posix/posix.ts'
import { identityKey } from '../identity.ts'
import type { WarningSink } from '../warning.ts'
import {
  applyAttributes,
  applyTimesAndMode,
  hasTimesAndModeOnly,
  type AttributePlace,
  type GivenOwner,
} from './apply-attributes.ts'
import { noExtractionState, type ExtractionState, type LinkLeader } from './extraction-state.ts'
import { beginContentCheck, contentDiffers, type ContentCheck } from './content-check.ts'
import { FailedWrites, type FailedWritesParts } from './failed-writes.ts'
import { FailuresAtOnce } from './failures-at-once.ts'
import { FurtherNames } from './further-names.ts'
import { makeNode } from './make-node.ts'
import type { IfExists, Installer } from './installer.ts'
import { NewFiles, type NewFile } from './new-files.ts'
import { Outcomes, type ExtractorCounts } from './outcomes.ts'
import { Places, type Place } from './places.ts'
import { PlainFiles } from './plain-files.ts'
import type { PlanIndex, PlannedTarget } from './plan-index.ts'
import { RestoredDirectories } from './restored-directories.ts'
import type { TargetDirectories } from './target-directories.ts'
import { RefusalTally } from './refusal-tally.ts'
import type { WritesBehind } from './write-behind.ts'
import { WrittenFile } from './written-file.ts'

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
  /** Throws where the run was ended. */
  readonly throwIfAborted: () => void
  readonly observe?: (moment: ExtractorMoment, path: Buffer) => void
}

/** Progress is told after so many plain files, and after each piece of so many bytes: telling costs as much as writing a few bytes. */
const MANY_ENTRIES = 32
const MUCH_BYTES = 65_536

type FailedWritesTools = Omit<FailedWritesParts, 'sources'>

/** The file whose data is coming. */
interface OpenFile {
  readonly place: Place
  readonly member: ArchiveMember
  readonly made: NewFile
  /** Further names of it. */
  readonly others: readonly PlannedTarget[]
  /** Whether it is written, finished and closed behind. */
  readonly isBehind: boolean
  /** What its content has to be, where that is known. */
  readonly check: ContentCheck | undefined
}

/**
 * Writes the members of archive streams to where the plan says. The archive's own paths are never used, nor the
 * targets of its hard links: what goes where is the plan's word alone, and every target is reached from the root's
 * descriptor over names that are no links.
 */
export class Extractor implements ArchiveSink {
  readonly #parts: ExtractorParts
  readonly #outcomes: Outcomes
  readonly #places: Places
  readonly #directories: RestoredDirectories
  readonly #leaders: Map<string, LinkLeader>
  readonly #refusals: RefusalTally
  readonly #newFiles: NewFiles
  readonly #furtherNames: FurtherNames
  readonly #tools: FailedWritesTools
  /** Does the writing, where there is a thread for it. */
  #behind: WritesBehind | undefined
  #failedWrites: FailedWrites | undefined
  /** Nearly all of them, where there is a thread that writes. */
  #plain: PlainFiles | undefined
  #imageIndex = 0
  #file: OpenFile | undefined

  constructor(parts: ExtractorParts, made: Set<string>) {
    this.#parts = parts
    this.#leaders = new Map(parts.state.leaders)
    const refusals = (this.#refusals = new RefusalTally(parts.warn))
    const outcomes = (this.#outcomes = new Outcomes(parts))
    const places = (this.#places = new Places(parts.target, outcomes))
    const tools = (this.#tools = { ...parts, refusals, outcomes, places })
    this.#directories = new RestoredDirectories(tools, made, parts.state.directories)
    this.#newFiles = new NewFiles(parts.posix, parts.installer, () => this.settle())
    this.#furtherNames = new FurtherNames(tools)
  }

  /** From here on files are written behind, where they can be. Before the first data comes. */
  writeBehind(behind: WritesBehind): void {
    this.#behind = behind
    const atOnce = new FailuresAtOnce()
    this.#failedWrites = new FailedWrites({ ...this.#tools, sources: [behind, atOnce] })
    if (this.#parts.observe !== undefined) return
    this.#plain = new PlainFiles({
      ...this.#parts,
      behind,
      atOnce: new WrittenFile(this.#parts.posix, atOnce),
    })
  }

  get counts(): ExtractorCounts {
    return this.#outcomes.counts
  }

  /**
   * Makes those of the plan's entries that are directories, from one on to before another. All of them are to be made before the first
   * data, in the plan's order, so that no file comes before its directory.
   */
  makeDirectories(from: number, to: number): void {
    const { plan } = this.#parts
    for (let entry = from; entry < to; entry++) {
      if (!plan.isDirectory(entry)) continue
      const target = plan.target(entry)
      this.#guard(target, () => this.#directories.make(target))
    }
  }

  /** The image whose members come next. */
  enterImage(imageIndex: number): void {
    this.#imageIndex = imageIndex
  }

  onMember(member: ArchiveMember, streamOffset: number): void {
    const { plan } = this.#parts
    if (this.#plain !== undefined) {
      const entry = plan.following(this.#imageIndex, streamOffset)
      if (entry >= 0 && this.#plain.begin(entry, member)) {
        plan.passFollowing()
        return
      }
    }
    const targets = plan.targetsOf(this.#imageIndex, streamOffset)
    if (targets.length === 0) return
    if (member.kind === 'directory') for (const target of targets) this.#directory(target, member)
    else if (member.kind === 'hardlink')
      for (const target of targets)
        this.#outcomes.refused(target, 'NO_DATA', 'the plan points to a member without data')
    else this.#named(targets, member)
  }

  onData(chunk: Buffer, dataOffset: number): void {
    const file = this.#file
    if (file === undefined) return
    try {
      this.#write(file, chunk, dataOffset)
      file.check?.update(chunk, dataOffset)
      this.#outcomes.counts.bytes += chunk.length
      this.#parts.observe?.('data-written', file.place.target.path)
    } catch (error) {
      this.#dropFile()
      this.#outcomes.failed(file.place.target, error)
      for (const other of file.others) this.#outcomes.failed(other, error)
    }
    this.#parts.tick(file.place.target.path)
  }

  onDataIn(bytes: Buffer, start: number, end: number, dataOffset: number): void {
    const plain = this.#plain
    if (plain?.isOpen !== true) this.onData(bytes.subarray(start, end), dataOffset)
    else if (plain.write(bytes, start, end, dataOffset)) {
      this.#outcomes.counts.bytes += end - start
      if (end - start >= MUCH_BYTES) this.#tick(plain.entry)
    } else this.#writePlain(plain, bytes.subarray(start, end), dataOffset)
  }

  onMemberEnd(): void {
    if (this.#plain?.isOpen === true) {
      this.#plain.end()
      this.#outcomes.counts.entries++
      if (this.#outcomes.counts.entries % MANY_ENTRIES === 0) this.#tick(this.#plain.entry)
      return
    }
    const file = this.#file
    if (file === undefined) return
    const { place, member, made, others } = file
    const { posix, target, installer } = this.#parts
    if (file.check?.isAsExpected() === false)
      for (const { path } of [place.target, ...others]) this.#parts.warn(contentDiffers(path))
    if (file.isBehind) {
      const mtime = member.mtime ?? instantOf(member.mtimeNs)
      const atime = member.atime ?? (member.atimeNs === undefined ? mtime : instantOf(member.atimeNs))
      this.#file = undefined
      this.#behind?.finish(made.fd, place.target.entry, atime, mtime, member.mode)
      this.#settled(place.target, '')
      return
    }
    this.#guard(place.target, () => {
      const inheritsAcl = target.givesAcl()
      if (inheritsAcl || !applyTimesAndMode(posix, made.fd, member, made.given))
        this.#apply({ fd: made.fd }, member, inheritsAcl, place.target.path, made.given)
      // Who it is matters only where further names will be linked to it.
      const identity = place.target.linkKey === undefined ? '' : identityKey(posix.statFd(made.fd))
      this.#file = undefined
      posix.close(made.fd)
      const isThere =
        made.isInPlace || installer.install(made.directory, made.name, place.name, place.target.path)
      if (isThere) this.#settled(place.target, identity)
      else this.#outcomes.skipped(place.target)
    })
    if (others.length > 0) this.#further(others, member)
  }

  onEndOfArchive(): void {
    // An image's stream has no end marker inside; where one comes nevertheless, nothing wanted follows.
  }

  /** All of a block has been looked at, and is given back once it is written. */
  releaseBlock(): void {
    this.#behind?.release()
    this.#failedWrites?.take()
  }

  /** Waits for what is written behind, and tells what of it failed. */
  settle(): void {
    this.#behind?.settle()
    this.#failedWrites?.take()
  }

  /** Tells of what did not come, and sets the directories' attributes when this was the last group. */
  finish({ last }: { readonly last: boolean }): ExtractionState {
    for (const target of this.#parts.plan.undone()) {
      this.#outcomes.refused(target, 'NOT_IN_IMAGE', 'its data did not come: the image does not hold it')
    }
    if (last) this.#directories.finish()
    this.#refusals.finish()
    if (last) return noExtractionState
    return { ...this.#directories.state, leaders: [...this.#leaders] }
  }

  /** Leaves nothing half-written. Idempotent. */
  abandon(): void {
    this.#behind?.settle()
    this.#plain?.drop()
    if (this.#file !== undefined) this.#dropFile()
    this.#failedWrites?.discard()
  }

  #write({ made: { fd }, isBehind }: OpenFile, chunk: Buffer, position: number): void {
    const { posix } = this.#parts
    const behind = this.#behind
    if (isBehind && behind !== undefined) {
      if (behind.takes(chunk)) {
        behind.write(fd, chunk, 0, chunk.length, position)
        return
      }
      this.settle()
    }
    posix.writeAt(fd, chunk, position)
  }

  /** Bytes that can't be written behind. */
  #writePlain(plain: PlainFiles, chunk: Buffer, position: number): void {
    try {
      this.settle()
      this.#parts.posix.writeAt(plain.fd, chunk, position)
      this.#outcomes.counts.bytes += chunk.length
    } catch (error) {
      plain.drop()
      this.#outcomes.failed(this.#parts.plan.target(plain.entry), error)
    }
  }

  #tick(entry: number): void {
    this.#parts.tick(this.#parts.plan.target(entry).path)
  }

  #directory(target: PlannedTarget, member: ArchiveMember): void {
    this.#parts.plan.markDone(target.entry)
    this.#guard(target, () => this.#directories.take(target, member))
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
    const place = this.#places.of(target)
    if (place === 'root')
      this.#outcomes.refused(target, 'TARGET_UNSAFE', 'only a directory can take the place of the root')
    if (place === undefined || place === 'root') return false
    observe?.('directory-opened', target.path)
    if (member.kind !== 'file') {
      if (installer.mustSkip(place.directory.fd, place.name)) {
        this.#outcomes.skipped(target)
        return false
      }
      this.#node(place, member)
      this.#further(others, member)
      return true
    }
    const made = this.#newFiles.begin(place.directory, place.name, target.path)
    if (made === 'there') {
      this.#outcomes.skipped(target)
      return false
    }
    const isBehind = others.length === 0 && this.#canBeWrittenBehind(target, member, made)
    this.#file = { place, member, made, others, isBehind, check: this.#contentCheck(target, member) }
    observe?.('file-created', target.path)
    if (member.sparse !== undefined) posix.truncate(made.fd, member.sizeBytes)
    return true
  }

  /** Only files that have their name and of which nothing is to be set but times and mode, and none that further names need. */
  #canBeWrittenBehind(target: PlannedTarget, member: ArchiveMember, made: NewFile): boolean {
    if (this.#behind === undefined || this.#parts.observe !== undefined) return false
    if (!made.isInPlace || target.linkKey !== undefined) return false
    return hasTimesAndModeOnly(member, made.given) && !this.#parts.target.givesAcl()
  }

  #contentCheck({ entry, path }: PlannedTarget, { sizeBytes }: ArchiveMember): ContentCheck | undefined {
    const { plan, throwIfAborted, tick } = this.#parts
    return beginContentCheck(plan, entry, sizeBytes, () => {
      throwIfAborted()
      tick(path)
    })
  }

  /** A symbolic link, FIFO or device node. */
  #node({ directory, name, target }: Place, member: ArchiveMember): void {
    const { path } = target
    const { posix, installer, target: directories } = this.#parts
    const made = makeNode({ posix, installer }, directory.fd, path, member, (at) =>
      this.#apply(at, member, 'pathFd' in at && directories.givesAcl(), path),
    )
    if (installer.install(directory.fd, made.name, name, path)) this.#settled(target, made.identity)
    else this.#outcomes.skipped(target)
  }

  /** Further names of what was written before. */
  #further(targets: readonly PlannedTarget[], member: ArchiveMember): void {
    for (const target of targets) {
      this.#parts.plan.markDone(target.entry)
      this.#guard(target, () => {
        const leader = target.linkKey === undefined ? undefined : this.#leaders.get(target.linkKey)
        if (leader === undefined) {
          this.#outcomes.refused(
            target,
            'NO_LEADER',
            'the file it is a further name of could not be restored',
          )
          return
        }
        const place = this.#furtherNames.link(target.path, leader, member, () => this.#places.of(target))
        if (place === 'linked') this.#outcomes.restored(target)
        else if (place === 'there') this.#outcomes.skipped(target)
      })
    }
  }

  #apply(
    place: AttributePlace,
    member: ArchiveMember,
    inheritsAcl: boolean,
    path: Buffer,
    given?: GivenOwner,
  ): void {
    applyAttributes(this.#parts.posix, place, member, inheritsAcl, this.#refusals.forPath(path), given)
  }

  #settled(target: PlannedTarget, identity: string): void {
    if (target.linkKey !== undefined && !this.#leaders.has(target.linkKey)) {
      this.#leaders.set(target.linkKey, { path: Buffer.from(target.path), identity })
    }
    this.#parts.observe?.('installed', target.path)
    this.#outcomes.restored(target)
  }

  /** Runs the work on one entry; a failing system call fails this entry and no other. */
  #guard<T>(target: PlannedTarget, action: () => T): T | undefined {
    try {
      return action()
    } catch (error) {
      this.#dropFile()
      this.#outcomes.failed(target, error)
      return undefined
    }
  }

  #dropFile(): void {
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    const { installer } = this.#parts
    const behind = this.#behind
    if (file.isBehind && behind !== undefined) {
      behind.drop(file.made.fd)
      behind.settle()
      installer.discard(file.made.directory, file.made.name)
    } else this.#newFiles.discard(file.made)
  }
}
