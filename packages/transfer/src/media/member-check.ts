import { type CopyDamage, type DigestAlgorithm, displayPath, pathFromBytes } from '@nb/contracts'
import {
  ArchiveParser,
  FILE_FLAGS,
  type ArchiveMember,
  type FileRecord,
  FormatError,
  memberPathOf,
} from '@nb/formats'
import { ContentDigest, isDigestAlgorithm } from '../content-digest.ts'
import type { ListRecord } from './list-records.ts'

/** A member that has begun in the bytes just pushed, or the digest of the one that has ended. */
type Passed =
  | { readonly member: ArchiveMember; readonly streamOffset: number }
  | { readonly digest: Buffer; readonly algorithm: DigestAlgorithm }

/** What the content of the member that has begun last has to be. */
interface Expected {
  readonly entry: string
  readonly digest: Buffer
}

/**
 * Compares the members of an image's archive stream with the entries of its file list, both as they come: the list is in the
 * order of the stream. Each entry whose data is in this image must begin a member that is of it, and each member must
 * be of an entry; further names of a file are members without an offset of their own in the list.
 */
export class MemberCheck {
  readonly #entries: AsyncIterator<ListRecord>
  readonly #damaged: (damage: CopyDamage) => void
  #next: FileRecord | undefined
  /** What the digests of the list are made with, once an entry has come and it has any. */
  #algorithm: DigestAlgorithm | undefined
  #digest: ContentDigest | undefined
  #expected: Expected | undefined
  #parser: ArchiveParser | undefined
  #passed: Passed[] = []
  #members = 0
  /** Up to here nothing more is expected: it was compared, or could not be. */
  #reached = 0

  /**
   * @param entries - the list's records, in its order
   * @param damaged - is told of each thing that does not agree
   */
  constructor(entries: AsyncIterable<ListRecord>, damaged: (damage: CopyDamage) => void) {
    this.#entries = entries[Symbol.asyncIterator]()
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
    this.#digest = undefined
    this.#expected = undefined
  }

  /** Takes the next bytes of the stream. */
  async push(chunk: Uint8Array, fragment: number): Promise<void> {
    // Before the first member: whether it is to be digested.
    if (this.#members === 0) await this.#peek()
    this.#checked(fragment, (parser) => parser.push(chunk, this.#sink))
    for (const passed of this.#passed.splice(0)) {
      if ('member' in passed) await this.#compare(passed, fragment)
      else this.#compareContent(passed, fragment)
    }
  }

  /** The stream has ended: entries that were not met are told, unless parts of the stream could not be looked at. */
  async finish(isWhole: boolean): Promise<void> {
    if (this.isFollowing) this.#checked(undefined, (parser) => parser.finish())
    for (let entry = await this.#peek(); entry !== undefined; entry = await this.#advance())
      if (isWhole && entry.kind !== 'hardlink') this.#damaged(noMember(entry))
  }

  readonly #sink = {
    onMember: (member: ArchiveMember, streamOffset: number): void => {
      this.#passed.push({ member, streamOffset })
      this.#digest =
        this.#algorithm === undefined || member.kind !== 'file'
          ? undefined
          : new ContentDigest(this.#algorithm, member.sizeBytes)
    },
    onData: (chunk: Buffer, dataOffset: number): void => this.#digest?.update(chunk, dataOffset),
    onMemberEnd: (): void => {
      if (this.#digest === undefined || this.#algorithm === undefined) return
      this.#passed.push({ digest: this.#digest.finish(), algorithm: this.#algorithm })
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
    this.#expected = undefined
    let entry = await this.#peek()
    // What lies before was in a part of the stream that could not be followed, or is nowhere.
    while (entry !== undefined && entry.memberOffset < streamOffset) {
      if (entry.memberOffset >= this.#reached) this.#damaged({ fragment, ...noMember(entry) })
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
    this.#expect(entry)
    await this.#advance()
    const isSame =
      member.path.equals(memberPathOf(entry.path)) &&
      // A further name that was met first in this backup has the data in a member of its own.
      (member.kind === entry.kind || (entry.kind === 'hardlink' && member.kind !== 'directory')) &&
      (member.kind !== 'file' || member.sizeBytes === entry.sizeBytes)
    if (!isSame)
      this.#damaged({
        fragment,
        code: 'image-inconsistent',
        message: `${nameOf(entry)}: the member at byte ${streamOffset} of the stream is of another file`,
      })
  }

  #expect(entry: FileRecord): void {
    if (entry.digest === undefined || this.#algorithm === undefined) return
    // Of bytes that are not kept.
    this.#expected = { entry: nameOf(entry), digest: Buffer.from(entry.digest) }
  }

  #compareContent({ digest, algorithm }: Extract<Passed, { digest: Buffer }>, fragment: number): void {
    const expected = this.#expected
    if (expected === undefined || expected.digest.equals(digest)) return
    this.#damaged({
      fragment,
      code: 'image-inconsistent',
      message: `${expected.entry}: its content has another ${algorithm} than the file list says`,
    })
  }

  async #peek(): Promise<FileRecord | undefined> {
    return this.#next ?? (await this.#advance())
  }

  /** The next entry with a member of its own in this image: further names mostly share that of the first, which came before. */
  async #advance(): Promise<FileRecord | undefined> {
    for (;;) {
      const next: IteratorResult<ListRecord> = await this.#entries.next()
      if (next.done === true) return (this.#next = undefined)
      const { record, digestAlgorithm } = next.value
      if (isDigestAlgorithm(digestAlgorithm)) this.#algorithm = digestAlgorithm
      const { imageIndex, memberBytes, memberOffset, kind, flags } = record
      const isHere = imageIndex === 0 && memberBytes > 0 && (flags & FILE_FLAGS.unreadable) === 0
      if (isHere && (kind !== 'hardlink' || memberOffset >= this.#reached)) return (this.#next = record)
    }
  }
}

function nameOf({ path }: FileRecord): string {
  return displayPath(pathFromBytes(path))
}

function noMember(entry: FileRecord): CopyDamage {
  const message = `${nameOf(entry)}: no member begins at byte ${entry.memberOffset} of the stream`
  return { code: 'image-inconsistent', message }
}
