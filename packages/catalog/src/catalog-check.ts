import { isDeepStrictEqual } from 'node:util'
import {
  asNbError,
  type CallOptions,
  type CatalogFinding,
  type Files,
  type ImageRecord,
  NbError,
  type SerialQueue,
  throwIfAborted,
} from '@nb/contracts'
import { encodeFileListIndex, FileListRuns, FormatError, groupBatches } from '@nb/formats'
import { parseBackupId } from './backup-id.ts'
import { checkAgainstList, neededImages } from './completion.ts'
import type { HeaderStore } from './header-store.ts'
import type { ImageIndex } from './image-index.ts'
import type { ImageRegistry } from './image-registry.ts'
import type { ListDamage } from './list-damage.ts'
import { isNewerForm, type ListFacts, newerForm, readListFacts } from './list-facts.ts'
import type { TreeLibrary } from './tree-library.ts'

/** What a {@link CatalogCheck} works with. */
export interface CatalogCheckParts {
  readonly files: Files
  readonly headers: HeaderStore
  readonly index: ImageIndex
  readonly registry: ImageRegistry
  readonly trees: TreeLibrary
  readonly damage: ListDamage
  /** Where all changes of records queue up. */
  readonly changes: SerialQueue
}

interface CheckInput {
  readonly client?: string
  readonly repair?: boolean
}

type Finding = Omit<CatalogFinding, 'repair'> & { readonly mend?: () => Promise<unknown> }

/**
 * Verifies all that the catalog has on its disk, part against part: headers, the index over them, file lists with every checksum, sparse
 * indexes, and that images which others need are there. What has a second source is made from it again: the index from the headers, a
 * header from the index, a sparse index from its list.
 *
 * Headers and index are compared in the row of changes, one image at a time, so that nothing is found which is only under way.
 */
export class CatalogCheck {
  readonly #parts: CatalogCheckParts

  constructor(parts: CatalogCheckParts) {
    this.#parts = parts
  }

  async *check(
    { client, repair = false }: CheckInput,
    options?: CallOptions,
  ): AsyncGenerator<CatalogFinding, void, undefined> {
    const { headers, index } = this.#parts
    const clients = new Set<string>()
    const onDisk = new Set<string>()
    for await (const found of headers.folders()) {
      throwIfAborted(options)
      if ('foreign' in found) {
        if (client === undefined) yield await told(foreign(found.foreign), repair)
        continue
      }
      const { backupId } = found
      const owner = parseBackupId(backupId)?.client ?? ''
      onDisk.add(backupId)
      if (client !== undefined && owner !== client) continue
      if (!clients.has(owner)) yield* this.#each(await this.#sequence(owner), repair)
      clients.add(owner)
      const { findings, image } = await this.#row(() => this.#header(backupId), repair)
      yield* findings
      if (image?.state === 'complete') yield* this.#each(await this.#lists(image, options), repair)
    }
    for await (const backupId of index.ids()) {
      throwIfAborted(options)
      const owner = parseBackupId(backupId)?.client
      if (onDisk.has(backupId) || (client !== undefined && owner !== client)) continue
      yield* (await this.#row(() => this.#gone(backupId), repair)).findings
    }
    if (client === undefined) yield* (await this.#row(() => this.#keys(), repair)).findings
  }

  async *#each(
    findings: readonly Finding[],
    repair: boolean,
  ): AsyncGenerator<CatalogFinding, void, undefined> {
    for (const finding of findings) yield await told(finding, repair)
  }

  /** Looks, and mends, in the row of changes. */
  #row(
    look: () => Promise<{ readonly findings: readonly Finding[]; readonly image?: ImageRecord | undefined }>,
    repair: boolean,
  ): Promise<{ readonly findings: readonly CatalogFinding[]; readonly image: ImageRecord | undefined }> {
    return this.#parts.changes.run(async () => {
      const { findings, image } = await look()
      const all: CatalogFinding[] = []
      for (const finding of findings) all.push(await told(finding, repair))
      return { findings: all, image }
    })
  }

  async #sequence(client: string): Promise<Finding[]> {
    try {
      await this.#parts.headers.lastSeconds(client)
      return []
    } catch (error) {
      return [
        {
          ...damageOf(error),
          part: 'sequence',
          consequence: `no image of ${client} can be made, since its id might be given twice`,
        },
      ]
    }
  }

  async #header(backupId: string): Promise<{ readonly findings: Finding[]; readonly image?: ImageRecord }> {
    const { headers, index, registry } = this.#parts
    const { header: path, fileList } = headers.paths(backupId)
    const indexed = await index.getStored(backupId)
    let image: ImageRecord | undefined
    try {
      image = await headers.read(backupId)
      if (image === undefined) {
        const listBytes = (await this.#parts.files.stat(fileList))?.sizeBytes ?? 0
        // What a creation that was cut short has left; the next start takes it away.
        if (indexed === undefined && listBytes === 0) return { findings: [] }
        throw new NbError('store-corrupt', `the header of image ${backupId} is missing`, {
          details: { backupId, path },
        })
      }
    } catch (error) {
      const common = { ...damageOf(error), backupId, path, part: 'header' } as const
      const consequence = isNewer(error)
        ? leftAlone
        : 'the image is listed nowhere after the next start, and can neither be restored from nor expire'
      if (indexed === undefined || asNbError(error).code !== 'store-corrupt')
        return { findings: [{ ...common, consequence }] }
      return { findings: [{ ...common, consequence, mend: () => registry.commit(indexed) }] }
    }
    const findings: Finding[] = []
    if (registry.isDamaged(backupId))
      findings.push({
        backupId,
        path,
        part: 'header',
        problem: 'the header, which could not be read at the start, is sound',
        consequence: 'calls that name the image are refused until it is taken in again',
        mend: () => registry.takeIn(image),
      })
    else if (!isDeepStrictEqual(indexed, image))
      findings.push({
        backupId,
        path,
        part: 'index',
        problem:
          indexed === undefined
            ? 'the image is not in the index'
            : 'the index has another record than the header',
        consequence: 'the image is listed wrongly, or not found',
        mend: () => registry.reindex(image),
      })
    return { findings, image }
  }

  async #gone(backupId: string): Promise<{ readonly findings: Finding[] }> {
    const { headers, index } = this.#parts
    if ((await headers.stamp(backupId)) !== undefined || (await index.getStored(backupId)) === undefined)
      return { findings: [] }
    return {
      findings: [
        {
          backupId,
          path: headers.paths(backupId).folder,
          part: 'index',
          problem: 'the index has an image that is not on the disk',
          consequence:
            'the image is listed and can not be browsed; if it was deleted by mistake, import it from its medium',
          mend: () => index.set(backupId, undefined),
        },
      ],
    }
  }

  async #keys(): Promise<{ readonly findings: Finding[] }> {
    const { index } = this.#parts
    if (await index.isSound()) return { findings: [] }
    return {
      findings: [
        {
          path: 'the index database',
          part: 'index',
          problem: 'the keys of the index are not those of its records',
          consequence: 'images are not found, or under wrong names and times',
          mend: () => index.makeKeys(),
        },
      ],
    }
  }

  async #lists(image: ImageRecord, options: CallOptions | undefined): Promise<Finding[]> {
    const { files, headers, damage, registry, trees } = this.#parts
    const { backupId, counts, copies, status } = image
    const { fileList: path, index: indexPath } = headers.paths(backupId)
    let facts: ListFacts
    try {
      facts = await readListFacts(files, path, options)
      const totals = { status: status === 1 ? 1 : 0, copies, fileList: facts.totals } as const
      if (counts !== undefined) checkAgainstList(image, { ...totals, counts }, facts)
    } catch (error) {
      throwIfAborted(options)
      // It may have ended meanwhile, and its list be gone.
      if ((await registry.get(backupId))?.state !== 'complete') return []
      const inconsistent = asNbError(error).code === 'image-inconsistent'
      if (!inconsistent) await damage.noted(backupId, error)
      const consequence = inconsistent
        ? 'record and list do not belong together; a restore may lack files'
        : isNewer(error)
          ? leftAlone
          : 'what lies in damaged batches can not be browsed or restored by name; the rest can'
      return [{ ...damageOf(error), backupId, path, part: 'file-list', consequence }]
    }
    const there = await files.readFile(indexPath)
    const newer = newerIndex(indexPath, there)
    if (newer !== undefined)
      return [{ ...damageOf(newer), backupId, part: 'sparse-index', consequence: leftAlone }]
    const findings: Finding[] = []
    if (image.damaged !== undefined)
      findings.push({
        backupId,
        path,
        part: 'file-list',
        problem: 'the list, which was found damaged earlier, is sound',
        consequence: 'the image counts as damaged, and nothing is built upon it',
        mend: () => damage.sound(image),
      })
    if (there === undefined || !isIndexOf(facts, there))
      findings.push({
        backupId,
        path: indexPath,
        part: 'sparse-index',
        problem:
          there === undefined ? 'the sparse index is missing' : 'the sparse index is not that of the list',
        consequence: 'the first lookup reads the whole list',
        mend: async () => {
          await trees.writeIndex(backupId, facts)
          trees.forget(backupId)
        },
      })
    try {
      const needed = await neededImages(image, facts, (id) => registry.get(id))
      if (!isDeepStrictEqual(needed, image.neededImages))
        findings.push({
          backupId,
          path,
          part: 'needed-images',
          problem: `the record needs ${image.neededImages.join(', ') || 'no image'}, the list ${needed.join(', ') || 'none'}`,
          consequence: 'an image that this one needs may expire before it',
        })
    } catch (error) {
      findings.push({
        ...damageOf(error),
        backupId,
        path,
        part: 'needed-images',
        consequence: 'files whose data is in the image that is missing can not be restored from this one',
      })
    }
    return (await registry.get(backupId))?.state === 'complete' ? findings : []
  }
}

/** The consequence of what a newer version wrote. */
const leftAlone =
  'the image is refused until the newer version runs again; nothing of it is touched or repaired here'

function isNewer(error: unknown): boolean {
  return asNbError(error).code === 'version-unsupported'
}

/** The error of a sparse index that a newer version wrote; `undefined` for any other. */
function newerIndex(path: string, content: Buffer | undefined): NbError | undefined {
  try {
    if (content !== undefined) FileListRuns.decode(content)
    return undefined
  } catch (error) {
    if (isNewerForm(error)) return newerForm('index', path, error)
    // What else may be wrong with it is found by comparing it with the list.
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** Whether an index is that of a list: with its batches put together, or each alone, as they were before. */
function isIndexOf({ batches, totals }: ListFacts, there: Buffer): boolean {
  return [groupBatches(batches), batches].some((entries) =>
    encodeFileListIndex({
      batches: entries,
      entryCount: totals.entries,
      fileListBytes: totals.bytes,
    }).equals(there),
  )
}

function foreign(path: string): Finding {
  return {
    path,
    part: 'foreign',
    problem: 'it is no image, and no part of one',
    consequence: 'none: it is left alone',
  }
}

function damageOf(error: unknown): Pick<Finding, 'path' | 'problem'> {
  const { message, details } = asNbError(error)
  const { path } = details
  return { path: typeof path === 'string' ? path : '', problem: message }
}

async function told({ mend, ...finding }: Finding, repair: boolean): Promise<CatalogFinding> {
  if (mend === undefined) return { ...finding, repair: 'none' }
  if (!repair) return { ...finding, repair: 'possible' }
  await mend()
  return { ...finding, repair: 'done' }
}
