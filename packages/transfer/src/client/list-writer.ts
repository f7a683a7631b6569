import { type FileListEncoder, ListEntry } from '@nb/formats'
import type { FileStat } from '../posix/file-stat.ts'
import { CarriedRun } from './carried-run.ts'
import type { KnownEntry, ReferenceCursor } from './reference-cursor.ts'
import type { StreamWriter } from './stream-writer.ts'
import type { WalkEntry } from './walk.ts'

/** Writes the file list: batches are passed on as they fill up. */
export class ListWriter {
  readonly #encoder: FileListEncoder
  readonly #out: StreamWriter
  /** The memory of every entry that is added. */
  readonly #entry = new ListEntry()
  readonly #run: CarriedRun
  /** Batches passed on. */
  batches: number

  constructor(encoder: FileListEncoder, out: StreamWriter, batches: number) {
    this.#encoder = encoder
    this.#out = out
    this.batches = batches
    this.#run = new CarriedRun(encoder, (batch) => this.#passOn(batch))
    out.write(encoder.header())
    out.flush()
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
    this.#passOn(this.#encoder.addEntry(entry))
  }

  /** Passes on what is there. */
  flush(): void {
    this.#run.end()
    this.#passOn(this.#encoder.flush())
  }

  /** The end of the list. */
  end(): void {
    this.flush()
    this.#out.end()
  }

  #passOn(batch: Buffer | undefined): void {
    if (batch === undefined) return
    this.batches++
    this.#out.write(batch)
    this.#out.flush()
  }
}
