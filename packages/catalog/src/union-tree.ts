import type { CallOptions, ImageRecord } from '@nb/contracts'
import { type FileListHeader, type FileRecord, isWithin } from '@nb/formats'
import type { FileTree, TreeBounds } from './file-tree.ts'
import type { ListDamage } from './list-damage.ts'
import { ownersOf, type Region, regionAt, regionsOf, stretchesOf } from './regions.ts'
import { claimsOf, treeOf } from './tree-claims.ts'
import type { PathMatcher } from './search/path-matcher.ts'
import type { TreeLibrary } from './tree-library.ts'

/** An entry, and the image in whose list it is. */
export interface UnionEntry {
  readonly record: FileRecord
  readonly image: ImageRecord
  readonly header: FileListHeader
}

/** What opening a {@link UnionTree} works with. */
export interface UnionTreeParts {
  readonly trees: TreeLibrary
  readonly damage: ListDamage
}

interface Member {
  readonly image: ImageRecord
  readonly tree: FileTree
}

const root = Buffer.from('/')
/** Bits of a device number that no system uses: Linux has 12 for the major above 32 for the minor. */
const aboveDevices = 48n

/**
 * The lists of one or several images, open for lookups as if they were one: in path order, each path by the image it
 * belongs to. Damage that shows is remembered of the image that has it, and told with its name.
 */
export class UnionTree {
  readonly #members: readonly Member[]
  readonly #damage: ListDamage
  readonly #whole: Region

  private constructor(members: readonly Member[], damage: ListDamage) {
    this.#members = members
    this.#damage = damage
    this.#whole = wholeOf(members.map(({ image }) => image))
  }

  /**
   * Opens the lists of complete images, at least one, newest first; `anew` as they are on the disk now, whatever is at hand of them.
   * Throws `file-list-corrupt`. Close it.
   */
  static async open(
    { trees, damage }: UnionTreeParts,
    images: readonly ImageRecord[],
    anew = false,
  ): Promise<UnionTree> {
    const members: Member[] = []
    try {
      for (const image of images)
        members.push({
          image,
          tree: await damage.watch(image.backupId, () => (anew ? trees.openAnew(image) : trees.open(image))),
        })
      return new UnionTree(members, damage)
    } catch (error) {
      await Promise.all(members.map(({ tree }) => tree.close()))
      throw error
    }
  }

  /** The images, newest first. */
  get images(): readonly ImageRecord[] {
    return this.#members.map(({ image }) => image)
  }

  /** Its one list as it is stored; `undefined` where there are several. */
  raw(chunkBytes: number, options?: CallOptions): AsyncIterable<Uint8Array> | undefined {
    const [only, ...others] = this.#members
    if (only === undefined || others.length > 0) return undefined
    return this.#watched(only, only.tree.raw(chunkBytes, options))
  }

  /** The part of its one list at a path and below, see `FileTree.batches`; `undefined` where there are several. */
  batches(path: Buffer, options?: CallOptions): AsyncIterable<Buffer | readonly FileRecord[]> | undefined {
    const [only, ...others] = this.#members
    if (only === undefined || others.length > 0) return undefined
    return this.#watched(only, only.tree.batches(path, options))
  }

  /**
   * How its entries are written as one list: the table of images of all lists in one, the newest image first, and each
   * record as it is by that table. Files of several names are told by their identity, which says nothing across backups
   * of different times: by then a number may be another file's. So each list's identities are kept from the others'. A list has
   * digests of one algorithm: those of another are left out.
   */
  asOneList(): {
    readonly images: readonly string[]
    readonly digestAlgorithm: string | undefined
    readonly recordOf: (entry: UnionEntry) => FileRecord
  } {
    const images = [...new Set(this.#members.map(({ image }) => image.backupId))]
    for (const { tree } of this.#members)
      for (const id of tree.header.images) if (!images.includes(id)) images.push(id)
    const lists = new Map(
      this.#members.map(({ tree }, number) => [
        tree.header,
        { number, places: tree.header.images.map((id) => images.indexOf(id)) },
      ]),
    )
    const digestAlgorithm = this.#members
      .map(({ tree }) => tree.header.digestAlgorithm)
      .find((name) => name !== undefined)
    const recordOf = ({ record, header }: UnionEntry): FileRecord => {
      const { number, places } = lists.get(header) ?? { number: 0, places: [] }
      const { device, inode } = record.identity
      const identity = { device: BigInt.asUintN(64, device ^ (BigInt(number) << aboveDevices)), inode }
      const { digest, ...rest } = record
      const isKept = digest !== undefined && header.digestAlgorithm === digestAlgorithm
      const imageIndex = places[record.imageIndex] ?? 0
      return { ...rest, ...(isKept ? { digest } : {}), identity, imageIndex }
    }
    return { images, digestAlgorithm, recordOf }
  }

  /** The entry of a path. */
  async find(path: Buffer): Promise<UnionEntry | undefined> {
    const { owner } = regionAt(this.#whole, path)
    const member = owner === undefined ? undefined : this.#members[owner]
    if (member === undefined) return undefined
    const record = await this.#damage.watch(member.image.backupId, () => member.tree.find(path))
    return record === undefined ? undefined : entryOf(member, record)
  }

  /** Whether the path itself or anything below it is there. */
  async holds(path: Buffer): Promise<boolean> {
    if ((await this.find(path)) !== undefined) return true
    for await (const _ of this.subtree(path)) return true
    return false
  }

  /**
   * The images to which a path, or what is below it, belongs. Where these are of several trees, with all other images of
   * the same trees: what belongs to whom depends on which tree is newer.
   */
  ownersOf(path: Buffer): ImageRecord[] {
    const numbers = ownersOf(regionAt(this.#whole, path))
    const owners = this.images.filter((_, index) => numbers.has(index))
    const trees = new Set(owners.map(treeOf))
    return trees.size < 2 ? owners : this.images.filter((image) => trees.has(treeOf(image)))
  }

  /** The entry of a path and all below it, in order. */
  async *subtree(path: Buffer, options?: CallOptions): AsyncGenerator<UnionEntry, void, undefined> {
    for (const { owner, top, ...bounds } of stretchesOf(regionAt(this.#whole, path)))
      yield* this.#of(owner, (tree) => tree.subtree(top, options, bounds))
  }

  /** The entries at a path and below whose paths match, in order. */
  async *search(
    matcher: PathMatcher,
    path: Buffer,
    options?: CallOptions,
  ): AsyncGenerator<UnionEntry, void, undefined> {
    for (const { owner, top, ...bounds } of stretchesOf(regionAt(this.#whole, path)))
      yield* this.#of(owner, (tree) => tree.search(matcher, top, options, bounds))
  }

  /** The uppermost entries below a directory, whichever lists they are in. */
  async *children(directory: Buffer, options?: CallOptions): AsyncGenerator<UnionEntry, void, undefined> {
    let covered: Buffer | undefined
    for (const { owner, ...stretch } of stretchesOf(regionAt(this.#whole, directory))) {
      if (covered !== undefined && isWithin(stretch.top, covered)) continue
      const bounds: TreeBounds & { top: Buffer; covered?: Buffer } =
        covered === undefined ? stretch : { ...stretch, covered }
      for await (const entry of this.#of(owner, (tree) => tree.children(directory, options, bounds))) {
        covered = entry.record.path
        yield entry
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ tree }) => tree.close()))
  }

  async *#of(
    owner: number,
    read: (tree: FileTree) => AsyncIterable<FileRecord>,
  ): AsyncGenerator<UnionEntry, void, undefined> {
    const member = this.#members[owner]
    if (member === undefined) return
    for await (const record of this.#watched(member, read(member.tree))) yield entryOf(member, record)
  }

  async *#watched<Item>(
    { image }: Member,
    items: AsyncIterable<Item>,
  ): AsyncGenerator<Item, void, undefined> {
    try {
      yield* items
    } catch (error) {
      throw await this.#damage.noted(image.backupId, error)
    }
  }
}

function entryOf({ image, tree }: Member, record: FileRecord): UnionEntry {
  return { record, image, header: tree.header }
}

/** Everything in the list of a single image is its own, whatever its selections are. */
function wholeOf(images: readonly ImageRecord[]): Region {
  if (images.length === 1) return { top: root, owner: 0, inner: [] }
  return regionsOf(claimsOf(images))
}
