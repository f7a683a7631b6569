import { isDeepStrictEqual } from 'node:util'
import {
  asNbError,
  type CallOptions,
  type Catalog,
  type CatalogEvents,
  type Emitter,
  type Files,
  type ImageCompletion,
  type ImageRecord,
  type Logger,
  NbError,
  type SerialQueue,
  throwIfAborted,
} from '@nb/contracts'
import { checkAgainstList } from './completion.ts'
import type { HeaderStore } from './header-store.ts'
import { importedRecord } from './image-record.ts'
import type { ImageRegistry } from './image-registry.ts'
import type { JobLines } from './job-lines.ts'
import { readListFacts } from './list-facts.ts'
import { PutAside } from './put-aside.ts'
import { toldRecord } from './told-record.ts'
import type { TreeLibrary } from './tree-library.ts'

/** What imports work with. */
export interface ImageImportParts {
  readonly registry: ImageRegistry
  readonly headers: HeaderStore
  readonly trees: TreeLibrary
  readonly files: Files
  readonly lines: JobLines
  readonly events: Emitter<CatalogEvents>
  /** Where all changes of records queue up. */
  readonly changes: SerialQueue
  readonly logger: Logger
}

/** How images come back that their own fragments tell of: those that are not here, and where asked for those that are damaged here. */
export class ImageImport implements Pick<Catalog, 'importImage'> {
  readonly #parts: ImageImportParts

  constructor(parts: ImageImportParts) {
    this.#parts = parts
  }

  async importImage(
    { image: told, jobId, replaceDamaged = false }: Parameters<Catalog['importImage']>[0],
    options?: CallOptions,
  ): Promise<ImageRecord> {
    const { registry, events, lines, changes } = this.#parts
    const image = toldRecord(told)
    const { backupId } = image
    const damage = replaceDamaged ? await this.#damage(backupId, options) : undefined
    await changes.run(async () => {
      throwIfAborted(options)
      if (damage !== undefined) return this.#replace(image, jobId)
      const present = await registry.get(backupId)
      if (present !== undefined) throw alreadyThere(present)
      await registry.create(importedRecord(image, jobId))
    })
    events.emit('image:created', { backupId, jobId })
    const imported = await registry.require(backupId)
    const text =
      damage === undefined
        ? `header and files file of image ${backupId} are made for its import`
        : `image ${backupId} is damaged here and is made again; its old parts are put aside: ${damage}`
    await lines.info(imported, text)
    return imported
  }

  /** What is wrong with the header or the list of an image that is here, read anew; `undefined` for nothing. */
  async #damage(backupId: string, options: CallOptions | undefined): Promise<string | undefined> {
    const { registry, headers, files } = this.#parts
    try {
      const image = await headers.read(backupId)
      if (image === undefined) return (await registry.isKnown(backupId)) ? 'its header is missing' : undefined
      if (image.state !== 'complete') return undefined
      const { counts, copies, status } = image
      const facts = await readListFacts(files, headers.paths(backupId).fileList, options)
      if (counts !== undefined)
        checkAgainstList(
          image,
          { status: status === 1 ? 1 : 0, counts, copies, fileList: facts.totals },
          facts,
        )
      // Mended on the disk since.
      if (registry.isDamaged(backupId)) await this.#parts.changes.run(() => registry.takeIn(image))
      return undefined
    } catch (error) {
      throwIfAborted(options)
      const { code, message } = asNbError(error)
      if (code === 'store-corrupt' || code === 'file-list-corrupt' || code === 'image-inconsistent')
        return message
      throw error
    }
  }

  /** Begins the image anew, its damaged parts put aside. */
  async #replace(image: ImageRecord, jobId: string): Promise<void> {
    const { registry, trees } = this.#parts
    const { backupId } = image
    const present = await this.#readable(backupId)
    if (present !== undefined && present.state !== 'complete') throw alreadyThere(present)
    if (present !== undefined && !isSameBackup(present, image))
      throw new NbError('image-inconsistent', `what the medium has as image ${backupId} is another backup`, {
        details: { backupId },
        retryable: false,
      })
    trees.forget(backupId)
    // What it needs is kept until it is complete again.
    const neededImages = present?.neededImages ?? image.neededImages
    const aside = this.#aside(backupId)
    try {
      await registry.beginAgain({ ...importedRecord(image, jobId), neededImages }, aside)
    } catch (error) {
      // Where this fails too the next start finds an image in progress that no job works on, and gives it up.
      if (await aside.isThere()) await this.giveUp(backupId)
      throw error
    }
  }

  async #readable(backupId: string): Promise<ImageRecord | undefined> {
    try {
      return await this.#parts.headers.read(backupId)
    } catch (error) {
      if (asNbError(error).code === 'store-corrupt') return undefined
      throw error
    }
  }

  #aside(backupId: string): PutAside {
    return new PutAside(this.#parts.files, this.#parts.headers.paths(backupId))
  }

  /**
   * The record as it is to be committed: of one that replaces another, what was known of that one stays, with all its copies.
   * Throws `image-inconsistent`.
   */
  async completed(complete: ImageRecord, { counts }: ImageCompletion): Promise<ImageRecord> {
    const { backupId } = complete
    const before = await this.#aside(backupId).record(backupId)
    if (before?.state !== 'complete') return complete
    if (!isDeepStrictEqual(before.counts, counts))
      throw new NbError(
        'image-inconsistent',
        `the medium and the catalog count image ${backupId} differently`,
        {
          details: { backupId },
          retryable: false,
        },
      )
    const { damaged: _, ...lasting } = before
    const { neededImages, copies } = complete
    const more = copies.filter(({ copy }) => !before.copies.some((other) => other.copy === copy))
    return { ...lasting, neededImages, copies: [...before.copies, ...more] }
  }

  /** The image is complete: what it replaced is not needed any more. */
  async settled(backupId: string): Promise<void> {
    await this.#aside(backupId)
      .forget()
      .catch((error: unknown) => {
        this.#parts.logger.error('what image %s replaced stays until it expires: %o', backupId, error)
      })
    this.#parts.registry.againComplete(backupId)
    this.#parts.trees.forget(backupId)
  }

  /** Gives an import up: nothing stays of it, or what it was to replace is there again, as damaged as it was. */
  async giveUp(backupId: string): Promise<void> {
    const { registry, trees } = this.#parts
    const aside = this.#aside(backupId)
    if (!(await aside.isThere())) return registry.remove(backupId)
    trees.forget(backupId)
    await aside.putBack()
    await registry.readAgain(backupId)
  }
}

function alreadyThere({ backupId, state }: ImageRecord): NbError {
  return new NbError('already-exists', `image ${backupId} is in the catalog, ${state}`, {
    details: { backupId, state },
  })
}

function isSameBackup(one: ImageRecord, other: ImageRecord): boolean {
  const facts = ({ backupTime, client, policy, schedule, scheduleType, stream }: ImageRecord): object => ({
    backupTime,
    client,
    policy,
    schedule,
    scheduleType,
    stream,
  })
  return isDeepStrictEqual(facts(one), facts(other))
}
