import { type Clock, type FragmentRecord, NbError, type NewFragment, asNbError } from '@nb/contracts'
import {
  MAX_STREAMS_AT_ONCE,
  STREAM_BLOCK_BYTES,
  TAPE_BLOCK_BYTES,
  type TapeStream,
  encodeMultiplexHeader,
  encodeTapeFragmentHeader,
  tapeBlockChecksum,
} from '@nb/formats'
import { closeFile } from './close-file.ts'
import { FileBlocks, type TapeFileStart } from './file-blocks.ts'
import type {
  EndedFile,
  MultiplexedFile,
  MultiplexedFileComponents,
  MultiplexedFileOptions,
} from './multiplexed-file.ts'
import { StreamNumbers } from './stream-list.ts'
import {
  MultiplexedFragmentWriter,
  type StreamLane,
  type StreamWriter,
  type TapePart,
} from './stream-writer.ts'
import { Turns } from './turns.ts'

/** A piece of a stream that waits for its turn: blocks that are written in one run. */
interface Work {
  readonly kind: 'header' | 'data' | 'trailer'
  /** Makes the blocks, told the number of the first. What it throws concerns its stream alone. */
  readonly blocks: (first: number) => Iterable<Buffer>
  readonly written: (run: Run) => void
  readonly failed: (error: unknown) => void
}

/** Blocks that were written: the number of the first, that behind the last, and the last one. */
interface Run {
  readonly first: number
  readonly beyond: number
  readonly last: Buffer
}

/** A stream whose footer is written and not yet durable. */
interface Leaving {
  readonly entry: TapeStream
  /** Checksum of the footer's block. */
  readonly footer: string
  readonly durable: () => void
  readonly failed: (error: unknown) => void
}

/**
 * The engine: one loop gives the drive the work whose turn it is, one command at a time, as long as there is some.
 *
 * Empty until the first stream joins, which writes `.nb/MULTIPLEX.json`; then it is open while streams are. A stream is committed when a
 * flush behind its footer has ended; streams that leave at the same time share one. When the last stream has left, the file ends:
 * `.nb/STREAMS.json` and a filemark, which is the last one's flush. After a failure of the drive all that is open is lost, and the
 * file is closed behind the last footer, where that can be done.
 */
export class FileEngine implements MultiplexedFile {
  readonly #clock: Clock
  readonly #options: Required<MultiplexedFileOptions>
  readonly #blocks: FileBlocks
  readonly #numbers = new StreamNumbers()
  readonly #turns = new Turns<Work>()
  /** Streams that joined, or are about to, and have neither left nor failed. */
  readonly #open = new Set<number>()
  #leaving: Leaving[] = []
  readonly #committed: TapeStream[] = []
  /** Checksum of the footer with the highest number that is durable. */
  #lastFooter: { readonly block: number; readonly checksum: string } | undefined
  #created = ''
  #isRunning = false
  #isClosing = false
  #hasEnded = false
  #failure: NbError | undefined
  readonly ended: Promise<EndedFile>
  #end: (file: EndedFile) => void = () => undefined

  constructor(
    { drive, clock }: MultiplexedFileComponents,
    start: TapeFileStart,
    options: Required<MultiplexedFileOptions>,
  ) {
    this.#clock = clock
    this.#options = options
    this.#blocks = new FileBlocks(drive, start)
    this.ended = new Promise((resolve) => (this.#end = resolve))
  }

  get isUnused(): boolean {
    return this.#open.size === 0 && this.#blocks.count === 0
  }

  get nearsEnd(): boolean {
    return this.#blocks.earlyWarning
  }

  accepts({ backupId, copy, number }: NewFragment): boolean {
    const { joinUpToBytes } = this.#options
    return (
      this.#failure === undefined &&
      !this.#isClosing &&
      !this.nearsEnd &&
      this.#open.size < MAX_STREAMS_AT_ONCE &&
      this.#blocks.count * TAPE_BLOCK_BYTES < joinUpToBytes &&
      this.#numbers.hasRoomFor({ backupId, copy, fragment: number })
    )
  }

  async join(fragment: NewFragment): Promise<StreamWriter> {
    if (this.nearsEnd) throw this.#tooLate()
    if (!this.accepts(fragment)) throw this.#conflict()
    const header = (stream: number, block: number): Buffer => this.#header(fragment, stream, block)
    // What can't be said in a header is refused before the stream has a number.
    header(1, 1)
    const stream = this.#numbers.next({ ...fragment, fragment: fragment.number })
    this.#open.add(stream)
    const { number, block } = await new Promise<{ number: number; block: Buffer }>((resolve, reject) =>
      this.#add(stream, {
        kind: 'header',
        blocks: (first) => [header(stream, first)],
        written: ({ first, last }) => resolve({ number: first, block: last }),
        failed: reject,
      }),
    )
    if (this.nearsEnd) {
      this.#drop(stream)
      throw this.#tooLate()
    }
    const lane = this.#lane(stream, fragment, number, block)
    return new MultiplexedFragmentWriter(lane, fragment, this.#options.waitingBlocks)
  }

  #lane(stream: number, fragment: NewFragment, headerBlock: number, header: Buffer): StreamLane {
    const mustEnd = (): boolean => this.nearsEnd
    return {
      stream,
      header,
      get mustEnd() {
        return mustEnd()
      },
      write: (block) =>
        new Promise((written, failed) =>
          this.#add(stream, {
            kind: 'data',
            blocks: () => [block],
            written: ({ first }) => written(first),
            failed,
          }),
        ),
      leave: (trailer) =>
        new Promise((resolve, failed) => {
          const written = ({ beyond, last }: Run): void => {
            const { backupId, copy, number } = fragment
            const entry = { stream, backupId, copy, fragment: number, headerBlock, footerBlock: beyond - 1 }
            const durable = (): void => resolve(this.#part(entry))
            this.#open.delete(stream)
            this.#leaving.push({ entry, footer: tapeBlockChecksum(last), durable, failed })
          }
          this.#add(stream, { kind: 'trailer', blocks: trailer, written, failed })
        }),
      drop: () => this.#drop(stream),
    }
  }

  #header(fragment: NewFragment, stream: number, block: number): Buffer {
    const { volume, generation, file } = this.#blocks.start
    const { backupId, client, policy, schedule, copy, number, streamOffset, compression, previousVolume } =
      fragment
    return encodeTapeFragmentHeader({
      ...{ volume, generation, file, block, stream },
      ...{ backupId, client, policy, schedule, copy, fragment: number, streamOffset },
      startsAtMemberBoundary: fragment.startsAtMember,
      blockBytes: STREAM_BLOCK_BYTES,
      created: new Date(fragment.createdAt).toISOString(),
      ...(compression === undefined ? {} : { compression }),
      ...(previousVolume === undefined || previousVolume === volume ? {} : { previousVolume }),
    })
  }

  #part({ stream, headerBlock, footerBlock }: TapeStream): Pick<FragmentRecord, TapePart> {
    const { volume: volumeId, file: filemark, object } = this.#blocks.start
    return {
      ...{ volumeId, filemark },
      ...{ headerBlock: object + headerBlock, footerBlock: object + footerBlock, stream },
    }
  }

  #add(stream: number, work: Work): void {
    if (this.#failure !== undefined || !this.#open.has(stream)) {
      work.failed(this.#failure ?? this.#conflict())
      return
    }
    this.#turns.add(stream, work)
    this.#run()
  }

  #drop(stream: number): void {
    const wasOpen = this.#open.delete(stream)
    for (const { failed } of this.#turns.drop(stream)) failed(this.#failure ?? this.#conflict())
    if (wasOpen) this.#run()
  }

  #run(): void {
    if (this.#isRunning || this.#hasEnded) return
    this.#isRunning = true
    void this.#work().catch((error: unknown) => this.#fail(error))
  }

  /** Works until there is nothing to do, or the file has ended. */
  async #work(): Promise<void> {
    while (!this.#hasEnded) {
      // Those that leave now share one flush.
      const isNext = this.#leaving.length === 0 ? undefined : ({ kind }: Work): boolean => kind === 'trailer'
      const turn = this.#turns.take(isNext)
      if (turn !== undefined) await this.#write(turn.lane, turn.work)
      else if (this.#open.size === 0)
        await this.#close([...this.#committed, ...this.#leaving.map(({ entry }) => entry)])
      else if (this.#leaving.length > 0) {
        await this.#blocks.flush()
        this.#commit()
      } else {
        // Before anybody else gets to know: work that comes from now on begins another run.
        this.#isRunning = false
        return
      }
    }
  }

  async #write(stream: number, { blocks: make, written, failed }: Work): Promise<void> {
    try {
      if (this.#blocks.count === 0) await this.#begin()
      const first = this.#blocks.count
      let last: Buffer = Buffer.alloc(0)
      for (const block of this.#made(stream, () => make(first), failed)) {
        await this.#blocks.append(block)
        last = block
      }
      if (last.length > 0) written({ first, beyond: this.#blocks.count, last })
    } catch (error) {
      failed(error)
      throw error
    }
  }

  /** The blocks, or none where they can't be made: then the stream is dropped, and the others go on. */
  #made(stream: number, make: () => Iterable<Buffer>, failed: (error: unknown) => void): Iterable<Buffer> {
    try {
      return make()
    } catch (error) {
      failed(error)
      this.#drop(stream)
      return []
    }
  }

  async #begin(): Promise<void> {
    const { volume, generation, file } = this.#blocks.start
    this.#created = new Date(this.#clock.now()).toISOString()
    await this.#blocks.append(encodeMultiplexHeader({ volume, generation, file, created: this.#created }))
  }

  /** Ends the file: nothing is open any more. */
  async #close(streams: readonly TapeStream[]): Promise<void> {
    this.#isClosing = true
    if (streams.length === 0) {
      if (this.#blocks.count > 0) await this.#blocks.backTo(0)
      this.#ends({ end: 'nothing', object: this.#blocks.start.object, streams: [] })
      return
    }
    const closed = await closeFile(this.#blocks, this.#created, streams)
    this.#commit()
    this.#ends({ end: 'whole', ...closed })
  }

  /** What has left is durable. */
  #commit(): void {
    for (const { entry, footer, durable } of this.#leaving.splice(0)) {
      this.#committed.push(entry)
      this.#lastFooter = { block: entry.footerBlock, checksum: footer }
      durable()
    }
  }

  /** All that is open is lost; the file is closed behind the last footer that the drive has, if it can be. */
  async #fail(cause: unknown): Promise<void> {
    const failure = asNbError(cause)
    this.#failure = failure
    for (const stream of [...this.#open]) this.#drop(stream)
    try {
      const reached = await this.#blocks.reached()
      const kept = this.#leaving.filter(({ entry }) => entry.footerBlock < (reached ?? 0))
      for (const { failed } of this.#leaving.filter((one) => !kept.includes(one))) failed(failure)
      this.#leaving = kept
      const last = kept.at(-1)
      const footer =
        last === undefined ? this.#lastFooter : { block: last.entry.footerBlock, checksum: last.footer }
      if (footer === undefined && reached === undefined) throw failure
      if (footer !== undefined) await this.#blocks.backBehind(footer.block, footer.checksum)
      await this.#close([...this.#committed, ...kept.map(({ entry }) => entry)])
    } catch {
      // The first failure is the one that is told.
      for (const { failed } of this.#leaving.splice(0)) failed(failure)
      this.#ends({ end: 'cut', object: this.#blocks.start.object, streams: this.#committed })
    }
  }

  #ends(end: Omit<EndedFile, 'start' | 'earlyWarning' | 'failure'>): void {
    this.#hasEnded = true
    const failure = this.#failure === undefined ? {} : { failure: this.#failure }
    this.#end({ ...end, start: this.#blocks.start, earlyWarning: this.#blocks.earlyWarning, ...failure })
  }

  #tooLate(): NbError {
    const { volume, file } = this.#blocks.start
    const why = `Volume ${volume} has no room for another fragment: its end is near.`
    return new NbError('media-end', why, { details: { volumeId: volume, file } })
  }

  #conflict(): NbError {
    const { volume, file } = this.#blocks.start
    const details = { volumeId: volume, file, streams: this.#open.size }
    return new NbError('state-conflict', `File ${file} of volume ${volume} takes no further stream.`, {
      details,
    })
  }
}
