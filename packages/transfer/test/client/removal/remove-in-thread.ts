// Runs a removal in this very thread.
import type { RemovalMoment } from '../../../src/client/removal/remover.ts'
import { type RemovalTotals, runRemoval } from '../../../src/client/removal/run-removal.ts'
import type { TransferWarning } from '../../../src/client/warning.ts'
import { WorkerReporter } from '../../../src/client/worker-reporter.ts'
import type { Posix } from '../../../src/posix/posix.ts'
import { readInThread, type ReadSettings } from '../read-in-thread.ts'

export interface RemoveSettings {
  readonly backupId?: string
  readonly neverPaths?: readonly string[]
  readonly observe?: (moment: RemovalMoment, path: Buffer) => void
  readonly posix?: Posix
}

/** Reads trees that came to rest a while ago: what changed while it was read is not removed. */
export function archiveOf(roots: readonly string[], settings: ReadSettings = {}): Buffer {
  return readInThread(roots, { laterMs: 60_000, ...settings }).list
}

export function removeInThread(
  list: Buffer,
  settings: RemoveSettings = {},
): {
  readonly totals: RemovalTotals
  readonly warnings: readonly TransferWarning[]
  readonly codes: readonly string[]
} {
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
  const { observe, posix, backupId = 'client_1', neverPaths = [] } = settings
  let at = 0
  const totals = runRemoval(
    { backupId, neverPaths: neverPaths.map((path) => Buffer.from(path)) },
    {
      takeSync: () => {
        if (at >= list.length) return undefined
        const piece = Buffer.from(list.subarray(at, at + 3001))
        at += piece.length
        return piece
      },
      release: () => undefined,
    },
    { reporter, ...(observe === undefined ? {} : { observe }), ...(posix === undefined ? {} : { posix }) },
  )
  return { totals, warnings, codes: warnings.map(({ code }) => code) }
}
