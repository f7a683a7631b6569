import { isDeepStrictEqual } from 'node:util'
import {
  type Catalog,
  type CatalogEvents,
  type Clock,
  type DataChannels,
  type Emitter,
  type Files,
  type ImageCompletion,
  type ImageCopy,
  type ImageRecord,
  type Logger,
  NbError,
  type SerialQueue,
  type NewImage,
  counted,
  throwIfAborted,
} from '@nb/contracts'
import { checkName, formatBackupId, nextSeconds, parseBackupId } from './backup-id.ts'
import { checkCompletion, checkCopy, checkImageRecord, checkNewImage, checkTotals } from './check-record.ts'
import { checkStreams } from './check-streams.ts'
import { checkAgainstList, checkListTotals, copyFault, neededImages } from './completion.ts'
import { planExpiry } from './expiry.ts'
import { type HeaderStore, unknownImage } from './header-store.ts'
import { busy, checkShape, needed, stateConflict } from './image-errors.ts'
import type { ImageIndex } from './image-index.ts'
import { completedRecord, importedRecord, isCompletionOf, newRecord } from './image-record.ts'
import type { ImageRegistry } from './image-registry.ts'
import type { JobLines } from './job-lines.ts'
import { readListFacts, readListTotals } from './list-facts.ts'
import { ListIntake } from './list-intake.ts'
import { orAborted } from './or-aborted.ts'
import type { TreeLibrary } from './tree-library.ts'

/** What the life of images works with. */
export interface ImageLifeParts {
  readonly registry: ImageRegistry
  readonly index: ImageIndex
  readonly headers: HeaderStore
  readonly trees: TreeLibrary
  readonly files: Files
  readonly channels: DataChannels
  readonly clock: Clock
  readonly lines: JobLines
  readonly events: Emitter<CatalogEvents>
  readonly logger: Logger
  /** Where all changes of records queue up. */
  readonly changes: SerialQueue
  readonly ticketTimeoutMs: number
}

type LifeMethods = Pick<
  Catalog,
  | 'createImage'
  | 'importImage'
  | 'appendFileList'
  | 'sealFileList'
  | 'syncFileList'
  | 'completeImage'
  | 'addCopy'
  | 'promoteCopy'
  | 'removeCopy'
  | 'discardImage'
  | 'expireImage'
  | 'expireDue'
  | 'forgetImage'
>

/**
 * The life of an image.
 *
 * `createImage` begins it `in-progress`. Its list is taken in once (a broken intake begins anew) and sealed.
 * `completeImage` makes it `complete`, `discardImage` gives it up as `discarded`; a complete one becomes `expired`.
 * `forgetImage` takes an expired or discarded one away. Changes of state run one after the other, so that an image
 * is never completed upon one that is expiring; reading a list to verify it happens outside of that row.
 */
export class ImageLife implements LifeMethods {
  readonly #parts: ImageLifeParts
  readonly #changes: SerialQueue
  readonly #intakes = new Map<string, ListIntake>()
  readonly #beginning = new Set<string>()

  constructor(parts: ImageLifeParts) {
    this.#parts = parts
    this.#changes = parts.changes
  }

  /** Ends all intakes; what they have taken stays until the image is completed or discarded. */
  async stop(): Promise<void> {
    await Promise.all([...this.#intakes.values()].map((intake) => intake.abort('the catalog is stopping')))
    this.#intakes.clear()
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

  async importImage(
    { image: told, jobId }: Parameters<Catalog['importImage']>[0],
    options?: Parameters<Catalog['importImage']>[1],
  ): Promise<ImageRecord> {
    const { registry, events, lines } = this.#parts
    const image = toldRecord(told)
    const { backupId } = image
    await this.#changes.run(async () => {
      throwIfAborted(options)
      const present = await registry.get(backupId)
      if (present !== undefined)
        throw new NbError('already-exists', `image ${backupId} is in the catalog, ${present.state}`, {
          details: { backupId, state: present.state },
        })
      await registry.create(importedRecord(image, jobId))
    })
    events.emit('image:created', { backupId, jobId })
    const imported = await registry.require(backupId)
    await lines.info(imported, `header and files file of image ${backupId} are made for its import`)
    return imported
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

  async appendFileList(
    { backupId, after }: Parameters<Catalog['appendFileList']>[0],
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
      const place = { backupId, path, ...(after === undefined ? {} : { after }) }
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

  async completeImage(
    { backupId, completion }: Parameters<Catalog['completeImage']>[0],
    options?: Parameters<Catalog['completeImage']>[1],
  ): Promise<ImageRecord> {
    checkShape(() => checkCompletion(completion, 'completion'))
    const { registry, headers, files, trees, lines, events, clock } = this.#parts
    const image = await registry.require(backupId)
    if (image.state !== 'in-progress') return this.#completedBefore(image, completion)
    const { fileList } = headers.paths(backupId)
    const intake = this.#intakes.get(backupId)
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
      const complete = completedRecord(present, completion, needed, clock.now())
      await registry.commit(complete)
      return { record: complete, committed: true }
    })
    if (!committed) return this.#completedBefore(record, completion)
    this.#intakes.delete(backupId)
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

  async addCopy({ backupId, copy }: Parameters<Catalog['addCopy']>[0]): Promise<ImageRecord> {
    checkShape(() => checkCopy(copy, 'copy'))
    return this.#changeCopies(backupId, 'get a copy', (image) => {
      const present = image.copies.find((other) => other.copy === copy.copy)
      if (present !== undefined && isDeepStrictEqual(present, copy)) return undefined
      if (present !== undefined)
        throw new NbError('already-exists', `image ${backupId} has another copy ${copy.copy}`, {
          details: { backupId, copy: copy.copy },
        })
      const fault = copyFault(copy, image.counts?.streamBytes ?? 0)
      if (fault !== undefined)
        throw new NbError('image-inconsistent', `copy ${copy.copy} of image ${backupId}: ${fault}`, {
          details: { backupId },
        })
      return [...image.copies, copy]
    })
  }

  async promoteCopy({ backupId, copy }: Parameters<Catalog['promoteCopy']>[0]): Promise<ImageRecord> {
    return this.#changeCopies(backupId, 'change its copies', ({ copies }) => {
      const chosen = copies.find((each) => each.copy === copy)
      if (chosen === undefined)
        throw new NbError('not-found', `image ${backupId} has no copy ${copy}`, {
          details: { backupId, copy },
        })
      return copies[0] === chosen ? undefined : [chosen, ...copies.filter((each) => each !== chosen)]
    })
  }

  async removeCopy({ backupId, copy }: Parameters<Catalog['removeCopy']>[0]): Promise<ImageRecord> {
    return this.#changeCopies(backupId, 'lose a copy', (image) => {
      const left = image.copies.filter((each) => each.copy !== copy)
      if (left.length === image.copies.length) return undefined
      if (left.length === 0)
        throw new NbError(
          'state-conflict',
          `copy ${copy} is the last of image ${backupId}: expire the image`,
          {
            details: { backupId, copy },
          },
        )
      return left
    })
  }

  /** Commits other copies of a complete image; `undefined` leaves it as it is. */
  #changeCopies(
    backupId: string,
    what: string,
    change: (image: ImageRecord) => ImageRecord['copies'] | undefined,
  ): Promise<ImageRecord> {
    const { registry } = this.#parts
    return this.#changes.run(async () => {
      const image = await registry.require(backupId)
      if (image.state !== 'complete') throw stateConflict(image, what)
      const copies = change(image)
      const changed = copies === undefined ? image : { ...image, copies }
      await (copies === undefined ? registry.reindex(image) : registry.commit(changed))
      return changed
    })
  }

  async discardImage({ backupId, reason }: Parameters<Catalog['discardImage']>[0]): Promise<void> {
    const { registry, lines, events } = this.#parts
    const discarded = await this.#changes.run(async () => {
      const image = await registry.require(backupId)
      if (image.state === 'discarded') return void (await registry.reindex(image))
      if (image.state !== 'in-progress') throw stateConflict(image, 'be discarded')
      await this.#intakes.get(backupId)?.abort(`the image is discarded: ${reason}`)
      this.#intakes.delete(backupId)
      const record: ImageRecord = { ...image, state: 'discarded' }
      // What its fragments belong to is not known any more, but they are not garbage: another import may bring them back.
      if (image.imported === true) await registry.remove(backupId)
      else await registry.commit(record)
      return record
    })
    if (discarded === undefined) return
    events.emit('image:discarded', { backupId, jobId: discarded.jobId, reason })
    await lines.warning(discarded, `image ${backupId} is discarded: ${reason}`)
  }

  async expireImage({ backupId, force }: Parameters<Catalog['expireImage']>[0]): Promise<void> {
    const expired = await this.#changes.run(async () => {
      const image = await this.#parts.registry.require(backupId)
      if (image.state === 'expired') {
        await this.#parts.registry.reindex(image)
        return false
      }
      if (image.state !== 'complete') throw stateConflict(image, 'expire')
      const dependants = await this.#dependants(image)
      if (dependants.length > 0 && force !== true) throw needed(backupId, dependants)
      await this.#expire(image)
      return true
    })
    if (expired) this.#parts.events.emit('image:expired', { backupId })
  }

  /** Who needs an image's data: images that say so, and those that might and can't be read. */
  async #dependants({ backupId }: ImageRecord): Promise<readonly string[]> {
    const { index, registry } = this.#parts
    return [...(await index.neededBy(backupId)), ...registry.damagedAfter(backupId)]
  }

  async #expire(image: ImageRecord): Promise<void> {
    await this.#parts.registry.commit({ ...image, state: 'expired' })
    this.#parts.trees.forget(image.backupId)
  }

  async expireDue(
    _input: Record<string, never>,
    options?: Parameters<Catalog['expireDue']>[1],
  ): ReturnType<Catalog['expireDue']> {
    const { index, registry, clock, events } = this.#parts
    return this.#changes.run(async () => {
      const now = clock.now()
      const due: ImageRecord[] = []
      const withDueCopies: ImageRecord[] = []
      const neededBy = new Map<string, readonly string[]>()
      for await (const image of index.due(now)) {
        if ((image.expiresAt ?? Infinity) > now) {
          withDueCopies.push(image)
          continue
        }
        due.push(image)
        neededBy.set(image.backupId, await this.#dependants(image))
      }
      const plan = planExpiry(due, neededBy)
      for (const backupId of plan.expire) {
        throwIfAborted(options)
        await this.#expire(await registry.require(backupId))
        events.emit('image:expired', { backupId })
      }
      const copies = await this.#dueCopies(withDueCopies, now)
      const images = { expired: plan.expire, held: plan.held }
      return copies.length === 0 ? images : { ...images, copies }
    })
  }

  /** The copies that are due of images that stay, each of which keeps one at least; they are put last. */
  async #dueCopies(
    images: readonly ImageRecord[],
    now: number,
  ): Promise<readonly { readonly backupId: string; readonly copy: ImageCopy }[]> {
    const found: { readonly backupId: string; readonly copy: ImageCopy }[] = []
    for (const { backupId } of images) {
      const image = await this.#parts.registry.require(backupId)
      const isDue = ({ expiresAt = Infinity }: ImageCopy): boolean => expiresAt <= now
      const kept = image.copies.filter((copy) => !isDue(copy))
      if (kept.length === 0) continue
      const gone = image.copies.filter(isDue)
      const copies = [...kept, ...gone]
      if (copies.some((copy, index) => copy !== image.copies[index]))
        await this.#parts.registry.commit({ ...image, copies })
      for (const copy of gone) found.push({ backupId, copy })
    }
    return found
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

  async #inProgress(backupId: string): Promise<ImageRecord> {
    const image = await this.#parts.registry.get(backupId)
    if (image === undefined) throw unknownImage(backupId)
    if (image.state !== 'in-progress') throw stateConflict(image, 'take a file list')
    return image
  }
}

/** What a medium tells as an image record. Rejects with `argument-invalid`. */
function toldRecord(told: unknown): ImageRecord {
  checkShape(() => checkImageRecord(told))
  const image = told as ImageRecord
  for (const field of ['client', 'policy', 'schedule'] as const) checkName(field, image[field])
  checkStreams(image)
  if (parseBackupId(image.backupId)?.client !== image.client)
    throw new NbError(
      'argument-invalid',
      `${image.backupId} is no id of an image of client ${image.client}`,
      {
        details: { field: 'image.backupId' },
      },
    )
  return image
}

async function syncFile(files: Files, path: string): Promise<void> {
  const file = await files.open(path, 'update')
  await file.sync().finally(() => file.close())
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
        retryable: error.retryable,
      },
    )
  }
}
