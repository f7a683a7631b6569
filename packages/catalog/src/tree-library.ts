import { type Files, type ImageRecord, type Logger, replaceFile } from '@nb/contracts'
import { decodeFileListIndex, encodeFileListIndex, type FileListIndex, FormatError } from '@nb/formats'
import { FileTree } from './file-tree.ts'
import type { HeaderStore } from './header-store.ts'
import { corruptList, type ListFacts, readListFacts } from './list-facts.ts'

/** Decoded indexes that are kept for the next lookup. */
const keptIndexes = 8

/** What a {@link TreeLibrary} works with. */
export interface TreeLibraryParts {
  readonly files: Files
  readonly headers: HeaderStore
  readonly logger: Logger
}

/** What finds the list of a complete image, and tells it from another. */
export type ListedImage = Pick<ImageRecord, 'backupId' | 'counts'>

/** Opens file lists by their sparse indexes, and makes an index anew from its list where it is lost. */
export class TreeLibrary {
  readonly #parts: TreeLibraryParts
  /** By backup id, the one used last at the end. */
  readonly #indexes = new Map<string, FileListIndex>()

  constructor(parts: TreeLibraryParts) {
    this.#parts = parts
  }

  /** The tree of a complete image; `work` has it open. Throws `file-list-corrupt`. */
  async with<Value>(image: ListedImage, work: (tree: FileTree) => Promise<Value>): Promise<Value> {
    const tree = await this.open(image)
    try {
      return await work(tree)
    } finally {
      await tree.close()
    }
  }

  /** The tree of a complete image. Close it. Throws `file-list-corrupt`. */
  async open(image: ListedImage): Promise<FileTree> {
    const { backupId } = image
    const index = this.#indexes.get(backupId) ?? (await this.#load(image))
    this.#indexes.delete(backupId)
    this.#indexes.set(backupId, index)
    for (const oldest of this.#indexes.keys()) {
      if (this.#indexes.size <= keptIndexes) break
      this.#indexes.delete(oldest)
    }
    const { fileList } = this.#parts.headers.paths(backupId)
    const tree = await FileTree.open(this.#parts.files, fileList, index)
    const [owner] = tree.header.images
    if (owner === backupId) return tree
    await tree.close()
    throw corruptList(fileList, new Error(`it is the one of image ${owner}`))
  }

  /** Writes the index of a list whose pass is done, durably. */
  async writeIndex(backupId: string, facts: ListFacts): Promise<FileListIndex> {
    const { batches, totals } = facts
    const index = { batches, entryCount: totals.entries, fileListBytes: totals.bytes }
    await replaceFile(
      this.#parts.files,
      this.#parts.headers.paths(backupId).index,
      encodeFileListIndex(index),
    )
    return index
  }

  /** Drops what is kept of an image that is going. */
  forget(backupId: string): void {
    this.#indexes.delete(backupId)
  }

  async #load({ backupId, counts }: ListedImage): Promise<FileListIndex> {
    const { files, headers, logger } = this.#parts
    const { index, fileList } = headers.paths(backupId)
    const content = await files.readFile(index)
    try {
      const decoded = content === undefined ? undefined : decodeFileListIndex(content)
      if (decoded !== undefined && decoded.entryCount === counts?.entries) return decoded
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      logger.error('the index of image %s is damaged: %s', backupId, error.message)
    }
    logger('the index of image %s is made anew from its list', backupId)
    const facts = await readListFacts(files, fileList)
    const { entries } = facts.totals
    if (entries === counts?.entries) return this.writeIndex(backupId, facts)
    throw corruptList(fileList, new Error(`it has ${entries} of ${counts?.entries} entries`))
  }
}
