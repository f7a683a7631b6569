import { type CopyDamage, displayPath, pathFromBytes } from '@nb/contracts'
import {
  ArchiveParser,
  FILE_FLAGS,
  type ArchiveMember,
  type FileRecord,
  FormatError,
  memberPathOf,
} from '@nb/formats'

/** A member that has begun in the bytes just pushed. */
interface Begun {
  readonly member: ArchiveMember
  readonly streamOffset: number
}

/**
 * Compares the members of an image's archive stream with the entries of its file list, both as they come: the list is in the
 * order of the stream. Each entry whose data is in this image must begin a member that is of it, and each member must
 * be of an entry; further names of a file are members without an offset of their own in the list.
 */
export class MemberCheck {
  readonly #entries: AsyncIterator<FileRecord>
  readonly #damaged: (damage: CopyDamage) => void
  #next: FileRecord | undefined
  #parser: ArchiveParser | undefined
  #begun: Begun[] = []
  #members = 0
  /** Up to here nothing more is expected: it was compared, or could not be. */
  #reached = 0

  /**
   * @param entries - the list's records, in its order
   * @param damaged - is told of each thing that does not agree
   */
  constructor(entries: AsyncIterable<FileRecord>, damaged: (damage: CopyDamage) => void) {
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
  }

  /** Takes the next bytes of the stream. */
  async push(chunk: Uint8Array, fragment: number): Promise<void> {
    this.#checked(fragment, (parser) => parser.push(chunk, this.#sink))
    for (const begun of this.#begun.splice(0)) await this.#compare(begun, fragment)
  }

  /** The stream has ended: entries that were not met are told, unless parts of the stream could not be looked at. */
  async finish(isWhole: boolean): Promise<void> {
    if (this.isFollowing) this.#checked(undefined, (parser) => parser.finish())
    for (let entry = await this.#peek(); entry !== undefined; entry = await this.#advance())
      if (isWhole && entry.kind !== 'hardlink') this.#damaged(noMember(entry))
  }

  readonly #sink = {
    onMember: (member: ArchiveMember, streamOffset: number): void =>
      void this.#begun.push({ member, streamOffset }),
    onData: (): void => undefined,
    onMemberEnd: (): void => undefined,
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

  async #compare({ member, streamOffset }: Begun, fragment: number): Promise<void> {
    this.#members += 1
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

  async #peek(): Promise<FileRecord | undefined> {
    return this.#next ?? (await this.#advance())
  }

  /** The next entry with a member of its own in this image: further names mostly share that of the first, which came before. */
  async #advance(): Promise<FileRecord | undefined> {
    for (;;) {
      const next: IteratorResult<FileRecord> = await this.#entries.next()
      if (next.done === true) return (this.#next = undefined)
      const { imageIndex, memberBytes, memberOffset, kind, flags } = next.value
      const isHere = imageIndex === 0 && memberBytes > 0 && (flags & FILE_FLAGS.unreadable) === 0
      if (isHere && (kind !== 'hardlink' || memberOffset >= this.#reached)) return (this.#next = next.value)
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
