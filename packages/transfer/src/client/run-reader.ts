import { NbError, type Clock } from '@nb/contracts'
import { comparePaths, FileListEncoder, FormatError, isWithin } from '@nb/formats'
import { AT } from '../posix/constants.ts'
import { errnoCodeOf } from '../posix/posix-error.ts'
import type { BlockPipe } from './block-pipe.ts'
import { identityKey } from './directory-stack.ts'
import { loadOwnerNames } from './owner-names.ts'
import { loadReadCalls } from './load-read-calls.ts'
import { Reader, type ReaderMoment } from './reader.ts'
import { ReferenceCursor } from './reference-cursor.ts'
import type { ReadCalls } from './read-calls.ts'
import { mergeRoots, normalizeRoot } from './roots.ts'
import { createSelection } from './selection.ts'
import { StreamWriter } from './stream-writer.ts'
import { walk, type WalkSummary } from './walk.ts'
import type { ReaderInput, ReaderTotals } from './worker-messages.ts'
import type { WorkerReporter } from './worker-reporter.ts'

/** The pipes of a reader, opened at its end. */
export interface ReaderPipes {
  readonly data: Pick<BlockPipe, 'claimSync' | 'publish' | 'end' | 'blockBytes'>
  readonly list: Pick<BlockPipe, 'claimSync' | 'publish' | 'end' | 'blockBytes'>
  readonly reference: Pick<BlockPipe, 'takeSync' | 'release'> | undefined
}

/** What a run needs beside its input and pipes. */
export interface ReaderSurroundings {
  readonly clock: Pick<Clock, 'now'>
  readonly reporter: WorkerReporter
  /** @default those of this machine */
  readonly calls?: ReadCalls
  readonly observe?: (moment: ReaderMoment, path: Buffer) => void
}

/**
 * Backs up one selection, synchronously: walks it, writes the archive stream and the file list.
 *
 * @throws NbError `argument-invalid`, `source-missing` (no root exists), `source-unreadable` (none can be looked
 *   into), `file-list-corrupt` (the reference)
 */
export function runReader(
  input: Omit<ReaderInput, keyof ReaderPipes>,
  pipes: ReaderPipes,
  surroundings: ReaderSurroundings,
): ReaderTotals {
  const { clock, reporter, observe } = surroundings
  const calls = surroundings.calls ?? loadReadCalls((warning) => reporter.warn(warning))
  const roots = mergeRoots(input.roots.map(checkedRoot), { comparePaths, isWithin })
  const reference = pipes.reference === undefined ? undefined : referenceOf(pipes.reference)
  return withFormatErrors(() => {
    const images = [input.backupId, ...imagesOf(reference, input.referenceId)]
    const encoder = new FileListEncoder({ images })
    const data = new StreamWriter(pipes.data)
    const listOut = new StreamWriter(pipes.list)
    const reader = new Reader({
      calls,
      data,
      list: { encoder, out: listOut },
      reference,
      owners: loadOwnerNames(),
      now: () => clock.now(),
      warn: (warning) => reporter.warn(warning),
      tick: (path) => {
        const { files, readBytes } = reader.counts
        reporter.tick(() => ({ files, bytes: readBytes, currentPath: path }))
      },
      ...(observe === undefined ? {} : { observe }),
    })
    const summary = walk({
      calls,
      roots,
      selection: createSelection(input),
      crossMountPoints: input.crossMountPoints,
      never: identitiesOf(calls, input.neverPaths),
      warn: (warning) => reporter.warn(warning),
      visit: (entry) => reader.visit(entry),
    })
    checkFound(summary)
    reader.finish()
    return {
      counts: reader.counts,
      streamBytes: data.offset,
      fileList: { bytes: listOut.offset, batches: reader.batches, entries: reader.counts.entries },
      warnings: reporter.warnings,
    }
  })
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
function identitiesOf(calls: ReadCalls, paths: readonly Uint8Array[]): ReadonlySet<string> {
  const never = new Set<string>()
  for (const path of paths) {
    try {
      never.add(identityKey(calls.stat(AT.FDCWD, path)))
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
