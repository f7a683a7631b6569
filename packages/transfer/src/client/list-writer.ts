import { type FileListEncoder, ListEntry } from '@nb/formats'
import type { FileStat } from '../posix/file-stat.ts'
import { CarriedRun } from './carried-run.ts'
import type { KnownEntry, ReferenceCursor } from './reference-cursor.ts'
import type { StreamWriter } from './stream-writer.ts'
import type { WalkEntry } from './walk.ts'

/**
 * So many bytes of batches are passed on at once, or what there is after so long, milliseconds: to wake another thread for each takes both
 * of them more time than an unchanged batch itself.
 */
const PASS_BYTES = 32 * 1024
const PASS_MS = 100

/** Writes the file list: batches are passed on as they fill up, several at once where they come fast. */
export class ListWriter {
  readonly #encoder: FileListEncoder
  readonly #out: StreamWriter
  /** The memory of every entry that is added. */
  readonly #entry = new ListEntry()
  readonly #run: CarriedRun
  readonly #now: () => number
  /** Where the list was when it was passed on last, and when that was. */
  #passedOffset: number
  #passedAt = -Infinity
  /** Batches written. */
  batches: number

  /** @param now - milliseconds */
  constructor(encoder: FileListEncoder, out: StreamWriter, batches: number, now: () => number) {
    this.#encoder = encoder
    this.#out = out
    this.batches = batches
    this.#now = now
    this.#run = new CarriedRun(encoder, (batch) => this.#write(batch))
    out.write(encoder.header())
    out.flush()
    this.#passedOffset = out.offset
  }

  /**
   * An entry with all that its `stat` says, to be completed and {@link add}ed before the next.
   *
   * @param linkTarget - of a symbolic link
   * @param firstPath - the first name in this list of a file of which this is a further one
   */
  describe(
    { path, kind }: WalkEntry,
    stat: FileStat,
    linkTarget: Buffer | undefined,
    firstPath: Buffer | undefined,
  ): ListEntry {
    const entry = this.#entry
    const isDevice = firstPath === undefined && (kind === 'character-device' || kind === 'block-device')
    entry.path = path
    entry.kind = firstPath === undefined ? kind : 'hardlink'
    entry.linkTarget = firstPath ?? linkTarget
    entry.deviceMajor = isDevice ? stat.rdevMajor : undefined
    entry.deviceMinor = isDevice ? stat.rdevMinor : undefined
    entry.mode = stat.mode & 0o7777
    entry.uid = stat.uid
    entry.gid = stat.gid
    entry.sizeBytes = kind === 'file' || kind === 'symlink' ? stat.size : 0
    entry.allocatedBytes = stat.blocks * 512
    entry.mtime = stat.mtime
    entry.ctime = stat.ctime
    entry.deviceHigh = stat.devMajor
    entry.deviceLow = stat.devMinor
    entry.inodeHigh = stat.inoHigh
    entry.inodeLow = stat.inoLow
    entry.linkCount = stat.nlink
    entry.imageIndex = 0
    entry.memberOffset = 0
    entry.memberBytes = 0
    entry.digest = undefined
    entry.flags = 0
    return entry
  }

  /** Adds an entry that is as the reference has it, but for its image; says whether that was possible without writing it. */
  carry(known: KnownEntry, reference: ReferenceCursor, path: Buffer): boolean {
    const { batch } = reference
    return batch !== undefined && this.#run.take(batch, reference.index, known, path)
  }

  add(entry: ListEntry): void {
    this.#run.end()
    this.#write(this.#encoder.addEntry(entry))
  }

  /** Passes on what is there. */
  flush(): void {
    this.#run.end()
    this.#write(this.#encoder.flush())
    this.#passOn()
  }

  /** The end of the list. */
  end(): void {
    this.flush()
    this.#out.end()
  }

  #write(batch: Buffer | undefined): void {
    if (batch === undefined) return
    this.batches++
    const out = this.#out
    out.write(batch)
    if (out.offset - this.#passedOffset >= PASS_BYTES || this.#now() - this.#passedAt >= PASS_MS)
      this.#passOn()
  }

  #passOn(): void {
    this.#out.flush()
    this.#passedOffset = this.#out.offset
    this.#passedAt = this.#now()
  }
}
