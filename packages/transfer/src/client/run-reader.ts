import { NbError, type Clock, type ReaderCheckpoint } from '@nb/contracts'
import { comparePaths, FileListEncoder, FormatError, isWithin } from '@nb/formats'
import { AT } from '../posix/constants.ts'
import { errnoCodeOf } from '../posix/posix-error.ts'
import type { BlockPipe } from './block-pipe.ts'
import { CheckpointSchedule } from './checkpoint-schedule.ts'
import { IdentitySet } from './identity.ts'
import { loadOwnerNames } from './owner-names.ts'
import { loadReadCalls } from './load-read-calls.ts'
import type { ReaderMoment } from './file-reader.ts'
import { Reader, type ReaderState } from './reader.ts'
import {
  countsAt,
  decodePosition,
  encodePosition,
  MAX_POSITION_CHARS,
  type ReaderPosition,
} from './reader-position.ts'
import { ReferenceCursor } from './reference-cursor.ts'
import type { ReadCalls } from './read-calls.ts'
import { mergeRoots, normalizeRoot } from './roots.ts'
import { createSelection } from './selection.ts'
import { StreamWriter, type StreamPipe } from './stream-writer.ts'
import { walk, type WalkPauses } from './walk.ts'
import type { WalkSummary } from './walk-position.ts'
import type { ReaderInput, ReaderTotals } from './worker-messages.ts'
import type { WorkerReporter } from './worker-reporter.ts'

/** The pipes of a reader, opened at its end. */
export interface ReaderPipes {
  readonly data: StreamPipe
  readonly list: StreamPipe
  readonly reference: Pick<BlockPipe, 'takeSync' | 'release'> | undefined
}

/** What a run needs beside its input and pipes. */
export interface ReaderSurroundings {
  readonly clock: Pick<Clock, 'now'>
  readonly reporter: WorkerReporter
  /** Blocks until the reader may go on from a checkpoint that was reported. @default goes on at once */
  readonly standStill?: (checkpoint: ReaderCheckpoint) => void
  /** @default those of this machine */
  readonly calls?: ReadCalls
  readonly observe?: (moment: ReaderMoment, path: Buffer) => void
}

/**
 * Backs up one selection, synchronously: walks it, writes the archive stream and the file list.
 *
 * @throws NbError `argument-invalid`, `source-missing` (no root exists), `source-unreadable` (none can be looked
 *   into), `file-list-corrupt` (the reference), `version-unsupported` (the checkpoint)
 */
export function runReader(
  input: Omit<ReaderInput, keyof ReaderPipes | 'gate'>,
  pipes: ReaderPipes,
  surroundings: ReaderSurroundings,
): ReaderTotals {
  const { clock, reporter, observe } = surroundings
  const calls = surroundings.calls ?? loadReadCalls((warning) => reporter.warn(warning))
  const roots = mergeRoots(input.roots.map(checkedRoot), { comparePaths, isWithin })
  const reference = pipes.reference === undefined ? undefined : referenceOf(pipes.reference)
  const { resumeFrom } = input
  const position = resumeFrom === undefined ? undefined : decodePosition(resumeFrom.position)
  return withFormatErrors(() => {
    const images = [input.backupId, ...imagesOf(reference, input.referenceId)]
    // Unchanged files keep the digests they have.
    const listed = input.digest ?? reference?.digestAlgorithm()
    const encoder = new FileListEncoder({
      images,
      ...(listed === undefined ? {} : { digestAlgorithm: listed }),
    })
    const data = new StreamWriter(pipes.data, resumeFrom?.streamBytes, input.framed)
    // The header is sent once more and does not count twice.
    const listOffset = resumeFrom === undefined ? 0 : resumeFrom.fileList.bytes - encoder.header().length
    const listOut = new StreamWriter(pipes.list, listOffset)
    reporter.warnings = resumeFrom?.counts.warnings ?? 0
    const reader = new Reader({
      calls,
      data,
      list: { encoder, out: listOut },
      reference,
      keepsDigests: listed !== undefined && reference?.digestAlgorithm() === listed,
      digest: input.digest,
      owners: loadOwnerNames(),
      now: () => clock.now(),
      warn: (warning) => reporter.warn(warning),
      tick: (path) => {
        const { files, readBytes } = reader.counts
        reporter.tick(() => ({ files, bytes: readBytes, currentPath: path }))
      },
      ...(observe === undefined ? {} : { observe }),
      ...(resumeFrom === undefined || position === undefined
        ? {}
        : { resumed: stateAt(resumeFrom, position) }),
    })
    const totals = (): ReaderTotals => ({
      counts: reader.counts,
      streamBytes: data.offset,
      fileList: { bytes: listOut.offset, batches: reader.batches, entries: reader.counts.entries },
      warnings: reporter.warnings,
    })
    const summary = walk({
      calls,
      roots,
      selection: createSelection(input),
      crossMountPoints: input.crossMountPoints,
      never: identitiesOf(calls, input.neverPaths),
      warn: (warning) => reporter.warn(warning),
      visit: (entry) => reader.visit(entry),
      ...(position === undefined ? {} : { resumeAt: position.walk }),
      ...(input.checkpointIntervalMs === undefined
        ? {}
        : { pauses: pausesOf(reader, totals, input.checkpointIntervalMs, surroundings) }),
    })
    checkFound(summary)
    reader.finish()
    return totals()
  })
}

/** Takes a checkpoint whenever one is due: all that was read is passed on and reported, then the reader stands still. */
function pausesOf(
  reader: Reader,
  totals: () => ReaderTotals,
  intervalMs: number,
  { clock, reporter, standStill }: ReaderSurroundings,
): WalkPauses {
  const schedule = new CheckpointSchedule(intervalMs, () => clock.now(), reader.counts.entries)
  return {
    isDue: () => schedule.isDue(reader.counts.entries),
    pause: (walkPosition) => {
      const { counts, links } = reader.standStill()
      const position = encodePosition({ walk: walkPosition, counts, links })
      if (position.length <= MAX_POSITION_CHARS) {
        const { streamBytes, fileList, warnings } = totals()
        const { entries, storedEntries, bytes } = counts
        const checkpoint = {
          streamBytes,
          fileList,
          counts: { entries, storedEntries, bytes, streamBytes, warnings },
          position,
        }
        reporter.checkpoint(checkpoint)
        standStill?.(checkpoint)
      } else {
        const text = `no checkpoint is taken here: ${links.length} files have further names that were not met yet`
        const path = walkPosition.directory?.path ?? walkPosition.root
        reporter.warn({ severity: 'note', path, code: 'CHECKPOINT', text })
      }
      schedule.goOn(counts.entries)
    },
  }
}

function stateAt({ counts, fileList }: ReaderCheckpoint, position: ReaderPosition): ReaderState {
  return {
    counts: countsAt(counts, position.counts),
    batches: fileList.batches,
    links: position.links,
  }
}

function checkedRoot(path: Uint8Array): Buffer {
  const root = normalizeRoot(Buffer.from(path))
  if (root !== undefined) return root
  const text = JSON.stringify(Buffer.from(path).toString())
  throw new NbError(
    'argument-invalid',
    `Backup selection ${text} is no absolute path; give one without "..".`,
  )
}

function imagesOf(
  reference: ReferenceCursor | undefined,
  referenceId: string | undefined,
): readonly string[] {
  const images = reference?.images() ?? []
  if (referenceId === undefined || images[0] === referenceId) return images
  throw new NbError(
    'file-list-corrupt',
    `The file list to compare with is of ${images[0] ?? 'no image'}, not of ${referenceId}.`,
  )
}

function checkFound({ found, readable }: WalkSummary): void {
  if (found === 0) throw new NbError('source-missing', 'None of the backup selections exists on this client.')
  if (readable === 0)
    throw new NbError(
      'source-unreadable',
      'None of the backup selections can be read; check the rights of the client agent.',
    )
}

function referenceOf(pipe: Pick<BlockPipe, 'takeSync' | 'release'>): ReferenceCursor {
  let held = false
  return new ReferenceCursor(() => {
    if (held) pipe.release()
    const bytes = pipe.takeSync()
    held = bytes !== undefined
    return bytes
  })
}

/** Files and directories that must not be backed up, by identity: a link or another mount that leads there counts too. */
function identitiesOf(calls: ReadCalls, paths: readonly Uint8Array[]): IdentitySet {
  const never = new IdentitySet()
  for (const path of paths) {
    try {
      never.add(calls.stat(AT.FDCWD, path))
    } catch (error) {
      // What is not there cannot be met on the walk.
      if (errnoCodeOf(error) === undefined) throw error
    }
  }
  return never
}

function withFormatErrors<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new NbError('file-list-corrupt', `The file list to compare with is damaged: ${error.message}`, {
      cause: error,
    })
  }
}
