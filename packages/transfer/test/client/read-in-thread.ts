// Runs the reader in this very thread and keeps what it says, for tests that look at it or change files under it.
import { toPath, type Path, type ReaderCheckpoint } from '@nb/contracts'
import { END_OF_ARCHIVE, FileListDecoder, type FileRecord } from '@nb/formats'
import type { BlockPipe } from '../../src/client/block-pipe.ts'
import type { ReadCalls } from '../../src/client/read-calls.ts'
import type { ReaderMoment } from '../../src/client/file-reader.ts'
import { runReader } from '../../src/client/run-reader.ts'
import type { TransferWarning } from '../../src/client/warning.ts'
import type { ReaderTotals } from '../../src/client/worker-messages.ts'
import type { StreamPipe } from '../../src/client/stream-writer.ts'
import { WorkerReporter } from '../../src/client/worker-reporter.ts'

export interface ReadResult {
  readonly totals: ReaderTotals
  readonly archive: Buffer
  readonly list: Buffer
  readonly images: readonly string[]
  readonly digestAlgorithm: string | undefined
  readonly records: readonly FileRecord[]
  readonly warnings: readonly TransferWarning[]
}

export interface ReadSettings {
  readonly backupId?: string
  readonly exclude?: readonly string[]
  readonly include?: readonly string[]
  readonly crossMountPoints?: boolean
  readonly digest?: 'sha256'
  readonly framed?: boolean
  readonly neverPaths?: readonly string[]
  readonly reference?: Buffer
  readonly observe?: (moment: ReaderMoment, path: Buffer) => void
  readonly calls?: ReadCalls
  /** @default 256 KiB */
  readonly blockBytes?: number
  /** Takes a checkpoint after each entry where it says so; may throw to end the reading there. */
  readonly onCheckpoint?: (checkpoint: ReaderCheckpoint) => void
  readonly resumeFrom?: ReaderCheckpoint
  /** How much later than now the reader believes it is, milliseconds. @default 0 */
  readonly laterMs?: number
}

export function readInThread(roots: readonly (string | Buffer)[], settings: ReadSettings = {}): ReadResult {
  return readInto(
    { data: collector(settings.blockBytes ?? 256 * 1024), list: collector(64 * 1024) },
    roots,
    settings,
  )
}

/** What a reader had sent when it was broken off at a checkpoint. */
export interface BrokenOff {
  readonly checkpoint: ReaderCheckpoint
  readonly archive: Buffer
  readonly list: Buffer
}

/** Reads until the checkpoint of this number, from 1, and no further; all of it where there are not so many. */
export function readUntilCheckpoint(
  roots: readonly (string | Buffer)[],
  settings: ReadSettings,
  number: number,
): BrokenOff | ReadResult {
  const pipes = { data: collector(settings.blockBytes ?? 256 * 1024), list: collector(64 * 1024) }
  const brokenOff = new Error('broken off')
  let last: ReaderCheckpoint | undefined
  let left = number
  const onCheckpoint = (checkpoint: ReaderCheckpoint): void => {
    last = checkpoint
    if (--left === 0) throw brokenOff
  }
  try {
    return readInto(pipes, roots, { ...settings, onCheckpoint })
  } catch (error) {
    if (error !== brokenOff || last === undefined) throw error
    return { checkpoint: last, archive: pipes.data.bytes(), list: pipes.list.bytes() }
  }
}

function readInto(
  { data, list }: { readonly data: Collector; readonly list: Collector },
  roots: readonly (string | Buffer)[],
  settings: ReadSettings,
): ReadResult {
  const warnings: TransferWarning[] = []
  const reporter = new WorkerReporter(
    () => undefined,
    () => Date.now(),
  )
  const warn = reporter.warn.bind(reporter)
  reporter.warn = (warning) => {
    warnings.push(warning)
    warn(warning)
  }
  const { reference, observe, calls, onCheckpoint, resumeFrom } = settings
  const totals = runReader(
    {
      backupId: settings.backupId ?? 'client_1',
      referenceId: undefined,
      roots: roots.map((root) => Buffer.from(root as string)),
      exclude: settings.exclude ?? [],
      include: settings.include ?? [],
      crossMountPoints: settings.crossMountPoints ?? false,
      digest: settings.digest,
      framed: settings.framed ?? false,
      neverPaths: (settings.neverPaths ?? []).map((path) => Buffer.from(path)),
      checkpointIntervalMs: onCheckpoint === undefined ? undefined : 0,
      resumeFrom,
    },
    { data, list, reference: reference === undefined ? undefined : feeder(reference) },
    {
      clock: { now: () => Date.now() + (settings.laterMs ?? 0) },
      reporter,
      ...(onCheckpoint === undefined ? {} : { standStill: onCheckpoint }),
      ...(observe === undefined ? {} : { observe }),
      ...(calls === undefined ? {} : { calls }),
    },
  )
  const decoded = decodeList(list.bytes())
  return { totals, archive: data.bytes(), list: list.bytes(), ...decoded, warnings }
}

/** The archive as a file for tar: with the end marker that the media side writes. */
export function asTarFile(result: ReadResult): Buffer {
  return Buffer.concat([result.archive, END_OF_ARCHIVE])
}

export function decodeList(bytes: Buffer): Pick<ReadResult, 'images' | 'digestAlgorithm' | 'records'> {
  const records: FileRecord[] = []
  let images: readonly string[] = []
  let digestAlgorithm: string | undefined
  const decoder = new FileListDecoder()
  decoder.push(bytes, {
    onHeader: (header) => {
      images = header.images
      digestAlgorithm = header.digestAlgorithm
    },
    onRecord: (record) => records.push(record),
  })
  decoder.finish()
  return { images, digestAlgorithm, records }
}

export const shown = (path: Uint8Array): Path => toPath(Buffer.from(path).toString('latin1'))

type Collector = StreamPipe & {
  bytes(): Buffer
}

function collector(blockBytes: number): Collector {
  const blocks: Buffer[] = []
  let block: Buffer | undefined
  return {
    blockBytes,
    claimSync: () => (block ??= Buffer.alloc(blockBytes)),
    publish(length) {
      blocks.push((block as Buffer).subarray(0, length))
      block = undefined
    },
    wake: () => undefined,
    throwIfAborted: () => undefined,
    end: () => undefined,
    bytes: () => Buffer.concat(blocks),
  }
}

/** Gives the bytes in pieces of odd sizes. */
function feeder(bytes: Buffer): Pick<BlockPipe, 'takeSync' | 'release'> {
  let at = 0
  return {
    takeSync() {
      if (at >= bytes.length) return undefined
      const piece = Buffer.from(bytes.subarray(at, at + 3001))
      at += piece.length
      return piece
    },
    release: () => undefined,
  }
}
