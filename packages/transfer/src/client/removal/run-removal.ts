import { NbError, type RemovalCounts } from '@nb/contracts'
import { FileListDecoder, FormatError } from '@nb/formats'
import { AT } from '../../posix/constants.ts'
import { loadPosix, type Posix } from '../../posix/posix.ts'
import { errnoCodeOf } from '../../posix/posix-error.ts'
import type { BlockPipe } from '../block-pipe.ts'
import { identityKey } from '../identity.ts'
import type { WorkerReporter } from '../worker-reporter.ts'
import { type RemovalMoment, Remover } from './remover.ts'

/** What a removal is told. */
export interface RemovalSpec {
  /** The image: its list must say so. */
  readonly backupId: string
  /** Absolute paths that are never removed, nor anything below, whatever leads there. */
  readonly neverPaths: readonly Uint8Array[]
}

/** What a removal has done. */
export interface RemovalTotals extends RemovalCounts {
  readonly warnings: number
}

/** What a run needs beside its input and its pipe. */
export interface RemovalSurroundings {
  readonly reporter: WorkerReporter
  /** @default those of this machine */
  readonly posix?: Posix
  readonly observe?: (moment: RemovalMoment, path: Buffer) => void
}

/**
 * Removes what an archive holds, synchronously, while its list comes in.
 *
 * @throws NbError `not-supported` (no native calls here), `file-list-corrupt`
 */
export function runRemoval(
  spec: RemovalSpec,
  list: Pick<BlockPipe, 'takeSync' | 'release'>,
  { reporter, observe, ...surroundings }: RemovalSurroundings,
): RemovalTotals {
  const posix = surroundings.posix ?? nativeCalls()
  const remover = new Remover({
    posix,
    never: identitiesOf(posix, spec.neverPaths),
    warn: (warning) => reporter.warn(warning),
    tick: (path) =>
      reporter.tick(() => ({
        files: remover.counts.removed + remover.counts.kept,
        bytes: 0,
        currentPath: Buffer.from(path),
      })),
    ...(observe === undefined ? {} : { observe }),
  })
  const decoder = new FileListDecoder()
  try {
    for (let bytes = list.takeSync(); bytes !== undefined; bytes = list.takeSync()) {
      decoder.push(bytes, {
        onHeader: ({ images }) => checkImage(images[0], spec.backupId),
        onRecord: (record) => remover.visit(record),
      })
      list.release()
    }
    decoder.finish()
    remover.finish()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new NbError('file-list-corrupt', `The file list of the archive is damaged: ${error.message}`, {
      cause: error,
    })
  } finally {
    remover.close()
  }
  return { ...remover.counts, warnings: reporter.warnings }
}

function checkImage(found: string | undefined, backupId: string): void {
  if (found === backupId) return
  throw new NbError('file-list-corrupt', `The file list is of ${found ?? 'no image'}, not of ${backupId}.`)
}

function nativeCalls(): Posix {
  const posix = loadPosix()
  if (typeof posix !== 'string') return posix
  throw new NbError(
    'not-supported',
    `Removing archived files needs system calls that follow no link: ${posix}.`,
  )
}

function identitiesOf(posix: Posix, paths: readonly Uint8Array[]): ReadonlySet<string> {
  const never = new Set<string>()
  for (const path of paths) {
    try {
      never.add(identityKey(posix.stat(AT.FDCWD, path)))
    } catch (error) {
      // What is not there can't be met.
      if (errnoCodeOf(error) !== 'ENOENT' && errnoCodeOf(error) !== 'ENOTDIR') throw error
    }
  }
  return never
}
