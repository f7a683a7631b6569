import type { DigestAlgorithm } from '@nb/contracts'
import { FILE_FLAGS, instantOf, type FileListEncoder, type ListEntry } from '@nb/formats'
import type { FileStat } from '../posix/file-stat.ts'
import { errnoCodeOf } from '../posix/posix-error.ts'
import { readAttributes } from './attributes.ts'
import { FileReader, type ReaderMoment } from './file-reader.ts'
import { identityKey } from './identity.ts'
import {
  aloneCopy,
  LinkGroups,
  type LinkGroup,
  type OpenLinkGroup,
  type StoredMember,
} from './link-groups.ts'
import { ListWriter } from './list-writer.ts'
import { memberOf, writeMemberHeader } from './member-writer.ts'
import type { OwnerNames } from './owner-names.ts'
import type { ReadCalls } from './read-calls.ts'
import { isListedAlike, isUnchanged, type ReferenceCursor } from './reference-cursor.ts'
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

/** What the reader works with. */
export interface ReaderParts {
  readonly calls: ReadCalls
  readonly data: StreamWriter
  readonly list: { readonly encoder: FileListEncoder; readonly out: StreamWriter }
  readonly reference: ReferenceCursor | undefined
  /** Whether the digests of the reference are of the list's algorithm. */
  readonly keepsDigests: boolean
  /** Digests the content of files that are stored. */
  readonly digest: DigestAlgorithm | undefined
  readonly owners: OwnerNames
  /** Milliseconds since the epoch, by the clock that also gives files their times. */
  readonly now: () => number
  readonly warn: WarningSink
  /** What an earlier reader had read when it stood still, to go on from there. */
  readonly resumed?: ReaderState
  /** Called after every block read, now and then between entries, and at the end. */
  readonly tick: (path: Buffer) => void
  readonly observe?: (moment: ReaderMoment, path: Buffer) => void
}

/** To look at the clock costs as much as a tenth of an unchanged entry. */
const VISITS_PER_TICK = 16

const nothingRead: ReaderCounts = {
  files: 0,
  directories: 0,
  entries: 0,
  storedEntries: 0,
  bytes: 0,
  readBytes: 0,
}

/** Where a member of this image is, and how it was read. */
type MemberPlace = Pick<StoredMember, 'memberOffset' | 'memberBytes' | 'flags' | 'digest'>

/**
 * Turns walk entries into the archive stream and the file list. An entry that is as the reference has it is listed
 * with a reference to the image that holds its data; every other one is stored.
 */
export class Reader {
  readonly counts: ReaderCounts
  readonly #parts: ReaderParts
  readonly #links: LinkGroups
  readonly #list: ListWriter
  readonly #files: FileReader
  /** Batches that were written when an entry was listed last, and where the stream was when the last of them was. */
  #batchesBefore = 0
  #dataBefore = 0
  /** The path of the last entry. */
  #visited: Buffer | undefined

  constructor(parts: ReaderParts) {
    const { counts = nothingRead, batches = 0, links = [] } = parts.resumed ?? {}
    this.#parts = parts
    this.counts = { ...counts }
    this.#links = new LinkGroups(links)
    this.#list = new ListWriter(parts.list.encoder, parts.list.out, batches, parts.now)
    this.#files = new FileReader({
      ...parts,
      observe: parts.observe,
      warn: (path, code, text) => this.#warn(path, code, text),
      onBytes: (path, byteLength) => {
        this.counts.readBytes += byteLength
        parts.tick(path)
      },
    })
  }

  /** Batches of the list that were written. */
  get batches(): number {
    return this.#list.batches
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
    this.#visited = entry.path
    const { files, directories } = this.counts
    if ((files + directories) % VISITS_PER_TICK === 0) this.#parts.tick(entry.path)
  }

  /** Passes on all that was read, so that the reader can stand still, and says how it stands. */
  standStill(): ReaderState {
    this.#list.flush()
    this.#parts.data.flush()
    return { counts: { ...this.counts }, batches: this.batches, links: this.#links.open() }
  }

  /** Passes on what is left of stream and list. */
  finish(): void {
    this.#parts.reference?.drain()
    this.#list.end()
    this.#parts.data.end()
    if (this.#visited !== undefined) this.#parts.tick(this.#visited)
  }

  #entry(entry: WalkEntry): void {
    const { stat, kind } = entry
    const mayBeLinked = stat.nlink > 1 && kind !== 'directory'
    const link = mayBeLinked ? this.#links.meet(identityKey(stat), stat, entry.path) : undefined
    const firstPath = link?.isFirst === false ? link.group.firstPath : undefined
    const linkTarget =
      kind === 'symlink' ? this.#parts.calls.readLink(entry.directory, entry.name) : undefined
    if (this.#carried(entry, linkTarget, firstPath)) return
    if (link?.group.stored !== undefined) this.#hardLink(entry, link.group)
    else if (kind !== 'file') this.#storeOther(entry, linkTarget, link?.group, firstPath)
    else if (!this.#storeFile(entry, link?.group, firstPath) && link?.isFirst === true)
      this.#links.forget(identityKey(stat))
  }

  /** Lists an unchanged entry as the reference has it; says whether it is unchanged. */
  #carried(entry: WalkEntry, linkTarget: Buffer | undefined, firstPath: Buffer | undefined): boolean {
    const { reference, keepsDigests } = this.#parts
    const known = reference?.find(entry.path)
    if (reference === undefined || known === undefined || !isUnchanged(known, entry, linkTarget)) return false
    const isAlike = isListedAlike(known, entry, firstPath) && (keepsDigests || !known.hasDigest)
    if (isAlike && this.#list.carry(known, reference, entry.path)) {
      this.#listed()
      return true
    }
    const listed = this.#list.describe(entry, entry.stat, linkTarget, firstPath)
    listed.imageIndex = known.imageIndex + 1
    listed.memberOffset = known.memberOffset
    listed.memberBytes = known.memberBytes
    if (keepsDigests) listed.digest = known.digest
    this.#add(listed)
    return true
  }

  /** A further name of a file whose data this image holds. */
  #hardLink(entry: WalkEntry, { stored, firstPath }: LinkGroup): void {
    if (stored === undefined) return
    const { data, owners } = this.#parts
    const { stat } = entry
    data.memberBegins()
    writeMemberHeader(data, memberOf(entry, stat, 'hardlink', stored.memberPath, owners, {}))
    this.counts.storedEntries++
    // The data is as of when it was read: a file that changed since is seen as changed by the next incremental.
    const listed = this.#list.describe(entry, stat, undefined, firstPath)
    listed.sizeBytes = stored.sizeBytes
    listed.mtime = instantOf(stored.mtimeNs)
    listed.ctime = instantOf(stored.ctimeNs)
    this.#add(listed, stored)
  }

  /** @returns false when the walk's entry is not in the list: it vanished, or another file was in its place. */
  #storeFile(entry: WalkEntry, group: LinkGroup | undefined, firstPath: Buffer | undefined): boolean {
    const read = this.#files.read(entry)
    if (read === 'gone') return false
    if (read === 'closed') {
      const { offset } = this.#parts.data
      const nowhere = {
        memberOffset: offset,
        memberBytes: 0,
        flags: FILE_FLAGS.unreadable,
        digest: undefined,
      }
      this.#add(this.#list.describe(entry, entry.stat, undefined, firstPath), nowhere)
      return true
    }
    const { stat, isSame, memberPath } = read
    this.#tellMovedTimes(entry.path, stat)
    if (isSame && group !== undefined) group.stored = storedMember(read, memberPath, stat)
    this.counts.storedEntries++
    this.counts.bytes += stat.size
    this.#add(this.#list.describe(entry, stat, undefined, isSame ? firstPath : undefined), read)
    return isSame
  }

  #storeOther(
    entry: WalkEntry,
    linkTarget: Buffer | undefined,
    group: LinkGroup | undefined,
    firstPath: Buffer | undefined,
  ): void {
    const { calls, data, owners } = this.#parts
    const { path, stat, kind, fd, directory, name } = entry
    const place = fd === undefined ? { directory, name } : { fd }
    const extra = readAttributes(calls, place, (attribute, code) =>
      this.#warn(path, code, `${attribute} could not be read (${code}) and is not in the backup`),
    )
    this.#tellMovedTimes(path, stat)
    const member = memberOf(entry, stat, kind, linkTarget, owners, extra)
    const memberOffset = data.offset
    data.memberBegins()
    writeMemberHeader(data, member)
    const memberBytes = data.offset - memberOffset
    const stored = { memberOffset, memberBytes, flags: 0, digest: undefined }
    if (group !== undefined) group.stored = storedMember(stored, member.path, stat)
    this.counts.storedEntries++
    this.#add(this.#list.describe(entry, stat, linkTarget, firstPath), stored)
  }

  #add(listed: ListEntry, stored?: MemberPlace): void {
    if (stored !== undefined) {
      listed.memberOffset = stored.memberOffset
      listed.memberBytes = stored.memberBytes
      listed.flags = stored.flags
      listed.digest = stored.digest
    }
    this.#list.add(listed)
    this.#listed()
  }

  /**
   * An entry is listed. When a batch was written, and nothing more was stored meanwhile, what is there of the stream is passed on
   * too: the medium then is at a member's start.
   */
  #listed(): void {
    this.counts.entries++
    const { batches } = this.#list
    if (batches === this.#batchesBefore) return
    this.#batchesBefore = batches
    const { data } = this.#parts
    if (data.offset === this.#dataBefore) data.flush()
    this.#dataBefore = data.offset
  }

  /** Times are not kept exactly where no backup can hold them; that is worth a warning as a lost attribute is. */
  #tellMovedTimes(path: Buffer, { movedTimes }: FileStat): void {
    if (movedTimes.length === 0) return
    const text = `the backup has the nearest time that it can hold, between 1677-09-21 and 2262-04-11, as its ${movedTimes.join(' and ')}`
    this.#warn(path, 'TIME_RANGE', text)
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

function storedMember(place: MemberPlace, memberPath: Buffer, stat: FileStat): StoredMember {
  const { memberOffset, memberBytes, flags, digest } = place
  const { size: sizeBytes, mtimeNs, ctimeNs } = stat
  return {
    memberPath: aloneCopy(memberPath),
    memberOffset,
    memberBytes,
    sizeBytes,
    mtimeNs,
    ctimeNs,
    flags,
    digest,
  }
}
