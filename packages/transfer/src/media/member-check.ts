import { type CopyDamage, type DigestAlgorithm, displayPath, pathFromBytes } from '@nb/contracts'
import { ArchiveParser, FILE_FLAGS, type ArchiveMember, type FileListEntry, FormatError } from '@nb/formats'
import { ContentDigest, isDigestAlgorithm } from '../content-digest.ts'
import type { ListEntries } from './list-entries.ts'

/** So much is parsed at once: what is met in it waits in memory until it was compared. */
const PIECE_BYTES = 64 * 1024

/** What was in the bytes just pushed: the beginning of a member, and where digests are compared its data and its end. */
type Passed =
  | { readonly member: ArchiveMember; readonly streamOffset: number }
  | { readonly chunk: Buffer; readonly dataOffset: number }
  | 'end'

/** What the content of the member that has begun last has to be, and is. */
interface Content {
  readonly path: Buffer
  readonly expected: Buffer
  readonly found: ContentDigest
  readonly member: ArchiveMember
}

/**
 * Compares the members of an image's archive stream with the entries of its file list, both as they come: the list is in the
 * order of the stream. Each entry whose data is in this image must begin a member that is of it, and each member must
 * be of an entry; further names of a file are members without an offset of their own in the list.
 */
export class MemberCheck {
  readonly #entries: ListEntries
  readonly #damaged: (damage: CopyDamage) => void
  readonly #pause: () => Promise<void>
  /** The entry that the list stands at and that is not compared yet. */
  #next: FileListEntry | undefined
  /** What the digests of the list are made with, once an entry has come and it has any. */
  #algorithm: DigestAlgorithm | undefined
  #content: Content | undefined
  #parser: ArchiveParser | undefined
  #passed: Passed[] = []
  #members = 0
  /** Up to here nothing more is expected: it was compared, or could not be. */
  #reached = 0

  /**
   * @param entries - the list, before its first entry
   * @param damaged - is told of each thing that does not agree
   * @param pause - lets others go on while long holes are digested; may reject to end that
   */
  constructor(entries: ListEntries, damaged: (damage: CopyDamage) => void, pause: () => Promise<void>) {
    this.#pause = pause
    this.#entries = entries
    this.#damaged = damaged
  }

  /** Members met so far. */
  get members(): number {
    return this.#members
  }

  /** Whether the stream is followed here. */
  get isFollowing(): boolean {
    return this.#parser !== undefined
  }

  /** The stream goes on here, at a member's first byte; nothing is said of what was not followed before. */
  beginAt(streamOffset: number): void {
    this.#parser = new ArchiveParser({ streamOffset })
    this.#reached = streamOffset
  }

  /** What comes next is not whole: members are looked for again from the next {@link beginAt} on. */
  lose(): void {
    this.#parser = undefined
    this.#content = undefined
  }

  /** Takes the next bytes of the stream. */
  async push(chunk: Uint8Array, fragment: number): Promise<void> {
    // Before the first member: whether it is to be digested.
    if (this.#members === 0) {
      await this.#peek()
      const { digestAlgorithm } = this.#entries
      if (isDigestAlgorithm(digestAlgorithm)) this.#algorithm = digestAlgorithm
    }
    for (let at = 0; at < chunk.length && this.isFollowing; at += PIECE_BYTES)
      await this.#pushPiece(chunk.subarray(at, at + PIECE_BYTES), fragment)
  }

  async #pushPiece(piece: Uint8Array, fragment: number): Promise<void> {
    this.#checked(fragment, (parser) => parser.push(piece, this.#sink))
    for (const passed of this.#passed.splice(0)) {
      if (passed === 'end') await this.#compareContent(fragment)
      else if ('member' in passed) await this.#compare(passed, fragment)
      else {
        await this.#content?.found.skipTo(passed.dataOffset, this.#pause)
        this.#content?.found.update(passed.chunk, passed.dataOffset)
      }
    }
  }

  /** The stream has ended: entries that were not met are told, unless parts of the stream could not be looked at. */
  async finish(isWhole: boolean): Promise<void> {
    if (this.isFollowing) this.#checked(undefined, (parser) => parser.finish())
    for (let entry = await this.#peek(); entry !== undefined; entry = await this.#advance())
      if (isWhole && entry.kind !== 'hardlink') this.#damaged(this.#noMember(entry))
  }

  readonly #sink = {
    onMember: (member: ArchiveMember, streamOffset: number): void =>
      void this.#passed.push({ member, streamOffset }),
    onData: (chunk: Buffer, dataOffset: number): void => {
      if (this.#algorithm !== undefined) this.#passed.push({ chunk, dataOffset })
    },
    onMemberEnd: (): void => {
      if (this.#algorithm !== undefined) this.#passed.push('end')
    },
    onEndOfArchive: (): void => undefined,
  }

  #checked(fragment: number | undefined, read: (parser: ArchiveParser) => void): void {
    if (this.#parser === undefined) return
    try {
      read(this.#parser)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#parser = undefined
      const where = fragment === undefined ? {} : { fragment }
      this.#damaged({ ...where, code: 'archive-corrupt', message: error.message })
    }
  }

  async #compare(
    { member, streamOffset }: Extract<Passed, { member: ArchiveMember }>,
    fragment: number,
  ): Promise<void> {
    this.#members += 1
    this.#content = undefined
    let entry = await this.#peek()
    // What lies before was in a part of the stream that could not be followed, or is nowhere.
    while (entry !== undefined && entry.memberOffset < streamOffset) {
      if (entry.memberOffset >= this.#reached) this.#damaged({ fragment, ...this.#noMember(entry) })
      entry = await this.#advance()
    }
    this.#reached = streamOffset + 1
    if (entry?.memberOffset !== streamOffset) {
      if (member.kind === 'hardlink') return
      this.#damaged({
        fragment,
        code: 'image-inconsistent',
        message: `a member at byte ${streamOffset} of the stream is of no entry in the file list`,
      })
      return
    }
    this.#expect(entry, member)
    this.#next = undefined
    const isSame =
      this.#entries.isMember(member.path) &&
      // A further name that was met first in this backup has the data in a member of its own.
      (member.kind === entry.kind || (entry.kind === 'hardlink' && member.kind !== 'directory')) &&
      (member.kind !== 'file' || member.sizeBytes === entry.sizeBytes)
    if (!isSame)
      this.#damaged({
        fragment,
        code: 'image-inconsistent',
        message: `${nameOf(this.#entries.path)}: the member at byte ${streamOffset} of the stream is of another file`,
      })
  }

  #expect(entry: FileListEntry, member: ArchiveMember): void {
    if (entry.digest === undefined || this.#algorithm === undefined || member.kind !== 'file') return
    const found = new ContentDigest(this.#algorithm, member.sizeBytes)
    // Of bytes that are not kept.
    const path = Buffer.from(this.#entries.path)
    this.#content = { path, expected: Buffer.from(entry.digest), found, member }
  }

  async #compareContent(fragment: number): Promise<void> {
    const content = this.#content
    this.#content = undefined
    if (content === undefined) return
    await content.found.skipTo(content.member.sizeBytes, this.#pause)
    if (content.found.finish().equals(content.expected)) return
    this.#damaged({
      fragment,
      code: 'image-inconsistent',
      message: `${nameOf(content.path)}: its content has another ${this.#algorithm} than the file list says`,
    })
  }

  /** The entry that is to be met next; `undefined` behind the last. */
  async #peek(): Promise<FileListEntry | undefined> {
    return this.#next ?? (await this.#advance())
  }

  /** The next entry with a member of its own in this image: further names mostly share that of the first, which came before. */
  async #advance(): Promise<FileListEntry | undefined> {
    this.#next = undefined
    do {
      for (let entry = this.#entries.step(); entry !== undefined; entry = this.#entries.step())
        if (this.#isHere(entry)) return (this.#next = entry)
    } while (await this.#entries.more())
    return undefined
  }

  #isHere({ imageIndex, memberBytes, memberOffset, kind, flags }: FileListEntry): boolean {
    const isStored = imageIndex === 0 && memberBytes > 0 && (flags & FILE_FLAGS.unreadable) === 0
    return isStored && (kind !== 'hardlink' || memberOffset >= this.#reached)
  }

  #noMember({ memberOffset }: FileListEntry): CopyDamage {
    const message = `${nameOf(this.#entries.path)}: no member begins at byte ${memberOffset} of the stream`
    return { code: 'image-inconsistent', message }
  }
}

function nameOf(path: Buffer): string {
  return displayPath(pathFromBytes(path))
}
