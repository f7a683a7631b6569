import {
  type Catalog,
  type DataChannels,
  type Files,
  type ImageRecord,
  type Logger,
  NbError,
  counted,
  throwIfAborted,
} from '@nb/contracts'
import { checkTotals } from './check-record.ts'
import { checkListTotals } from './completion.ts'
import { type HeaderStore, unknownImage } from './header-store.ts'
import { busy, checkShape, stateConflict } from './image-errors.ts'
import type { ImageRegistry } from './image-registry.ts'
import type { JobLines } from './job-lines.ts'
import { readListTotals } from './list-facts.ts'
import { ListIntake } from './list-intake.ts'
import { orAborted } from './or-aborted.ts'
import { syncFile } from './sync-file.ts'

/** What the arrivals of lists work with. */
export interface ListArrivalsParts {
  readonly registry: ImageRegistry
  readonly headers: HeaderStore
  readonly files: Files
  readonly channels: DataChannels
  readonly lines: JobLines
  readonly logger: Logger
  /** How long a ticket stays good, milliseconds. */
  readonly ticketTimeoutMs: number
}

type ArrivalMethods = Pick<Catalog, 'appendFileList' | 'sealFileList' | 'syncFileList'>

/** The lists that arrive, one at a time for each image in progress, until its image is completed or discarded. */
export class ListArrivals implements ArrivalMethods {
  readonly #parts: ListArrivalsParts
  readonly #intakes = new Map<string, ListIntake>()
  readonly #beginning = new Set<string>()

  constructor(parts: ListArrivalsParts) {
    this.#parts = parts
  }

  /** Ends all intakes; what they have taken stays until the image is completed or discarded. */
  async stop(): Promise<void> {
    await Promise.all([...this.#intakes.values()].map((intake) => intake.abort('the catalog is stopping')))
    this.#intakes.clear()
  }

  /** The last intake of an image, if there was one since the start. */
  of(backupId: string): ListIntake | undefined {
    return this.#intakes.get(backupId)
  }

  /** The image takes no list any more. */
  forget(backupId: string): void {
    this.#intakes.delete(backupId)
  }

  async appendFileList(
    { backupId, after, peer }: Parameters<Catalog['appendFileList']>[0],
    options?: Parameters<Catalog['appendFileList']>[1],
  ): ReturnType<Catalog['appendFileList']> {
    throwIfAborted(options)
    if (after !== undefined) checkShape(() => checkTotals(after, 'after'))
    const { headers, lines, channels, files, logger, ticketTimeoutMs } = this.#parts
    if (this.#beginning.has(backupId)) throw busy(backupId)
    this.#beginning.add(backupId)
    try {
      const image = await this.#inProgress(backupId)
      const before = this.#intakes.get(backupId)
      const path = headers.paths(backupId).fileList
      if (after !== undefined) {
        // Whoever sent it is gone; that may be noticed here much later.
        if (before?.state === 'open') await before.abort('the list goes on over another channel')
        checkListTotals(backupId, after, await readListTotals(files, path, options, after.bytes))
      } else if (before !== undefined && before.state !== 'broken') throw busy(backupId)
      const onFirstBatch = (entries: number): void =>
        void lines.step(image, 11, `the file list arrives, ${counted(entries, 'entry', 'entries')} so far`)
      const parts = { files, channels, logger, ticketTimeoutMs, onFirstBatch }
      const place = {
        ...{ backupId, path },
        ...(after === undefined ? {} : { after }),
        ...(peer === undefined ? {} : { peer }),
      }
      const intake = await ListIntake.begin(parts, place)
      this.#intakes.set(backupId, intake)
      return { ticket: intake.ticket }
    } finally {
      this.#beginning.delete(backupId)
    }
  }

  async sealFileList(
    { backupId, totals }: Parameters<Catalog['sealFileList']>[0],
    options?: Parameters<Catalog['sealFileList']>[1],
  ): Promise<void> {
    checkShape(() => checkTotals(totals, 'totals'))
    const { headers, files, lines } = this.#parts
    const image = await this.#inProgress(backupId)
    const { fileList } = headers.paths(backupId)
    const intake = this.#intakes.get(backupId)
    // What was counted as it came need not be read again.
    const found =
      intake === undefined
        ? await readListTotals(files, fileList, options)
        : await orAborted(intake.received, options?.signal).catch(asBrokenList(backupId))
    checkListTotals(backupId, totals, found)
    await syncFile(files, fileList)
    await lines.step(
      image,
      11,
      `the file list is whole and durable: ${counted(totals.entries, 'entry', 'entries')} in ${counted(totals.batches, 'batch', 'batches')}, ${totals.bytes} bytes`,
      { ...totals },
    )
  }

  async syncFileList(
    { backupId, totals }: Parameters<Catalog['syncFileList']>[0],
    options?: Parameters<Catalog['syncFileList']>[1],
  ): Promise<void> {
    checkShape(() => checkTotals(totals, 'totals'))
    const { headers, files } = this.#parts
    await this.#inProgress(backupId)
    const { fileList } = headers.paths(backupId)
    const whole = await this.#intakes.get(backupId)?.arrived(totals.bytes, options?.signal)
    // What was counted as it came need not be read again.
    const found =
      whole?.bytes === totals.bytes ? whole : await readListTotals(files, fileList, options, totals.bytes)
    checkListTotals(backupId, totals, found)
    await syncFile(files, fileList)
  }

  async #inProgress(backupId: string): Promise<ImageRecord> {
    const image = await this.#parts.registry.get(backupId)
    if (image === undefined) throw unknownImage(backupId)
    if (image.state !== 'in-progress') throw stateConflict(image, 'take a file list')
    return image
  }
}

function asBrokenList(backupId: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof NbError) || error.code !== 'channel-broken') throw error
    throw new NbError(
      'file-list-corrupt',
      `the file list of image ${backupId} did not arrive whole: ${error.message}`,
      {
        details: { backupId },
        cause: error,
        // Nothing is wrong with what the catalog has: the connection was lost.
        status: error.status,
        retryable: error.retryable,
      },
    )
  }
}
