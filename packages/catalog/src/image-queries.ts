import {
  type CallOptions,
  type Catalog,
  type Clock,
  type FileEntry,
  type FileSearch,
  type ImageFilter,
  type ImageRecord,
  NbError,
  type Path,
  throwIfAborted,
  toPath,
  type TreeQuery,
} from '@nb/contracts'
import type { FileListHeader, FileRecord } from '@nb/formats'
import { candidates, notBackedUp } from './choose-image.ts'
import { askedPath, stateKey, toFileEntry } from './file-entry.ts'
import { encodeName } from './image-folder.ts'
import type { ImageIndex } from './image-index.ts'
import type { ImageRegistry } from './image-registry.ts'
import type { ListDamage } from './list-damage.ts'
import { SeenRuns } from './list-lookup.ts'
import { mapAhead } from './map-ahead.ts'
import type { ListOutflows } from './list-outflow.ts'
import { searchEntries } from './search/search-entries.ts'
import type { TreeLibrary } from './tree-library.ts'
import { type UnionEntry, UnionTree } from './union-tree.ts'

/** What questions to the catalog work with. */
export interface ImageQueriesParts {
  readonly registry: ImageRegistry
  readonly index: ImageIndex
  readonly trees: TreeLibrary
  readonly damage: ListDamage
  readonly outflows: ListOutflows
  readonly clock: Clock
}

/** What an image's list says of a path. */
interface FoundState {
  readonly image: ImageRecord
  readonly record: FileRecord | undefined
  readonly header: FileListHeader
}

type QueryMethods = Pick<
  Catalog,
  'getImage' | 'listImages' | 'browse' | 'versions' | 'search' | 'treeImages' | 'readFileList'
>

const root = Buffer.from('/')
/** Images that a path is looked up in at once. */
const imagesAtOnce = 16
/** The latest moment that a date can say. */
const latestTime = 8.64e15

/** Answers questions about images and what is in them. */
export class ImageQueries implements QueryMethods {
  readonly #parts: ImageQueriesParts

  constructor(parts: ImageQueriesParts) {
    this.#parts = parts
  }

  async getImage(
    { backupId }: { readonly backupId: string },
    options?: CallOptions,
  ): Promise<ImageRecord | undefined> {
    throwIfAborted(options)
    return this.#parts.registry.get(backupId)
  }

  async *listImages(
    filter: ImageFilter,
    options?: CallOptions,
  ): AsyncGenerator<ImageRecord, void, undefined> {
    checkTime('from', filter.from)
    checkTime('to', filter.to)
    let left = filter.limit ?? Infinity
    if (left <= 0) return
    for await (const image of this.#imagesFor(filter)) {
      throwIfAborted(options)
      if (!matches(image, filter)) continue
      yield image
      if (--left <= 0) return
    }
  }

  /** The narrowest row of images that holds all a filter asks for. */
  #imagesFor(filter: ImageFilter): AsyncIterable<ImageRecord> {
    const { backupId, client, policy, from, to } = filter
    if (backupId !== undefined) return this.#one(backupId)
    const family =
      client !== undefined
        ? `client/${encodeName(client)}/`
        : policy !== undefined
          ? `policy/${encodeName(policy)}/`
          : 'all/'
    const range = {
      prefix: family,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    }
    return this.#parts.index.list(range)
  }

  async *#one(backupId: string): AsyncGenerator<ImageRecord, void, undefined> {
    const image = await this.#parts.registry.get(backupId)
    if (image !== undefined) yield image
  }

  async *browse(
    input: Parameters<Catalog['browse']>[0],
    options?: CallOptions,
  ): AsyncGenerator<FileEntry, void, undefined> {
    const tree = await this.#choose(input, [input], options)
    try {
      const path = askedPath(input.path)
      const own = await tree.find(path)
      if (own !== undefined && own.record.kind !== 'directory') {
        yield fileEntryOf(own)
        return
      }
      const entries = input.recursive === true ? tree.subtree(path, options) : tree.children(path, options)
      for await (const entry of entries) {
        if (!entry.record.path.equals(path)) yield fileEntryOf(entry)
      }
    } finally {
      await tree.close()
    }
  }

  async *versions(
    input: Parameters<Catalog['versions']>[0],
    options?: CallOptions,
  ): AsyncGenerator<FileEntry, void, undefined> {
    const path = askedPath(input.path)
    const seen = new Set<string>()
    const seenRuns = new SeenRuns()
    const { client, policy } = input
    const { damage, trees } = this.#parts
    const images = this.listImages({ client, ...(policy === undefined ? {} : { policy }) }, options)
    const lookWaiting = (image: ImageRecord): Promise<FoundState> =>
      damage.watch(image.backupId, () =>
        trees.with(image, async (tree) => ({ image, record: await tree.find(path), header: tree.header })),
      )
    const lookNow = (image: ImageRecord): FoundState | Promise<FoundState> => {
      try {
        const found = trees.findNow(image, path, seenRuns)
        return found === undefined ? lookWaiting(image) : { image, ...found }
      } catch {
        // Damage is found again, noted and told.
        return lookWaiting(image)
      }
    }
    const look = (image: ImageRecord): FoundState | Promise<FoundState> => {
      const others = trees.giveWay()
      return others === undefined ? lookNow(image) : others.then(() => lookNow(image))
    }
    for await (const { image, record, header } of mapAhead(images, imagesAtOnce, look)) {
      const key = record === undefined ? undefined : stateKey(record)
      if (record === undefined || key === undefined || seen.has(key)) continue
      seen.add(key)
      yield toFileEntry(record, header, image.backupId)
    }
  }

  search(input: FileSearch, options?: CallOptions): AsyncGenerator<FileEntry, void, undefined> {
    const { trees, damage } = this.#parts
    return searchEntries(
      {
        trees,
        damage,
        listImages: (filter, call) => this.listImages(filter, call),
        choose: (query, wanted, call) => this.#choose(query, wanted, call),
      },
      input,
      options,
    )
  }

  async *treeImages(
    input: Parameters<Catalog['treeImages']>[0],
    options?: CallOptions,
  ): AsyncGenerator<ImageRecord, void, undefined> {
    const paths = wantedPaths(input.paths)
    const tree = await this.#choose(input, paths ?? [], options)
    await tree.close()
    const owners = new Set(paths?.flatMap(({ path }) => tree.ownersOf(askedPath(path))) ?? tree.images)
    yield* [...owners].sort((a, b) => compareText(a.stream, b.stream))
  }

  async readFileList(
    input: Parameters<Catalog['readFileList']>[0],
    options?: CallOptions,
  ): ReturnType<Catalog['readFileList']> {
    const paths = wantedPaths(input.paths)
    const tree = await this.#choose(input, paths ?? [], options, paths === undefined)
    const asked = paths?.map(({ path }) => askedPath(path))
    const ticket = await this.#parts.outflows.begin(tree, { paths: asked, peer: input.peer })
    return { image: tree.images[0] as ImageRecord, ticket }
  }

  /**
   * The best of the {@link candidates} that holds all the paths, open; for no paths the best.
   * Throws `no-image-matches`, and `path-not-backed-up` for the first path that the best one lacks.
   *
   * @param anew - whether lists are to be read as they are on the disk now
   */
  async #choose(
    query: TreeQuery,
    wanted: readonly { readonly path: Path }[],
    options: CallOptions | undefined,
    anew = false,
  ): Promise<UnionTree> {
    checkTime('at', query.at)
    const paths = wanted.map(({ path }) => ({ path, bytes: askedPath(path) }))
    const { index, clock, registry } = this.#parts
    const refuseDamaged = (backupId: string): void => registry.refuseDamaged(backupId)
    const asked = paths.length === 0 ? [root] : paths.map(({ bytes }) => bytes)
    const tried: ImageRecord[] = []
    let lacking: Path | undefined
    for await (const images of candidates({ index, clock, refuseDamaged }, query, asked)) {
      throwIfAborted(options)
      const tree = await UnionTree.open(this.#parts, images, anew)
      let lacks: (typeof paths)[number] | undefined
      try {
        lacks = await firstLacking(tree, paths)
      } catch (error) {
        await tree.close()
        throw error
      }
      if (lacks === undefined) return tree
      await tree.close()
      lacking ??= lacks.path
      tried.push(...images)
    }
    throw notBackedUp(lacking ?? toPath('/'), tried)
  }
}

function fileEntryOf({ record, header, image }: UnionEntry): FileEntry {
  return toFileEntry(record, header, image.backupId)
}

function wantedPaths(paths: readonly Path[] | undefined): readonly { readonly path: Path }[] | undefined {
  if (paths?.length === 0)
    throw new NbError('argument-invalid', 'paths is empty; leave it out for the whole list', {
      details: { field: 'paths' },
    })
  return paths?.map((path) => ({ path }))
}

function compareText(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0
}

async function firstLacking<Wanted extends { readonly bytes: Buffer }>(
  tree: UnionTree,
  paths: readonly Wanted[],
): Promise<Wanted | undefined> {
  for (const wanted of paths) if (!(await tree.holds(wanted.bytes))) return wanted
  return undefined
}

function matches(image: ImageRecord, filter: ImageFilter): boolean {
  const { client, policy, schedule, scheduleTypes, stream, states = ['complete'], from, to } = filter
  return (
    states.includes(image.state) &&
    (client === undefined || image.client === client) &&
    (policy === undefined || image.policy === policy) &&
    (schedule === undefined || image.schedule === schedule) &&
    (scheduleTypes === undefined || scheduleTypes.includes(image.scheduleType)) &&
    (stream === undefined || image.stream === stream) &&
    (from === undefined || image.backupTime >= from) &&
    (to === undefined || image.backupTime <= to)
  )
}

function checkTime(field: string, time: number | undefined): void {
  if (time === undefined || (Number.isFinite(time) && Math.abs(time) <= latestTime)) return
  throw new NbError('argument-invalid', `${field} must be milliseconds since 1970`, { details: { field } })
}
