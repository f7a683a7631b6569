import { comparePaths, FileListDecoder, type FileRecord } from '@nb/formats'
import type { FileStat } from '../posix/file-stat.ts'
import type { WalkEntry } from './walk.ts'

/**
 * The file list that an incremental backup compares with, read in step with the walk: both are sorted, so each
 * record is looked at once and only a few batches are in memory.
 */
export class ReferenceCursor {
  readonly #next: () => Uint8Array | undefined
  readonly #decoder = new FileListDecoder()
  #records: FileRecord[] = []
  #at = 0
  #ended = false
  #images: readonly string[] | undefined

  /** @param next - the next bytes of the list, `undefined` at its end; may block the thread */
  constructor(next: () => Uint8Array | undefined) {
    this.#next = next
  }

  /** Ids of the images that hold the reference's data, itself first. Reads the head of the list. */
  images(): readonly string[] {
    while (this.#images === undefined && !this.#ended) this.#fill()
    return this.#images ?? []
  }

  /** The reference's record of `path`. Paths must be asked for in the list's order. */
  find(path: Buffer): FileRecord | undefined {
    for (;;) {
      const record = this.#records[this.#at]
      if (record === undefined) {
        if (this.#ended) return undefined
        this.#fill()
        continue
      }
      const order = comparePaths(record.path, path)
      if (order === 0) return record
      if (order > 0) return undefined
      this.#at++
    }
  }

  /** Reads what is left, so that a broken rest is noticed and the sender can end. */
  drain(): void {
    while (!this.#ended) this.#fill()
  }

  #fill(): void {
    this.#records = []
    this.#at = 0
    const bytes = this.#next()
    if (bytes === undefined) {
      this.#ended = true
      this.#decoder.finish()
      return
    }
    this.#decoder.push(bytes, {
      onHeader: (header) => {
        this.#images = header.images
      },
      onRecord: (record) => {
        this.#records.push(record)
      },
    })
  }
}

/**
 * Whether an entry is as the reference has it, so that the data stored then is the data now. The change time
 * decides: no program can set it. A record that was read unsoundly, or has no stored member, never counts.
 */
export function isUnchanged(record: FileRecord, entry: WalkEntry, linkTarget: Buffer | undefined): boolean {
  const { stat, kind } = entry
  // A record of a further name does not tell what the file is; its inode and change time do.
  const isFurtherName = record.kind === 'hardlink'
  return (
    (isFurtherName ? kind !== 'directory' : record.kind === kind) &&
    record.flags === 0 &&
    record.memberBytes > 0 &&
    record.identity.inode === stat.ino &&
    record.identity.device === deviceOf(stat) &&
    record.mtimeNs === stat.mtimeNs &&
    record.ctimeNs === stat.ctimeNs &&
    record.mode === (stat.mode & 0o7777) &&
    record.uid === stat.uid &&
    record.gid === stat.gid &&
    (kind !== 'file' || record.sizeBytes === stat.size) &&
    (isFurtherName ||
      kind !== 'symlink' ||
      (linkTarget !== undefined && record.linkTarget?.equals(linkTarget) === true)) &&
    (isFurtherName ||
      !isDevice(kind) ||
      (record.deviceMajor === stat.rdevMajor && record.deviceMinor === stat.rdevMinor))
  )
}

function isDevice(kind: string): boolean {
  return kind === 'character-device' || kind === 'block-device'
}

/** The device a file is on as one number, major part above the minor. */
export function deviceOf(stat: Pick<FileStat, 'devMajor' | 'devMinor'>): bigint {
  return (BigInt(stat.devMajor) << 32n) | BigInt(stat.devMinor)
}
