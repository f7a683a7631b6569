import { NbError, type Clock } from '@nb/contracts'
import { comparePaths, FileListEncoder, isWithin } from '@nb/formats'
import { IdentitySet } from './identity.ts'
import { ListWriter } from './list-writer.ts'
import type { ReadCalls } from './read-calls.ts'
import { mergeRoots } from './roots.ts'
import { runReader } from './run-reader.ts'
import { createSelection } from './selection.ts'
import { StreamWriter, type StreamPipe } from './stream-writer.ts'
import { walk } from './walk.ts'
import { WorkerReporter } from './worker-reporter.ts'

/** Entries that are read in all; more bring little. */
const VISITS = 20_000
/** Of a directory with more entries than this nothing is read. */
const MOST_ENTRIES = 1000
const BLOCK_BYTES = 64 * 1024
const LISTED = 'warm-up'

/** Ends a walk. */
class TooMany extends Error {}

/**
 * Reads a directory again and again as an incremental backup that finds nothing changed, so that the engine has compiled the reader
 * before there is work: the first hundred thousand entries of a run then take a tenth less time. No file is opened, and nothing is kept.
 *
 * @param calls - the calls that the reader will be run with
 * @param directory - absolute path of a directory that is there, such as that of this code
 * @returns a step at a time, a few milliseconds each; it ends early where the directory can't be read or is too big
 */
export function* warmUp(
  calls: ReadCalls,
  clock: Pick<Clock, 'now'>,
  directory: string,
): Generator<undefined, void> {
  const root = Buffer.from(directory)
  try {
    const { list, entries } = listOf(calls, clock, root)
    for (let visits = 0; visits < VISITS && entries > 0; visits += entries) {
      yield
      readAgain(calls, clock, root, list)
    }
  } catch (error) {
    // A directory that is no good for this is nothing to tell anybody: the reader is then compiled as it works.
    if (!(error instanceof TooMany || error instanceof NbError)) throw error
  }
}

/** A list of the directory as it is, as if all of it were saved. */
function listOf(
  calls: ReadCalls,
  clock: Pick<Clock, 'now'>,
  root: Buffer,
): { readonly list: Buffer; readonly entries: number } {
  const sink = new Sink()
  const list = new ListWriter(new FileListEncoder({ images: [LISTED] }), new StreamWriter(sink), 0, () =>
    clock.now(),
  )
  let entries = 0
  walk({
    calls,
    roots: mergeRoots([root], { comparePaths, isWithin }),
    selection: createSelection({ exclude: [], include: [] }),
    crossMountPoints: false,
    never: new IdentitySet(),
    warn: () => undefined,
    visit: (entry) => {
      if (++entries > MOST_ENTRIES) throw new TooMany()
      const { kind, stat, directory, name } = entry
      const linkTarget = kind === 'symlink' ? calls.readLink(directory, name) : undefined
      const listed = list.describe(entry, stat, linkTarget, undefined)
      listed.memberBytes = 512
      list.add(listed)
    },
  })
  list.end()
  return { list: sink.bytes(), entries }
}

function readAgain(calls: ReadCalls, clock: Pick<Clock, 'now'>, root: Buffer, list: Buffer): void {
  let at = 0
  const takeSync = (): Buffer | undefined => {
    const bytes = list.subarray(at, (at += BLOCK_BYTES))
    return bytes.length === 0 ? undefined : bytes
  }
  const input = {
    backupId: 'again',
    referenceId: LISTED,
    roots: [root],
    exclude: [],
    include: [],
    crossMountPoints: false,
    digest: undefined,
    framed: false,
    neverPaths: [],
    checkpointIntervalMs: undefined,
    resumeFrom: undefined,
  }
  const pipes = { data: new Sink(), list: new Sink(), reference: { takeSync, release: () => undefined } }
  const reporter = new WorkerReporter(
    () => undefined,
    () => clock.now(),
  )
  runReader(input, pipes, { calls, clock, reporter })
}

/** Takes a stream to where it is not needed. */
class Sink implements StreamPipe {
  readonly blockBytes = BLOCK_BYTES
  readonly #block = Buffer.alloc(BLOCK_BYTES)
  readonly #parts: Buffer[] = []

  claimSync(): Buffer {
    return this.#block
  }

  publish(byteLength: number): void {
    this.#parts.push(Buffer.from(this.#block.subarray(0, byteLength)))
  }

  wake(): void {
    return undefined
  }

  end(): void {
    return undefined
  }

  throwIfAborted(): void {
    return undefined
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }
}
