import {
  type CompressedFrame,
  type FragmentRecord,
  type FragmentWriter,
  type ImageCopy,
  type ImageCounts,
  type ImageRecord,
  type Json,
  type MountedMedium,
  NbError,
} from '@nb/contracts'
import { isFull, type SplitRule } from './fragment-split.ts'
import type { KeptFileList } from './kept-file-list.ts'
import { MemberBoundaries } from './member-boundaries.ts'

/** What a row of fragments is made of. */
export interface FragmentRowParts {
  readonly medium: MountedMedium
  readonly image: ImageRecord
  /** The copy that is written, without its fragments. */
  readonly copy: Omit<ImageCopy, 'fragments'>
  readonly rule: SplitRule
  readonly kept: KeptFileList
  /** File-list bytes in memory after which a fragment ends early. */
  readonly mostFileListBytes: number
  readonly now: () => number
  /** What is there of the row already: it ends at a member's start. @default nothing */
  readonly before?: { readonly fragments: readonly FragmentRecord[]; readonly streamBytes: number }
}

/** Writes an archive stream as a row of fragments, one after the other, without a gap. */
export class FragmentRow {
  readonly #parts: FragmentRowParts
  readonly #boundaries: MemberBoundaries
  readonly #fragments: FragmentRecord[]
  #writer: FragmentWriter | undefined
  #streamBytes: number
  /** Settles when all that was asked for has been done. */
  #before: Promise<unknown> = Promise.resolve()
  /** Of a compressed stream: whether a member begins where it is now, as far as is known. */
  #framesAtMember = true
  /** Whether it stands at a checkpoint, or at what there was before. */
  #isAtStart = true

  constructor(parts: FragmentRowParts) {
    const { fragments, streamBytes } = parts.before ?? { fragments: [], streamBytes: 0 }
    this.#parts = parts
    this.#boundaries = new MemberBoundaries(streamBytes)
    this.#fragments = [...fragments]
    this.#streamBytes = streamBytes
  }

  /** The fragments that are committed. */
  get fragments(): readonly FragmentRecord[] {
    return this.#fragments
  }

  /** Stream bytes written. */
  get streamBytes(): number {
    return this.#streamBytes
  }

  /** Whether the stream could end here. */
  get atBoundary(): boolean {
    return this.#parts.image.compression === undefined ? this.#boundaries.atBoundary : this.#framesAtMember
  }

  /** Writes the next bytes of the stream. Rejects with `archive-corrupt` and what the medium rejects with. */
  write(bytes: Buffer): Promise<void> {
    return this.#inTurn(() => this.#write(bytes))
  }

  /**
   * Writes the next frame of a compressed stream as it is. Where members begin is the client's word: frames are not looked into.
   * Rejects with `archive-corrupt` and what the medium rejects with.
   */
  writeFrame(frame: CompressedFrame): Promise<void> {
    return this.#inTurn(() => this.#writeFrame(frame))
  }

  /** Goes to where the next byte will be written: the next fragment is begun. */
  position(): Promise<void> {
    return this.#inTurn(() => this.#position())
  }

  /**
   * Ends the fragment that is open where more is kept of the list than may be, and the data stands at a member's start: of a backup
   * that finds nothing changed only the list comes. Rejects with what the medium rejects with.
   */
  async relieve(): Promise<void> {
    const { kept, mostFileListBytes, image } = this.#parts
    // Of a compressed stream the next frame tells whether it stands at a member's start: then a fragment with much of a list ends.
    const isCertain = (): boolean => (image.compression === undefined ? this.atBoundary : this.#isAtStart)
    const isDue = (): boolean => kept.bytes >= mostFileListBytes && isCertain()
    if (isDue()) await this.#inTurn(async () => void (isDue() && (await this.#cut())))
  }

  /**
   * Ends the fragment that is open, so that all that was written is durable, also one that has nothing but its part of the
   * list. Rejects with `archive-corrupt` inside a member.
   */
  cut(): Promise<ImageCopy> {
    return this.#inTurn(() => this.#cut())
  }

  /**
   * Ends the row with its last fragment; there is one even when the stream is empty, because it carries the file list.
   */
  finish(counts: ImageCounts): Promise<ImageCopy> {
    return this.#inTurn(async () => {
      await this.#position()
      await this.#commit(true, counts)
      return this.#copy()
    })
  }

  /** Data and list come side by side: one piece of work after the other. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#before.then(work)
    this.#before = result.catch(() => undefined)
    return result
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      const writer = await this.#roomy()
      const { hardBytes, softBytes } = this.#parts.rule
      const room = rest.subarray(0, hardBytes - writer.streamBytes)
      const count = this.#boundaries.advance(room, this.#stopFrom(softBytes - writer.streamBytes))
      await writer.write(room.subarray(0, count))
      this.#streamBytes += count
      rest = rest.subarray(count)
    }
  }

  async #writeFrame(frame: CompressedFrame): Promise<void> {
    this.#framesAtMember = frame.startsAtMember
    if (!frame.startsAtMember && this.#isAtStart)
      throw new NbError(
        'archive-corrupt',
        `What the client sent is no archive: no member begins at byte ${this.#streamBytes} of the stream.`,
      )
    const writer = await this.#roomyFor(frame)
    await writer.writeFrame(frame)
    this.#isAtStart = false
    this.#streamBytes += frame.streamBytes
    // Until the next frame tells: a stream or a checkpoint ends where a member does.
    this.#framesAtMember = true
  }

  async #position(): Promise<void> {
    this.#writer ??= await this.#begin()
  }

  async #cut(): Promise<ImageCopy> {
    if (!this.atBoundary)
      throw new NbError(
        'archive-corrupt',
        `A checkpoint cannot lie inside a member, at byte ${this.#streamBytes}.`,
      )
    await this.#position()
    await this.#commit(false)
    this.#isAtStart = true
    return this.#copy()
  }

  #copy(): ImageCopy {
    return { ...this.#parts.copy, fragments: [...this.#fragments] }
  }

  /** The open fragment, or a new one when that is full. It is closed only now, since the last one is closed otherwise. */
  async #roomy(): Promise<FragmentWriter> {
    const writer = this.#writer
    if (writer === undefined) return (this.#writer = await this.#begin())
    if (!this.#isFull(writer)) return writer
    await this.#commit(false)
    return (this.#writer = await this.#begin())
  }

  /** The same for a frame, which is in one fragment; one alone may be longer than a fragment should be. */
  async #roomyFor({ stored }: CompressedFrame): Promise<FragmentWriter> {
    const writer = this.#writer
    if (writer === undefined) return (this.#writer = await this.#begin())
    const { storedBytes } = writer
    const fits = storedBytes === 0 || storedBytes + stored.length <= this.#parts.rule.hardBytes
    if (fits && !this.#isFull(writer)) return writer
    await this.#commit(false)
    return (this.#writer = await this.#begin())
  }

  #isFull({ storedBytes }: FragmentWriter): boolean {
    const { kept, rule, mostFileListBytes } = this.#parts
    return isFull(
      { storedBytes, atBoundary: this.atBoundary, fileListBytes: kept.bytes },
      rule,
      mostFileListBytes,
    )
  }

  /** From how many bytes on a boundary would close the fragment. */
  #stopFrom(bytesToSoft: number): number {
    return this.#parts.kept.bytes >= this.#parts.mostFileListBytes ? 0 : bytesToSoft
  }

  #begin(): Promise<FragmentWriter> {
    const { medium, image, copy, now } = this.#parts
    return medium.createFragment({
      backupId: image.backupId,
      copy: copy.copy,
      number: this.#fragments.length + 1,
      streamOffset: this.#streamBytes,
      startsAtMember: this.atBoundary,
      client: image.client,
      policy: image.policy,
      schedule: image.schedule,
      createdAt: now(),
      ...(image.compression === undefined ? {} : { compression: image.compression }),
    })
  }

  async #commit(last: boolean, counts?: ImageCounts): Promise<void> {
    const writer = this.#writer
    if (writer === undefined) throw new TypeError('no fragment is open')
    this.#writer = undefined
    const { image, kept } = this.#parts
    // The record as it is known now: earlier fragments are in it, this one describes itself.
    const record = {
      ...image,
      copies: [this.#copy()],
      ...(counts === undefined ? {} : { counts }),
    }
    const endsAtMember = this.atBoundary
    const trailer = { image: record as unknown as Json, fileList: kept.take(), endsAtMember, last }
    this.#fragments.push(await writer.commit(trailer))
  }
}
