import { availableParallelism } from 'node:os'
import { NbError, type Clock } from '@nb/contracts'
import { ArchiveParser, FileListDecoder, type FileListSink, FormatError } from '@nb/formats'
import { O, AT } from '../../posix/constants.ts'
import { descriptorPath, loadPosix, type Posix } from '../../posix/posix.ts'
import { errnoCodeOf } from '../../posix/posix-error.ts'
import { isDigestAlgorithm } from '../../content-digest.ts'
import { RangeSplitter, type RangeSink } from '../../range-frame.ts'
import { type BlockPipe, PipeAbortedError } from '../block-pipe.ts'
import { normalizeRoot, splitPath } from '../roots.ts'
import type { WorkerReporter } from '../worker-reporter.ts'
import type { ExtractionState } from './extraction-state.ts'
import { checkNothingExists } from './check-nothing-exists.ts'
import { Extractor, type ExtractorMoment } from './extractor.ts'
import { Installer, type IfExists } from './installer.ts'
import { PlanIndex } from './plan-index.ts'
import { RestoreNote } from './restore-note.ts'
import { type SharedWriteBehind, WriteBehind, type WritesBehind } from './write-behind.ts'
import { openTargetRoot, TargetDirectories } from './target-directories.ts'

/** What one group of a restore is told. */
export interface ExtractorSpec {
  /** Absolute path of the root as raw bytes. */
  readonly root: Uint8Array
  readonly ifExists: IfExists
  readonly last: boolean
  readonly state: ExtractionState
  /** Where it notes what it is making, so that a kill leaves nothing for long. @default it does not */
  readonly note?: { readonly path: string; readonly jobId: string }
}

/** What one group of a restore has done. */
export interface ExtractorTotals {
  readonly entries: number
  readonly bytes: number
  readonly skipped: number
  readonly failed: number
  readonly warnings: number
  /** For the next group. */
  readonly state: ExtractionState
}

/** The pipes of an extractor, opened at its end. */
export interface ExtractorPipes {
  readonly plan: Pick<BlockPipe, 'takeSync' | 'release'>
  readonly data: Pick<BlockPipe, 'takeSync' | 'takeAheadSync' | 'release' | 'throwIfAborted'>
  /** What it shares with a writer, and the memory of the data pipe. @default it writes itself */
  readonly behind?: { readonly shared: SharedWriteBehind; readonly memory: SharedArrayBuffer }
}

/** What a run needs beside its input and pipes. */
export interface ExtractorSurroundings {
  readonly clock: Pick<Clock, 'now'>
  readonly reporter: WorkerReporter
  /** @default those of this machine */
  readonly posix?: Posix
  readonly observe?: (moment: ExtractorMoment, path: Buffer) => void
  /** Writes the files. @default a thread, where the pipes lead to one and it is worth it */
  readonly behind?: WritesBehind
}

/**
 * Restores one group, synchronously: takes the plan, then the framed ranges of members.
 *
 * @throws NbError `not-supported` (no native calls here), `argument-invalid` (the root), `target-exists`,
 *   `disk-full`, `archive-corrupt`, `file-list-corrupt` (the plan), `restore-failed` (nothing could be restored)
 */
export function runExtractor(
  spec: ExtractorSpec,
  pipes: ExtractorPipes,
  surroundings: ExtractorSurroundings,
): ExtractorTotals {
  const { reporter, observe } = surroundings
  const posix = surroundings.posix ?? nativeCalls()
  const plan = new PlanIndex()
  let behind: WritesBehind | undefined
  const rootPath = normalizeRoot(Buffer.from(spec.root))
  if (rootPath === undefined)
    throw new NbError('argument-invalid', 'The restore target must be an absolute path without "..".')
  const root = openRoot(posix, rootPath)
  const made = new Set(spec.state.made)
  const target = new TargetDirectories(posix, root.fd, (path) => void made.add(path))
  let note: RestoreNote | undefined
  const noting = (action: () => void): void => {
    try {
      action()
    } catch (error) {
      note?.close()
      const text = `what is being restored could not be noted, and a kill would leave unfinished files: ${(error as Error).message}`
      reporter.warn({ severity: 'warning', path: rootPath, code: 'NO_NOTE', text })
    }
  }
  const installer = new Installer(posix, spec.ifExists, (directory) => {
    if (note?.isFull === true) extractor.settle()
    noting(() => note?.enter(directory))
  })
  const extractor: Extractor = new Extractor(
    {
      posix,
      target,
      plan,
      installer,
      ifExists: spec.ifExists,
      state: spec.state,
      warn: (warning) => reporter.warn(warning),
      throwIfAborted: () => pipes.data.throwIfAborted(),
      tick: (path) =>
        reporter.tick(() => ({
          files: extractor.counts.entries,
          bytes: extractor.counts.bytes,
          currentPath: Buffer.from(path),
        })),
      ...(observe === undefined ? {} : { observe }),
    },
    made,
  )
  try {
    noting(() => (note = beginNote(spec, rootPath, installer.prefix)))
    const mayHaveEntries = !root.made && (spec.ifExists !== 'fail' || !isEmpty(posix, root.fd))
    let passed = 0
    // Directories are made while the plan comes, but nothing that is there is touched before all of it has come.
    readPlan(pipes.plan, plan, () => {
      behind ??= surroundings.behind ?? beginBehind(pipes, plan, reporter)
      if (mayHaveEntries) return
      extractor.makeDirectories(passed, plan.count)
      passed = plan.count
    })
    if (behind !== undefined) extractor.writeBehind(behind)
    if (mayHaveEntries && spec.ifExists === 'fail') checkNothingExists({ posix, plan, target })
    extractor.makeDirectories(passed, plan.count)
    extractData(pipes.data, extractor, behind)
    extractor.settle()
    const state = extractor.finish(spec)
    const { counts } = extractor
    if (counts.failed > 0 && counts.entries + counts.skipped === 0) {
      throw new NbError(
        'restore-failed',
        `None of ${counts.failed} entries could be restored; the job log says why.`,
        { status: 5 },
      )
    }
    return { ...counts, warnings: reporter.warnings, state }
  } finally {
    try {
      extractor.abandon()
      behind?.end()
      note?.remove()
    } catch (error) {
      // Its writer has crashed, and the session tells why; what is left unfinished is in the note.
      if (!(error instanceof PipeAbortedError)) throw error
    } finally {
      note?.close()
      target.close()
    }
  }
}

function beginNote({ note }: ExtractorSpec, root: Buffer, prefix: string): RestoreNote | undefined {
  return note === undefined ? undefined : new RestoreNote(note.path, { jobId: note.jobId, root, prefix })
}

function nativeCalls(): Posix {
  const posix = loadPosix()
  if (typeof posix !== 'string') return posix
  throw new NbError(
    'not-supported',
    `Restores need system calls that keep every write below the target: ${posix}.`,
  )
}

function openRoot(posix: Posix, path: Buffer): { readonly fd: number; readonly made: boolean } {
  try {
    return openTargetRoot(posix, path, splitPath(path))
  } catch (error) {
    const code = errnoCodeOf(error)
    if (code === undefined) throw error
    const text = `The restore target ${path.toString()} cannot be opened as a directory: ${(error as Error).message}.`
    throw new NbError('target-unsafe', text, { cause: error, details: { errno: code } })
  }
}

function isEmpty(posix: Posix, root: number): boolean {
  const fd = posix.open(AT.FDCWD, descriptorPath(root), O.RDONLY | O.DIRECTORY)
  try {
    return posix.readDirectory(fd).length === 0
  } finally {
    posix.close(fd)
  }
}

/** @param onPiece - called when a piece of the plan has come and its block is given back */
function readPlan(pipe: Pick<BlockPipe, 'takeSync' | 'release'>, plan: PlanIndex, onPiece: () => void): void {
  const decoder = new FileListDecoder()
  const sink: FileListSink = {
    onHeader: ({ digestAlgorithm }) => {
      if (isDigestAlgorithm(digestAlgorithm)) plan.digestAlgorithm = digestAlgorithm
    },
    onEntry: (entry, { pathBuffer, pathBytes }) => plan.add(entry, pathBuffer, pathBytes),
  }
  try {
    for (let bytes = pipe.takeSync(); bytes !== undefined; bytes = pipe.takeSync()) {
      decoder.push(bytes, sink)
      pipe.release()
      onPiece()
    }
    decoder.finish()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new NbError('file-list-corrupt', `The plan of the restore is damaged: ${error.message}`, {
      cause: error,
    })
  }
  plan.close()
}

/** So many files a thread that writes behind must have to do: it takes a tenth of a second to start, and memory. */
const WORTH_A_WRITER = 2000

function beginBehind(
  { behind }: ExtractorPipes,
  plan: PlanIndex,
  reporter: WorkerReporter,
): WriteBehind | undefined {
  if (behind === undefined || plan.count < WORTH_A_WRITER || availableParallelism() < 2) return undefined
  reporter.wantWriter()
  return new WriteBehind(behind.shared, behind.memory)
}

function extractData(
  pipe: ExtractorPipes['data'],
  extractor: Extractor,
  behind: WritesBehind | undefined,
): void {
  const take = (): Buffer | undefined =>
    behind === undefined ? pipe.takeSync() : pipe.takeAheadSync(() => behind.hurry())
  const release = (): void => (behind === undefined ? pipe.release() : extractor.releaseBlock())
  const splitter = new RangeSplitter()
  let parser = new ArchiveParser({ names: false })
  const sink: RangeSink = {
    onRange: ({ imageIndex, streamOffset }) => {
      // Each range holds whole members: the one before must have come to its end.
      parser.finish()
      parser = new ArchiveParser({ streamOffset, names: false })
      extractor.enterImage(imageIndex)
    },
    onBytes: (chunk) => parser.push(chunk, extractor),
  }
  try {
    for (let bytes = take(); bytes !== undefined; bytes = take()) {
      splitter.push(bytes, sink)
      release()
    }
    parser.finish()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new NbError('archive-corrupt', `The archive stream is damaged: ${error.message}`, { cause: error })
  }
  if (!splitter.atFrameBoundary)
    throw new NbError('archive-corrupt', 'The archive stream ends inside a range.')
}
