import { type Clock, type Files, type ImageRecord, type Logger, replaceFile } from '@nb/contracts'
import {
  decodeFileListHeader,
  encodeFileListIndex,
  type FileListHeader,
  FileListRuns,
  type FileRecord,
  FormatError,
  groupBatches,
} from '@nb/formats'
import { FileTree } from './file-tree.ts'
import type { HeaderStore } from './header-store.ts'
import {
  corruptList,
  corruptOn,
  isNewerForm,
  type ListFacts,
  newerForm,
  openList,
  readListFacts,
} from './list-facts.ts'
import { findNow, type OpenList, type SeenRuns } from './list-lookup.ts'
import { ReadPace } from './read-pace.ts'

/** What a {@link TreeLibrary} works with. */
export interface TreeLibraryParts {
  readonly files: Files
  readonly headers: HeaderStore
  readonly clock: Clock
  readonly logger: Logger
}

/** What a {@link TreeLibrary} keeps at hand for the next lookup. */
export interface TreeLibraryLimits {
  /** Lists that are kept open. */
  readonly openLists: number
  /** Bytes of their indexes together. */
  readonly indexBytes: number
}

/** What finds the list of a complete image, and tells it from another. */
export type ListedImage = Pick<ImageRecord, 'backupId' | 'counts' | 'damaged'>

interface Shared {
  readonly list: Promise<OpenList>
  /** The same once it is there, as long as it is kept. */
  open?: OpenList
  memoryBytes: number
  users: number
  isKept: boolean
}

/**
 * Opens file lists by their sparse indexes, and makes an index anew from its list where it is lost. Those asked for last stay open, with
 * their indexes in memory, within limits. A list that is known to be damaged does not: it may have been brought back from a copy.
 */
export class TreeLibrary {
  readonly #parts: TreeLibraryParts
  readonly #limits: TreeLibraryLimits
  readonly #pace: ReadPace
  /** By backup id, the one used last at the end. */
  readonly #kept = new Map<string, Shared>()
  #keptBytes = 0

  constructor(parts: TreeLibraryParts, limits: TreeLibraryLimits) {
    this.#parts = parts
    this.#limits = limits
    this.#pace = new ReadPace(parts.clock)
  }

  /** The tree of a complete image; `work` has it open. Throws `file-list-corrupt`, `version-unsupported`. */
  async with<Value>(image: ListedImage, work: (tree: FileTree) => Promise<Value>): Promise<Value> {
    const tree = await this.open(image)
    try {
      return await work(tree)
    } finally {
      await tree.close()
    }
  }

  /**
   * The entry of a path in an image whose list is open and read at once; `undefined` where {@link with} has to wait for it.
   * Throws `file-list-corrupt`.
   */
  findNow(
    { backupId, damaged }: ListedImage,
    path: Buffer,
    seen: SeenRuns,
  ): { readonly record: FileRecord | undefined; readonly header: FileListHeader } | undefined {
    const shared = this.#kept.get(backupId)
    if (shared?.open === undefined || damaged !== undefined) return undefined
    const { open } = shared
    const found = findNow(open, path, seen)
    if (found === undefined) return undefined
    this.#used(backupId, shared)
    return { record: found.record, header: open.header }
  }

  /** What to wait for between lookups that are done at once; `undefined` for nothing. */
  giveWay(): Promise<void> | undefined {
    return this.#pace.giveWay()
  }

  /** The tree of a complete image. Close it. Throws `file-list-corrupt`, `version-unsupported`. */
  async open(image: ListedImage): Promise<FileTree> {
    const { backupId, damaged } = image
    if (damaged !== undefined) return this.openAnew(image)
    const shared = this.#kept.get(backupId) ?? this.#begin(image, true)
    if (shared.isKept) this.#used(backupId, shared)
    return this.#use(backupId, shared)
  }

  #used(backupId: string, shared: Shared): void {
    this.#kept.delete(backupId)
    this.#kept.set(backupId, shared)
  }

  /** The same of a list that is read as it is on the disk now, whatever is at hand of it; nothing of it is kept. */
  async openAnew(image: ListedImage): Promise<FileTree> {
    this.forget(image.backupId)
    return this.#use(image.backupId, this.#begin(image, false))
  }

  async #use(backupId: string, shared: Shared): Promise<FileTree> {
    shared.users += 1
    try {
      return new FileTree(await shared.list, () => this.#leave(shared))
    } catch (error) {
      shared.users -= 1
      if (this.#kept.get(backupId) === shared) this.forget(backupId)
      throw error
    }
  }

  /** Writes the index of a list whose pass is done, durably. */
  async writeIndex(backupId: string, facts: ListFacts): Promise<Buffer> {
    const { batches, totals } = facts
    const index = encodeFileListIndex({
      batches: groupBatches(batches),
      entryCount: totals.entries,
      fileListBytes: totals.bytes,
    })
    await replaceFile(this.#parts.files, this.#parts.headers.paths(backupId).index, index)
    return index
  }

  /** Drops what is kept of an image. What uses it goes on. */
  forget(backupId: string): void {
    const shared = this.#kept.get(backupId)
    if (shared !== undefined) this.#drop(backupId, shared)
  }

  /** Lets everything go that is not in use. */
  async close(): Promise<void> {
    for (const backupId of [...this.#kept.keys()]) this.forget(backupId)
  }

  #begin(image: ListedImage, keep: boolean): Shared {
    const { backupId } = image
    const list = this.#load(image)
    const shared: Shared = { list, memoryBytes: 0, users: 0, isKept: keep }
    list.then(
      (open) => {
        const { runs, header } = open
        if (this.#kept.get(backupId) !== shared) return
        shared.open = open
        shared.memoryBytes = runs.memoryBytes + header.images.length * 64
        this.#keptBytes += shared.memoryBytes
        this.#trim()
      },
      () => undefined,
    )
    if (keep) this.#kept.set(backupId, shared)
    return shared
  }

  #trim(): void {
    const { openLists, indexBytes } = this.#limits
    for (const [oldest, shared] of this.#kept) {
      if (this.#kept.size <= openLists && this.#keptBytes <= indexBytes) return
      this.#drop(oldest, shared)
    }
  }

  #drop(backupId: string, shared: Shared): void {
    this.#kept.delete(backupId)
    this.#keptBytes -= shared.memoryBytes
    shared.isKept = false
    if (shared.users === 0) void this.#end(shared)
  }

  async #leave(shared: Shared): Promise<void> {
    shared.users -= 1
    if (shared.users === 0 && !shared.isKept) await this.#end(shared)
  }

  async #end(shared: Shared): Promise<void> {
    const list = await shared.list.catch(() => undefined)
    await list?.file.close().catch((error: unknown) => {
      this.#parts.logger.error('the file list %s could not be closed: %o', list.path, error)
    })
  }

  async #load(image: ListedImage): Promise<OpenList> {
    const { files, headers } = this.#parts
    const { backupId } = image
    const { fileList: path } = headers.paths(backupId)
    const runs = await this.#runs(image)
    const file = await openList(files, path)
    try {
      const bytes = Buffer.allocUnsafe(runs.offset(0))
      if ((await file.read(bytes, 0)) < bytes.length)
        throw corruptList(path, new Error('it is shorter than its index says'))
      const { header } = await corruptOn(path, () => decodeFileListHeader(bytes))
      const [owner] = header.images
      if (owner !== backupId) throw corruptList(path, new Error(`it is the one of image ${owner}`))
      return { path, file, runs, header, pace: this.#pace }
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async #runs({ backupId, counts }: ListedImage): Promise<FileListRuns> {
    const { files, headers, logger } = this.#parts
    const { index, fileList } = headers.paths(backupId)
    const content = await files.readFile(index)
    try {
      const runs = content === undefined ? undefined : FileListRuns.decode(content)
      if (runs !== undefined && runs.entryCount === counts?.entries) return runs
    } catch (error) {
      if (isNewerForm(error)) throw newerForm('index', index, error)
      if (!(error instanceof FormatError)) throw error
      logger.error('the index of image %s is damaged: %s', backupId, error.message)
    }
    logger('the index of image %s is made anew from its list', backupId)
    const facts = await readListFacts(files, fileList)
    const { entries } = facts.totals
    if (entries === counts?.entries) return FileListRuns.decode(await this.writeIndex(backupId, facts))
    throw corruptList(fileList, new Error(`it has ${entries} of ${counts?.entries} entries`))
  }
}
