import { MAX_SPARSE_REGIONS, type DataRegion } from '@nb/formats'
import type { DigestAlgorithm } from '@nb/contracts'
import { ContentDigest } from '../content-digest.ts'
import { O } from '../posix/constants.ts'
import type { FileStat } from '../posix/file-stat.ts'
import { errnoCodeOf } from '../posix/posix-error.ts'
import { readAttributes } from './attributes.ts'
import { openQuietly } from './directory-stack.ts'
import { kindOfMode } from './entry-kind.ts'
import { isSameFile } from './identity.ts'
import { judgeReading } from './judge-reading.ts'
import { copyFileData, memberOf, writeMemberHeader } from './member-writer.ts'
import type { OwnerNames } from './owner-names.ts'
import type { ReadCalls } from './read-calls.ts'
import { findDataRegions } from './sparse-regions.ts'
import type { StreamWriter } from './stream-writer.ts'
import type { WalkEntry } from './walk.ts'

/** A moment in the reading of a file, for tests that change the file just then. */
export type ReaderMoment = 'opening' | 'opened' | 'block-read' | 'data-read'

/** What a file reader works with. */
export interface FileReaderParts {
  readonly calls: ReadCalls
  readonly data: StreamWriter
  readonly owners: OwnerNames
  /** Digests contents. @default it does not */
  readonly digest?: DigestAlgorithm | undefined
  /** Milliseconds since the epoch, by the clock that also gives files their times. */
  readonly now: () => number
  /** Told of a file: errno name or code of ours, and what it means. */
  readonly warn: (path: Buffer, code: string, text: string) => void
  /** Called for every piece that was read. */
  readonly onBytes: (path: Buffer, byteLength: number) => void
  readonly observe?: ((moment: ReaderMoment, path: Buffer) => void) | undefined
}

/** A file whose data is in the stream. */
export interface ReadFile {
  /** What was opened; it may be another than the walk had met. */
  readonly stat: FileStat
  readonly isSame: boolean
  readonly memberPath: Buffer
  readonly memberOffset: number
  readonly memberBytes: number
  readonly flags: number
  /** Of the content as it is in the stream. */
  readonly digest: Buffer | undefined
}

/** Reads regular files into the archive stream. */
export class FileReader {
  readonly #parts: FileReaderParts

  constructor(parts: FileReaderParts) {
    this.#parts = parts
  }

  /**
   * Reads a file as a member.
   *
   * @returns `gone` where nothing of it is to be listed, `closed` where it could not be opened; both were told
   */
  read(entry: WalkEntry): ReadFile | 'gone' | 'closed' {
    const { calls, observe, warn } = this.#parts
    const { path } = entry
    observe?.('opening', path)
    let fd: number
    try {
      fd = openQuietly(calls, entry.directory, entry.name, O.RDONLY | O.NOFOLLOW | O.NONBLOCK)
    } catch (error) {
      return this.#unopened(path, error)
    }
    try {
      // What was opened counts: a file replaced in between is backed up as it is now, whole.
      const stat = calls.statFd(fd)
      if (kindOfMode(stat.mode) === 'file') return this.#readOpened(entry, fd, stat)
      const text = 'it became another kind of file while it was being opened: it is not in the backup'
      warn(path, 'REPLACED', text)
      return 'gone'
    } finally {
      calls.close(fd)
    }
  }

  #readOpened(entry: WalkEntry, fd: number, stat: FileStat): ReadFile {
    const { calls, data, owners, observe, now, warn, onBytes } = this.#parts
    const { path } = entry
    observe?.('opened', path)
    const extra = readAttributes(calls, { fd }, (attribute, code) =>
      warn(path, code, `${attribute} could not be read (${code}) and is not in the backup`),
    )
    const sparse = this.#regions(fd, stat)
    const member = memberOf(entry, stat, 'file', undefined, owners, extra, sparse)
    const memberOffset = data.offset
    data.memberBegins()
    writeMemberHeader(data, member)
    const digest = this.#digestOf(path, stat)
    const onRead = (byteLength: number): void => {
      onBytes(path, byteLength)
      observe?.('block-read', path)
    }
    const outcome = copyFileData(data, calls, fd, sparse ?? stat.size, onRead, digest)
    observe?.('data-read', path)
    const { flags, warning } = judgeReading(stat, calls.statFd(fd), outcome, now())
    if (warning !== undefined) warn(path, warning.code, warning.text)
    return {
      stat,
      isSame: isSameFile(stat, entry.stat),
      memberPath: member.path,
      memberOffset,
      memberBytes: data.offset - memberOffset,
      flags,
      digest: digest?.finish(),
    }
  }

  #digestOf(path: Buffer, { size }: FileStat): ContentDigest | undefined {
    const { digest, data, onBytes } = this.#parts
    if (digest === undefined) return undefined
    // Holes of a terabyte take many minutes: they give signs of life, and can be ended.
    return new ContentDigest(digest, size, () => {
      data.throwIfAborted()
      onBytes(path, 0)
    })
  }

  #regions(fd: number, stat: FileStat): readonly DataRegion[] | undefined {
    if (stat.blocks * 512 >= stat.size) return undefined
    const { calls } = this.#parts
    try {
      const seeker = {
        seekData: (at: number) => calls.seekData(fd, at),
        seekHole: (at: number) => calls.seekHole(fd, at),
      }
      return findDataRegions(stat.size, seeker, MAX_SPARSE_REGIONS)
    } catch (error) {
      // A file system that cannot tell its holes: the zeros are stored as data.
      if (errnoCodeOf(error) === undefined) throw error
      return undefined
    }
  }

  #unopened(path: Buffer, error: unknown): 'gone' | 'closed' {
    const { warn } = this.#parts
    const code = errnoCodeOf(error)
    if (code === undefined) throw error
    if (code === 'ENOENT') warn(path, code, 'it vanished before it could be opened: it is not in the backup')
    else if (code === 'ELOOP' || code === 'ENXIO')
      warn(path, code, 'it was replaced before it could be opened: it is not in the backup')
    else {
      warn(path, code, `it could not be opened (${code}): its data is not in the backup`)
      return 'closed'
    }
    return 'gone'
  }
}
