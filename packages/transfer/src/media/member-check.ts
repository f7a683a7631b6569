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

/** What was in the bytes just pushed: the beginning of a member, and where digests are compared its data and its end. */
type Passed =
  | { readonly member: ArchiveMember; readonly streamOffset: number }
  | { readonly chunk: Buffer; readonly dataOffset: number }
  | 'end'

/** What the content of the member that has begun last has to be, and is. */
interface Content {
  readonly entry: string
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
  readonly #entries: AsyncIterator<ListRecord>
  readonly #damaged: (damage: CopyDamage) => void
  readonly #pause: () => Promise<void>
  #next: FileRecord | undefined
  /** What the digests of the list are made with, once an entry has come and it has any. */
  #algorithm: DigestAlgorithm | undefined
  #content: Content | undefined
  #parser: ArchiveParser | undefined
  #passed: Passed[] = []
  #members = 0
  /** Up to here nothing more is expected: it was compared, or could not be. */
  #reached = 0

  /**
   * @param entries - the list's records, in its order
   * @param damaged - is told of each thing that does not agree
   * @param pause - lets others go on while long holes are digested; may reject to end that
   */
  constructor(
    entries: AsyncIterable<ListRecord>,
    damaged: (damage: CopyDamage) => void,
    pause: () => Promise<void>,
  ) {
    this.#pause = pause
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
    this.#content = undefined
  }

  /** Takes the next bytes of the stream. */
  async push(chunk: Uint8Array, fragment: number): Promise<void> {
    // Before the first member: whether it is to be digested.
    if (this.#members === 0) await this.#peek()
    this.#checked(fragment, (parser) => parser.push(chunk, this.#sink))
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
      if (isWhole && entry.kind !== 'hardlink') this.#damaged(noMember(entry))
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
    this.#expect(entry, member)
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

  #expect(entry: FileRecord, member: ArchiveMember): void {
    if (entry.digest === undefined || this.#algorithm === undefined || member.kind !== 'file') return
    const found = new ContentDigest(this.#algorithm, member.sizeBytes)
    // Of bytes that are not kept.
    this.#content = { entry: nameOf(entry), expected: Buffer.from(entry.digest), found, member }
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
      message: `${content.entry}: its content has another ${this.#algorithm} than the file list says`,
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
