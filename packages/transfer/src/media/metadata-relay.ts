import { type DataChannel, type FileListTotals, NbError, readChannel } from '@nb/contracts'
import { FormatError } from '@nb/formats'
import { BatchCutter } from './batch-cutter.ts'
import type { KeptFileList } from './kept-file-list.ts'

/** Between whom a file list travels. */
export interface MetadataRoute {
  readonly client: DataChannel
  readonly catalog: Pick<DataChannel, 'write' | 'end'>
  readonly kept: KeptFileList
  /** What the catalog has of the list already: only what follows comes, behind the list's header. @default nothing */
  readonly after?: FileListTotals
  /** Called when something has come. */
  readonly onActivity: () => void
  /** Called when whole batches have been passed on, with the totals of the list so far; more are taken when it is done. */
  readonly onPassed?: (progress: ListProgress) => Promise<void> | undefined
}

/** How far a list is. */
export type ListProgress = FileListTotals

/**
 * Step 11: passes the file list on from the client to the catalog, batch by batch and checked but not decoded, and
 * keeps the batches for the fragment's trailer. Resolves with the totals when both sides have ended.
 * Rejects with `file-list-corrupt`, `channel-broken`.
 */
export async function relayFileList({
  client,
  catalog,
  kept,
  after = { bytes: 0, batches: 0, entries: 0 },
  onActivity,
  onPassed,
}: MetadataRoute): Promise<FileListTotals> {
  const cutter = new BatchCutter()
  // The header of a list that goes on was counted with what is there.
  const totals = (): FileListTotals => ({
    bytes: after.bytes + cutter.totals.bytes - (after.bytes === 0 ? 0 : kept.headerBytes),
    batches: after.batches + cutter.totals.batches,
    entries: after.entries + cutter.totals.entries,
  })
  const pass = async (whole: Buffer): Promise<void> => {
    if (whole.length === 0) return
    kept.add(whole)
    await catalog.write(whole)
    await onPassed?.(totals())
  }
  for await (const chunk of readChannel(client)) {
    onActivity()
    await pass(checked(() => cutter.push(chunk)))
  }
  await pass(checked(() => cutter.finish()))
  await catalog.end()
  return totals()
}

function checked<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new NbError('file-list-corrupt', `The client's file list is damaged: ${error.message}`, {
      cause: error,
      details: { format: error.code, offset: error.offset },
    })
  }
}
