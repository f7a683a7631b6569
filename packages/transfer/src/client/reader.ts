import { asNbError } from '@nb/contracts'
import {
  FILE_FLAGS,
  MAX_SPARSE_REGIONS,
  memberPathOf,
  type ArchiveMember,
  type DataRegion,
  type FileListEncoder,
  type FileRecord,
} from '@nb/formats'
import { O } from '../posix/constants.ts'
import type { FileStat } from '../posix/file-stat.ts'
import { errnoCodeOf } from '../posix/posix-error.ts'
import { readAttributes, type ExtraAttributes } from './attributes.ts'
import { identityKey, openQuietly } from './directory-stack.ts'
import { kindOfMode } from './entry-kind.ts'
import { LinkGroups, type LinkGroup, type OpenLinkGroup } from './link-groups.ts'
import { copyFileData, writeMemberHeader } from './member-writer.ts'
import type { OwnerNames } from './owner-names.ts'
import type { ReadCalls } from './read-calls.ts'
import { devicePart, recordFacts, recordKind } from './record-facts.ts'
import { isUnchanged, type ReferenceCursor } from './reference-cursor.ts'
import { findDataRegions } from './sparse-regions.ts'
import type { StreamWriter } from './stream-writer.ts'
import type { WalkEntry } from './walk.ts'
import type { WarningSink } from './warning.ts'

/** What was read so far. */
export interface ReaderCounts {
  /** Entries that are no directories. */
  files: number
  directories: number
  /** Entries in the list. */
  entries: number
  /** Entries whose data is in this image. */
  storedEntries: number
  /** Logical bytes of the files whose data is in this image. */
  bytes: number
  /** Bytes read from files. */
  readBytes: number
}

/** All that a reader must know of what it has read to go on. */
export interface ReaderState {
  readonly counts: ReaderCounts
  /** Batches of the list. */
  readonly batches: number
  /** Files of which more names may come. */
  readonly links: readonly OpenLinkGroup[]
}

/** A moment in the reading of a file, for tests that change the file just then. */
export type ReaderMoment = 'opening' | 'opened' | 'block-read' | 'data-read'

/** What the reader works with. */
export interface ReaderParts {
  readonly calls: ReadCalls
  readonly data: StreamWriter
  readonly list: { readonly encoder: FileListEncoder; readonly out: StreamWriter }
  readonly reference: ReferenceCursor | undefined
  readonly owners: OwnerNames
  /** Milliseconds since the epoch, by the clock that also gives files their times. */
  readonly now: () => number
  readonly warn: WarningSink
  /** What an earlier reader had read when it stood still, to go on from there. */
  readonly resumed?: ReaderState
  /** Called after every entry and every block read. */
  readonly tick: (path: Buffer) => void
  readonly observe?: (moment: ReaderMoment, path: Buffer) => void
}

const nothingRead: ReaderCounts = {
  files: 0,
  directories: 0,
  entries: 0,
  storedEntries: 0,
  bytes: 0,
  readBytes: 0,
}

// A file system's clock may stand still for one tick of the kernel (10 ms at the slowest): a change within the same
// tick as the one before leaves no trace in the change time.
const RACY_NS = 20_000_000n
// A file server's clock may run ahead of ours. A time further ahead was set by a clock that was wrong, and stays.
const SKEW_NS = 3_600_000_000_000n

/**
 * Turns walk entries into the archive stream and the file list. An entry that is as the reference has it is listed
 * with a reference to the image that holds its data; every other one is stored.
 */
export class Reader {
  readonly counts: ReaderCounts
  readonly #parts: ReaderParts
  readonly #links: LinkGroups
  batches: number

  constructor(parts: ReaderParts) {
    const { counts = nothingRead, batches = 0, links = [] } = parts.resumed ?? {}
    this.#parts = parts
    this.counts = { ...counts }
    this.batches = batches
    this.#links = new LinkGroups(links)
    parts.list.out.write(parts.list.encoder.header())
    parts.list.out.flush()
  }

  /** Takes the next entry of the walk. */
  visit(entry: WalkEntry): void {
    if (entry.kind === 'directory') this.counts.directories++
    else this.counts.files++
    try {
      this.#entry(entry)
    } catch (error) {
      this.#failed(entry.path, error, 'it is not in the backup')
    }
    this.#parts.tick(entry.path)
  }

  /** Passes on all that was read, so that the reader can stand still, and says how it stands. */
  standStill(): ReaderState {
    const { data, list } = this.#parts
    this.#passOn(list.encoder.flush())
    data.flush()
    return { counts: { ...this.counts }, batches: this.batches, links: this.#links.open() }
  }

  /** Passes on what is left of stream and list. */
  finish(): void {
    const { data, list, reference } = this.#parts
    reference?.drain()
    this.#passOn(list.encoder.flush())
    list.out.end()
    data.end()
  }

  #entry(entry: WalkEntry): void {
    const { stat, path, kind } = entry
    const key = identityKey(stat)
    const link = stat.nlink > 1 && kind !== 'directory' ? this.#links.meet(key, stat, path) : undefined
    const firstPath = link?.isFirst === false ? link.group.firstPath : undefined
    const linkTarget =
      kind === 'symlink' ? this.#parts.calls.readLink(entry.directory, entry.name) : undefined
    if (this.#carried(entry, linkTarget, firstPath)) return
    if (link?.group.stored !== undefined) {
      this.#hardLink(entry, link.group)
      return
    }
    const isListed =
      kind === 'file'
        ? this.#storeFile(entry, link?.group, firstPath)
        : this.#storeOther(entry, linkTarget, link?.group, firstPath)
    if (!isListed && link?.isFirst === true) this.#links.forget(key)
  }

  /** Lists an unchanged entry as the reference has it; says whether it is unchanged. */
  #carried(entry: WalkEntry, linkTarget: Buffer | undefined, firstPath: Buffer | undefined): boolean {
    const record = this.#parts.reference?.find(entry.path)
    if (record === undefined || !isUnchanged(record, entry, linkTarget)) return false
    const { memberOffset, memberBytes, digest } = record
    this.#list({
      ...recordFacts(entry.path, entry.stat),
      ...recordKind(entry, linkTarget, firstPath),
      imageIndex: record.imageIndex + 1,
      memberOffset,
      memberBytes,
      ...(digest === undefined ? {} : { digest }),
      flags: 0,
    })
    return true
  }

  /** A further name of a file whose data this image holds. */
  #hardLink(entry: WalkEntry, group: LinkGroup): void {
    const { stored } = group
    if (stored === undefined) return
    const { data } = this.#parts
    const member = this.#member(entry, entry.stat, {}, { kind: 'hardlink', linkTarget: stored.memberPath })
    writeMemberHeader(data, member)
    this.counts.storedEntries++
    // The data is as of when it was read: a file that changed since is seen as changed by the next incremental.
    this.#list({
      ...recordFacts(entry.path, entry.stat),
      kind: 'hardlink',
      linkTarget: group.firstPath,
      sizeBytes: stored.sizeBytes,
      mtimeNs: stored.mtimeNs,
      ctimeNs: stored.ctimeNs,
      imageIndex: 0,
      memberOffset: stored.memberOffset,
      memberBytes: stored.memberBytes,
      flags: stored.flags,
    })
  }

  /** @returns false when nothing of it is in the list: it vanished, or is no regular file any more. */
  #storeFile(entry: WalkEntry, group: LinkGroup | undefined, firstPath: Buffer | undefined): boolean {
    const { calls, observe } = this.#parts
    const { path } = entry
    observe?.('opening', path)
    let fd: number
    try {
      fd = openQuietly(calls, entry.directory, entry.name, O.RDONLY | O.NOFOLLOW | O.NONBLOCK)
    } catch (error) {
      return this.#unopened(entry, firstPath, error)
    }
    try {
      // What was opened counts: a file replaced in between is backed up as it is now, whole.
      const stat = calls.statFd(fd)
      if (kindOfMode(stat.mode) !== 'file') {
        this.#warn(
          path,
          'REPLACED',
          'it became another kind of file while it was being opened: it is not in the backup',
        )
        return false
      }
      const same = identityKey(stat) === identityKey(entry.stat)
      this.#storeOpened(path, entry, fd, stat, same ? group : undefined, same ? firstPath : undefined)
      return same
    } finally {
      calls.close(fd)
    }
  }

  #storeOpened(
    path: Buffer,
    entry: WalkEntry,
    fd: number,
    stat: FileStat,
    group: LinkGroup | undefined,
    firstPath: Buffer | undefined,
  ): void {
    const { calls, data, observe, tick } = this.#parts
    observe?.('opened', path)
    const extra = readAttributes(calls, { fd }, this.#refused(path))
    const sparse = this.#regions(fd, stat)
    const member = this.#member(entry, stat, extra, { kind: 'file' }, sparse)
    const memberOffset = data.offset
    writeMemberHeader(data, member)
    const outcome = copyFileData(data, calls, fd, sparse ?? [{ offset: 0, length: stat.size }], (bytes) => {
      this.counts.readBytes += bytes
      observe?.('block-read', path)
      tick(path)
    })
    observe?.('data-read', path)
    const flags = this.#judgeReading(path, stat, calls.statFd(fd), outcome)
    const memberBytes = data.offset - memberOffset
    const { mtimeNs, ctimeNs, size: sizeBytes } = stat
    if (group !== undefined) {
      group.stored = {
        memberPath: member.path,
        memberOffset,
        memberBytes,
        sizeBytes,
        mtimeNs,
        ctimeNs,
        flags,
      }
    }
    this.counts.storedEntries++
    this.counts.bytes += stat.size
    const facts = recordFacts(path, stat)
    this.#list({
      ...facts,
      ...recordKind(entry, undefined, firstPath),
      imageIndex: 0,
      memberOffset,
      memberBytes,
      flags,
    })
  }

  #regions(fd: number, stat: FileStat): readonly DataRegion[] | undefined {
    if (stat.blocks * 512 >= stat.size) return undefined
    const { calls } = this.#parts
    try {
      const seeker = {
        seekData: (at: number) => calls.seekData(fd, at),
        seekHole: (at: number) => calls.seekHole(fd, at),
      }
      return findDataRegions(stat.size, seeker, MAX_SPARSE_REGIONS)
    } catch (error) {
      // A file system that cannot tell its holes: the zeros are stored as data.
      if (errnoCodeOf(error) === undefined) throw error
      return undefined
    }
  }

  /** Warns of what happened to a file while it was read, and gives the flags of its record. */
  #judgeReading(
    path: Buffer,
    before: FileStat,
    after: FileStat,
    outcome: { readonly missingBytes: number; readonly error?: unknown },
  ): number {
    const { missingBytes, error } = outcome
    if (error !== undefined) {
      const code = errnoCodeOf(error)
      if (code === undefined) throw asNbError(error)
      this.#warn(path, code, `reading failed: zeros stand for ${missingBytes} of its ${before.size} bytes`)
      return FILE_FLAGS.changedWhileRead | FILE_FLAGS.shrunkWhileRead
    }
    if (missingBytes > 0) {
      this.#warn(
        path,
        'SHRUNK',
        `it became shorter while it was read: zeros stand for its last ${missingBytes} bytes`,
      )
      return FILE_FLAGS.changedWhileRead | FILE_FLAGS.shrunkWhileRead
    }
    if (after.size > before.size) {
      this.#warn(
        path,
        'GREW',
        `it became longer while it was read: the backup holds its first ${before.size} bytes`,
      )
      return FILE_FLAGS.changedWhileRead
    }
    if (after.mtimeNs !== before.mtimeNs || after.size !== before.size) {
      this.#warn(path, 'CHANGED', 'it changed while it was read: its data may mix two states')
      return FILE_FLAGS.changedWhileRead
    }
    // Mode, owner, attributes or names changed: the data is whole, and the next incremental sees the change time.
    const age = BigInt(this.#parts.now()) * 1_000_000n - before.ctimeNs
    return age < RACY_NS && age > -SKEW_NS ? FILE_FLAGS.recentlyChanged : 0
  }

  /** A file that could not be opened: listed without data, unless it is not there any more. */
  #unopened(entry: WalkEntry, firstPath: Buffer | undefined, error: unknown): boolean {
    const code = errnoCodeOf(error)
    if (code === undefined) throw error
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENXIO') {
      const text =
        code === 'ENOENT'
          ? 'it vanished before it could be opened'
          : 'it was replaced before it could be opened'
      this.#warn(entry.path, code, `${text}: it is not in the backup`)
      return false
    }
    this.#warn(entry.path, code, `it could not be opened (${code}): its data is not in the backup`)
    const facts = recordFacts(entry.path, entry.stat)
    const nowhere = { imageIndex: 0, memberOffset: this.#parts.data.offset, memberBytes: 0 }
    this.#list({
      ...facts,
      ...recordKind(entry, undefined, firstPath),
      ...nowhere,
      flags: FILE_FLAGS.unreadable,
    })
    return true
  }

  #storeOther(
    entry: WalkEntry,
    linkTarget: Buffer | undefined,
    group: LinkGroup | undefined,
    firstPath: Buffer | undefined,
  ): boolean {
    const { calls, data } = this.#parts
    const { path, stat, kind, fd, directory, name } = entry
    const extra = readAttributes(calls, fd === undefined ? { directory, name } : { fd }, this.#refused(path))
    const member = this.#member(
      entry,
      stat,
      extra,
      linkTarget === undefined ? { kind } : { kind, linkTarget },
    )
    const memberOffset = data.offset
    writeMemberHeader(data, member)
    this.counts.storedEntries++
    const memberBytes = data.offset - memberOffset
    const { mtimeNs, ctimeNs, size } = stat
    if (group !== undefined) {
      group.stored = {
        memberPath: member.path,
        memberOffset,
        memberBytes,
        sizeBytes: size,
        mtimeNs,
        ctimeNs,
        flags: 0,
      }
    }
    const own = recordKind(entry, linkTarget, firstPath)
    this.#list({ ...recordFacts(path, stat), ...own, imageIndex: 0, memberOffset, memberBytes, flags: 0 })
    return true
  }

  #member(
    entry: WalkEntry,
    stat: FileStat,
    extra: ExtraAttributes,
    own: Pick<ArchiveMember, 'kind' | 'linkTarget'>,
    sparse?: readonly DataRegion[],
  ): ArchiveMember {
    const { owners } = this.#parts
    const userName = owners.user(stat.uid)
    const groupName = owners.group(stat.gid)
    return {
      path: memberPathOf(entry.path),
      ...own,
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
      ...(userName === undefined ? {} : { userName }),
      ...(groupName === undefined ? {} : { groupName }),
      sizeBytes: own.kind === 'file' ? stat.size : 0,
      mtimeNs: stat.mtimeNs,
      atimeNs: entry.stat.atimeNs,
      ctimeNs: stat.ctimeNs,
      ...devicePart(own.kind, stat),
      ...(sparse === undefined ? {} : { sparse }),
      ...extra,
    }
  }

  #list(record: FileRecord): void {
    this.counts.entries++
    this.#passOn(this.#parts.list.encoder.add(record))
  }

  #passOn(batch: Buffer | undefined): void {
    if (batch === undefined) return
    this.batches++
    this.#parts.list.out.write(batch)
    this.#parts.list.out.flush()
  }

  #refused(path: Buffer): (attribute: string, code: string) => void {
    return (attribute, code) =>
      this.#warn(path, code, `${attribute} could not be read (${code}) and is not in the backup`)
  }

  #failed(path: Buffer, error: unknown, consequence: string): void {
    const code = errnoCodeOf(error)
    if (code === undefined) throw error
    const reason = code === 'ENOENT' ? 'it vanished before it could be read' : (error as Error).message
    this.#warn(path, code, `${reason}: ${consequence}`)
  }

  #warn(path: Buffer, code: string, text: string): void {
    this.#parts.warn({ severity: 'warning', path, code, text })
  }
}
