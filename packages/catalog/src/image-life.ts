import {
  type Catalog,
  type CatalogEvents,
  type Clock,
  type Emitter,
  type Files,
  type ImageCompletion,
  type ImageRecord,
  NbError,
  type SerialQueue,
  type NewImage,
  throwIfAborted,
} from '@nb/contracts'
import { checkName, formatBackupId, nextSeconds } from './backup-id.ts'
import { checkCompletion, checkNewImage } from './check-record.ts'
import { checkStreams } from './check-streams.ts'
import { checkAgainstList, neededImages } from './completion.ts'
import type { HeaderStore } from './header-store.ts'
import { checkShape, stateConflict } from './image-errors.ts'
import type { ImageImport } from './image-import.ts'
import { completedRecord, isCompletionOf, newRecord } from './image-record.ts'
import type { ImageRegistry } from './image-registry.ts'
import type { JobLines } from './job-lines.ts'
import type { ListArrivals } from './list-arrivals.ts'
import { readListFacts } from './list-facts.ts'
import { syncFile } from './sync-file.ts'
import type { TreeLibrary } from './tree-library.ts'

/** What the life of images works with. */
export interface ImageLifeParts {
  readonly registry: ImageRegistry
  readonly headers: HeaderStore
  readonly trees: TreeLibrary
  readonly files: Files
  readonly arrivals: ListArrivals
  readonly imports: ImageImport
  readonly clock: Clock
  readonly lines: JobLines
  readonly events: Emitter<CatalogEvents>
  /** Where all changes of records queue up. */
  readonly changes: SerialQueue
}

type LifeMethods = Pick<Catalog, 'createImage' | 'completeImage' | 'discardImage' | 'forgetImage'>

/**
 * The life of an image.
 *
 * `createImage` begins it `in-progress`. Its list is taken in once (a broken intake begins anew) and sealed, see {@link ListArrivals}.
 * `completeImage` makes it `complete`, `discardImage` gives it up as `discarded`; a complete one becomes `expired`, see `ImageExpiry`.
 * `forgetImage` takes an expired or discarded one away. Changes of state run one after the other, so that an image
 * is never completed upon one that is expiring; reading a list to verify it happens outside of that row.
 */
export class ImageLife implements LifeMethods {
  readonly #parts: ImageLifeParts
  readonly #changes: SerialQueue

  constructor(parts: ImageLifeParts) {
    this.#parts = parts
    this.#changes = parts.changes
  }

  /** Ends all arrivals of lists, and the changes that are under way. */
  async stop(): Promise<void> {
    await this.#parts.arrivals.stop()
    await this.#changes.run(() => Promise.resolve())
  }

  async createImage(input: NewImage, options?: Parameters<Catalog['createImage']>[1]): Promise<ImageRecord> {
    checkShape(() => checkNewImage(input, 'image'))
    checkName('client', input.client)
    checkName('policy', input.policy)
    checkName('schedule', input.schedule)
    checkStreams(input)
    const { registry, clock, lines, events } = this.#parts
    const image = await this.#changes.run(async () => {
      throwIfAborted(options)
      await this.#checkReference(input)
      const now = clock.now()
      const seconds = nextSeconds(now, await registry.lastSeconds(input.client))
      const created = newRecord(input, formatBackupId({ client: input.client, seconds }), now)
      await registry.create(created)
      return created
    })
    events.emit('image:created', { backupId: image.backupId, jobId: image.jobId })
    await lines.step(image, 6, `header and files file of image ${image.backupId} are created`, {
      backupId: image.backupId,
    })
    return image
  }

  async #checkReference({ client, referenceId }: NewImage): Promise<void> {
    if (referenceId === undefined) return
    const reference = await this.#parts.registry.get(referenceId)
    if (reference?.state === 'complete' && reference.client === client) return
    const why =
      reference === undefined ? 'is not in the catalog' : `is ${reference.state} and of ${reference.client}`
    throw new NbError('image-unknown', `the reference ${referenceId} ${why}; run a full backup`, {
      details: { backupId: referenceId },
    })
  }

  async completeImage(
    { backupId, completion }: Parameters<Catalog['completeImage']>[0],
    options?: Parameters<Catalog['completeImage']>[1],
  ): Promise<ImageRecord> {
    checkShape(() => checkCompletion(completion, 'completion'))
    const { registry, headers, files, trees, lines, events, clock } = this.#parts
    const image = await registry.require(backupId)
    if (image.state !== 'in-progress') return this.#completedBefore(image, completion)
    const { fileList } = headers.paths(backupId)
    const intake = this.#parts.arrivals.of(backupId)
    await intake?.abort('the image is being completed')
    const facts = (await intake?.facts(options)) ?? (await readListFacts(files, fileList, options))
    checkAgainstList(image, completion, facts)
    await syncFile(files, fileList)
    await trees.writeIndex(backupId, facts)
    const { record, committed } = await this.#changes.run(async () => {
      throwIfAborted(options)
      const present = await registry.require(backupId)
      // Asked twice at once: the other was first.
      if (present.state !== 'in-progress') return { record: present, committed: false }
      const needed = await neededImages(image, facts, (id) => registry.get(id))
      const completed = completedRecord(present, completion, needed, clock.now())
      const { imports } = this.#parts
      const complete = present.imported === true ? await imports.completed(completed, completion) : completed
      await registry.commit(complete)
      if (present.imported === true) await imports.settled(backupId)
      return { record: complete, committed: true }
    })
    if (!committed) return this.#completedBefore(record, completion)
    this.#parts.arrivals.forget(backupId)
    events.emit('image:completed', { backupId, jobId: record.jobId })
    const { entries, storedEntries } = completion.counts
    const text = `image ${backupId} is verified and browsable: ${entries} entries, ${storedEntries} of them with data here`
    await lines.step(record, 15, text, { backupId, neededImages: record.neededImages })
    return record
  }

  /** Asked again, perhaps because the first answer, or the process that was to give it, was lost. */
  async #completedBefore(image: ImageRecord, completion: ImageCompletion): Promise<ImageRecord> {
    const { backupId } = image
    if (image.state !== 'complete' || !isCompletionOf(image, completion))
      throw stateConflict(image, 'be completed')
    await this.#changes.run(() => this.#parts.registry.reindex(image))
    await this.#parts.lines.step(image, 15, `image ${backupId} is verified and browsable already`, {
      backupId,
    })
    return image
  }

  async discardImage({ backupId, reason }: Parameters<Catalog['discardImage']>[0]): Promise<void> {
    const { registry, lines, events } = this.#parts
    const discarded = await this.#changes.run(async () => {
      const image = await registry.require(backupId)
      if (image.state === 'discarded') return void (await registry.reindex(image))
      if (image.state !== 'in-progress') throw stateConflict(image, 'be discarded')
      await this.#parts.arrivals.of(backupId)?.abort(`the image is discarded: ${reason}`)
      this.#parts.arrivals.forget(backupId)
      const record: ImageRecord = { ...image, state: 'discarded' }
      // What its fragments belong to is not known any more, but they are not garbage: another import may bring them back.
      if (image.imported === true) await this.#parts.imports.giveUp(backupId)
      else await registry.commit(record)
      return record
    })
    if (discarded === undefined) return
    events.emit('image:discarded', { backupId, jobId: discarded.jobId, reason })
    await lines.warning(discarded, `image ${backupId} is discarded: ${reason}`)
  }

  async forgetImage({ backupId }: Parameters<Catalog['forgetImage']>[0]): Promise<void> {
    const { registry, headers, trees } = this.#parts
    await this.#changes.run(async () => {
      registry.refuseDamaged(backupId)
      const image = await headers.read(backupId)
      if (image !== undefined && image.state !== 'expired' && image.state !== 'discarded')
        throw stateConflict(image, 'be forgotten')
      trees.forget(backupId)
      // Also where the header is gone already: an earlier attempt may have been cut short after it.
      if (image !== undefined || (await registry.get(backupId)) !== undefined) await registry.remove(backupId)
    })
  }
}
