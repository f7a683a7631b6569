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
  /** Another medium where this one has come to its end, which is let go of then. @default there is none: the row ends with `media-end` */
  readonly nextMedium?: () => Promise<MountedMedium>
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

/** Media that are full, or smaller than what is written at once, are not asked for without end. */
const mostInVain = 16

/** How a fragment ends. */
interface FragmentEnd {
  readonly endsAtMember: boolean
  /** Set for the last one. */
  readonly counts?: ImageCounts
}

/**
 * Writes an archive stream as a row of fragments, one after the other, without a gap, on as many media as it takes. A fragment ends with its
 * medium, at a member's start or not. What a medium had accepted and found no room for any more begins the next fragment.
 */
export class FragmentRow {
  readonly #parts: FragmentRowParts
  #medium: MountedMedium
  /** Whether the medium takes no fragment any more. */
  #isMediumOver = false
  /** How many media one after the other have taken nothing. */
  #inVain = 0
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
    this.#medium = parts.medium
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
   * Goes on to the next medium where this one has come to its end, though nothing is to be written: others who share it can't go on before
   * all have let go of it. Rejects with what the media reject with.
   */
  async leaveEnded(): Promise<void> {
    if (this.#writer?.mustEnd !== true) return
    await this.#inTurn(async () => {
      if (this.#writer?.mustEnd !== true) return
      await this.#end({ endsAtMember: this.atBoundary })
      if (this.#isMediumOver) await this.#changeMedium()
    })
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
      await this.#endAll({ endsAtMember: this.atBoundary, counts })
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
      const startsAtMember = this.atBoundary
      const count = this.#boundaries.advance(room, this.#stopFrom(softBytes - writer.streamBytes))
      const piece = room.subarray(0, count)
      await this.#put(writer, startsAtMember, (each) => each.write(piece))
      this.#streamBytes += count
      rest = rest.subarray(count)
    }
  }

  /** Writes a piece; where the medium ends without a warning it does not count there, and goes to the next one. */
  async #put(
    writer: FragmentWriter,
    startsAtMember: boolean,
    write: (writer: FragmentWriter) => Promise<void>,
  ): Promise<void> {
    for (let at: FragmentWriter | undefined = writer; ; at = this.#writer) {
      try {
        await write((at ??= this.#writer = await this.#begin(startsAtMember)))
        this.#inVain = 0
        return
      } catch (error) {
        if (!isMediaEnd(error) || at === undefined) throw error
        this.#isMediumOver = true
        await this.#end({ endsAtMember: startsAtMember })
      }
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
    await this.#put(writer, frame.startsAtMember, (each) => each.writeFrame(frame))
    this.#isAtStart = false
    this.#streamBytes += frame.streamBytes
    // Until the next frame tells: a stream or a checkpoint ends where a member does.
    this.#framesAtMember = true
  }

  async #position(): Promise<void> {
    this.#writer ??= await this.#begin(this.atBoundary)
  }

  async #cut(): Promise<ImageCopy> {
    if (!this.atBoundary)
      throw new NbError(
        'archive-corrupt',
        `A checkpoint cannot lie inside a member, at byte ${this.#streamBytes}.`,
      )
    await this.#position()
    await this.#endAll({ endsAtMember: true })
    this.#isAtStart = true
    return this.#copy()
  }

  #copy(): ImageCopy {
    return { ...this.#parts.copy, fragments: [...this.#fragments] }
  }

  /** The open fragment, or a new one when that is full. It is closed only now, since the last one is closed otherwise. */
  async #roomy(): Promise<FragmentWriter> {
    const writer = this.#writer
    if (writer !== undefined && !this.#isFull(writer)) return writer
    return this.#another()
  }

  /** The same for a frame, which is in one fragment; one alone may be longer than a fragment should be. */
  async #roomyFor({ stored }: CompressedFrame): Promise<FragmentWriter> {
    const writer = this.#writer
    if (writer === undefined) return this.#another()
    const { storedBytes } = writer
    const fits = storedBytes === 0 || storedBytes + stored.length <= this.#parts.rule.hardBytes
    return fits && !this.#isFull(writer) ? writer : this.#another()
  }

  /** The next fragment, after the end of the one that is open. */
  async #another(): Promise<FragmentWriter> {
    if (this.#writer !== undefined) await this.#end({ endsAtMember: this.atBoundary })
    return (this.#writer ??= await this.#begin(this.atBoundary))
  }

  #isFull({ storedBytes, mustEnd = false }: FragmentWriter): boolean {
    const { kept, rule, mostFileListBytes } = this.#parts
    const state = { storedBytes, atBoundary: this.atBoundary, fileListBytes: kept.bytes }
    return mustEnd || isFull(state, rule, mostFileListBytes)
  }

  /** From how many bytes on a boundary would close the fragment. */
  #stopFrom(bytesToSoft: number): number {
    return this.#parts.kept.bytes >= this.#parts.mostFileListBytes ? 0 : bytesToSoft
  }

  /** Begins the next fragment, on the next medium where this one has come to its end. */
  async #begin(startsAtMember: boolean, streamOffset: number = this.#streamBytes): Promise<FragmentWriter> {
    for (;;) {
      if (this.#isMediumOver) await this.#changeMedium()
      try {
        return await this.#create(startsAtMember, streamOffset)
      } catch (error) {
        if (!isMediaEnd(error) || this.#parts.nextMedium === undefined) throw error
        this.#isMediumOver = true
      }
    }
  }

  async #changeMedium(): Promise<void> {
    const { nextMedium, image, copy } = this.#parts
    if (nextMedium === undefined)
      throw new NbError(
        'media-end',
        `The medium is full before the end of copy ${copy.copy} of image ${image.backupId}.`,
      )
    this.#inVain += 1
    if (this.#inVain > mostInVain)
      throw new NbError(
        'media-end',
        `${mostInVain} media have taken nothing of copy ${copy.copy} of image ${image.backupId}.`,
      )
    this.#medium = await nextMedium()
    this.#isMediumOver = false
  }

  #create(startsAtMember: boolean, streamOffset: number): Promise<FragmentWriter> {
    const { image, copy, now } = this.#parts
    const previousVolume = this.#fragments.at(-1)?.volumeId
    return this.#medium.createFragment({
      backupId: image.backupId,
      copy: copy.copy,
      number: this.#fragments.length + 1,
      streamOffset,
      startsAtMember,
      client: image.client,
      policy: image.policy,
      schedule: image.schedule,
      createdAt: now(),
      ...(image.compression === undefined ? {} : { compression: image.compression }),
      ...(previousVolume === undefined ? {} : { previousVolume }),
    })
  }

  /** Ends what is open, and what that leaves. */
  async #endAll(end: FragmentEnd): Promise<void> {
    do await this.#end(end)
    while (this.#writer !== undefined)
  }

  /** Ends the fragment that is open. Where it leaves something, the next one is open afterwards, with that. */
  async #end({ endsAtMember, counts }: FragmentEnd): Promise<void> {
    const writer = this.#writer
    if (writer === undefined) throw new TypeError('no fragment is open')
    this.#writer = undefined
    const isLast = counts !== undefined
    if (writer.mustEnd === true && !isLast) this.#isMediumOver = true
    if (this.#isMediumOver && writer.streamBytes === 0 && !isLast) return writer.discard()
    const { image, kept } = this.#parts
    // The record as it is known now: earlier fragments are in it, this one describes itself.
    const record = { ...image, copies: [this.#copy()], ...(isLast ? { counts } : {}) }
    const trailer = { image: record as unknown as Json, fileList: kept.take(), endsAtMember, last: isLast }
    const fragment = await writer.commit(trailer).catch(notClosed)
    this.#fragments.push(fragment)
    const { left = [] } = writer
    if (left.length > 0) await this.#goOnWith(left, fragment, writer.mustEnd === true)
  }

  /** The next fragment begins with what the one before has left: where a member begins in it is not known. */
  async #goOnWith(
    left: NonNullable<FragmentWriter['left']>,
    { streamOffset, streamBytes }: FragmentRecord,
    isMediumOver: boolean,
  ): Promise<void> {
    this.#isMediumOver ||= isMediumOver
    const writer = (this.#writer = await this.#begin(false, streamOffset + streamBytes))
    for (const piece of left)
      await (piece instanceof Uint8Array ? writer.write(piece) : writer.writeFrame(piece))
  }
}

/** What the fragment held is lost with it: the try fails, and another one goes on from the last checkpoint. */
function notClosed(error: unknown): never {
  if (!isMediaEnd(error)) throw error
  const cause = error as NbError
  throw new NbError(
    'media-write-failed',
    `The medium ended before its last fragment was closed: ${cause.message}`,
    {
      cause,
      details: cause.details,
    },
  )
}

function isMediaEnd(error: unknown): boolean {
  return error instanceof NbError && error.code === 'media-end'
}
