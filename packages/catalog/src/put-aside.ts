import { type Files, type ImageRecord, replaceFile } from '@nb/contracts'
import { encodeHeader, decodeHeader } from './header.ts'
import { asideNames, type ImagePaths } from './image-folder.ts'

/**
 * The damaged parts of an image, put aside in its folder while the image is made again from its medium.
 *
 * The order of writes leaves the old parts or the new ones whole after any crash: a copy of the old header is made first, then the new header,
 * which is in progress, takes its place, then the list goes aside. As long as the header is in progress both can be put back; once it is
 * complete they are garbage. An old header that was missing is an empty copy.
 */
export class PutAside {
  readonly #files: Files
  readonly #paths: ImagePaths
  readonly #header: string
  readonly #fileList: string

  constructor(files: Files, paths: ImagePaths) {
    this.#files = files
    this.#paths = paths
    this.#header = `${paths.folder}/${asideNames.header}`
    this.#fileList = `${paths.folder}/${asideNames.fileList}`
  }

  /** Whether the image is one that replaces another. */
  async isThere(): Promise<boolean> {
    return (await this.#files.stat(this.#header)) !== undefined
  }

  /** The record that was put aside, `undefined` where there is none that can be read. */
  async record(backupId: string): Promise<ImageRecord | undefined> {
    try {
      const content = await this.#files.readFile(this.#header)
      return content === undefined ? undefined : decodeHeader(content, backupId, this.#header)
    } catch {
      // That it can't be read is why it lies there.
      return undefined
    }
  }

  /** Puts the damaged parts aside and begins the image anew, with an empty list. */
  async begin(image: ImageRecord): Promise<void> {
    const { folder, client, header, fileList, index } = this.#paths
    // What an earlier one left after its image was complete.
    await this.#files.remove(this.#fileList)
    await this.#files.makeDirectory(folder)
    await this.#files.syncDirectory(client)
    await replaceFile(this.#files, this.#header, (await this.#readHeader()) ?? Buffer.alloc(0))
    // An empty one stands for a list that is missing, so that none that is half there is taken for the old one.
    if ((await this.#files.stat(fileList)) === undefined) await this.#makeEmpty(this.#fileList)
    await replaceFile(this.#files, header, encodeHeader(image))
    if ((await this.#files.stat(fileList)) !== undefined) await this.#files.rename(fileList, this.#fileList)
    await this.#files.remove(index)
    await this.#files.syncDirectory(folder)
    await this.#makeEmpty(fileList)
    await this.#files.syncDirectory(folder)
  }

  async #makeEmpty(path: string): Promise<void> {
    const file = await this.#files.open(path, 'create')
    await file.sync().finally(() => file.close())
  }

  /** A header that the disk does not give is as good as none. */
  async #readHeader(): Promise<Buffer | undefined> {
    return this.#files.readFile(this.#paths.header).catch(() => undefined)
  }

  /** Puts the old parts back, the header last. */
  async putBack(): Promise<void> {
    const { folder, header, fileList, index } = this.#paths
    await this.#files.remove(index)
    if ((await this.#files.stat(this.#fileList)) !== undefined)
      await this.#files.rename(this.#fileList, fileList)
    await this.#files.syncDirectory(folder)
    if ((await this.#files.stat(this.#header))?.sizeBytes === 0) {
      await this.#files.remove(header)
      await this.#files.syncDirectory(folder)
      await this.#files.remove(this.#header)
    } else await this.#files.rename(this.#header, header)
    await this.#files.syncDirectory(folder)
  }

  /** Removes what was put aside, once the new image is complete. */
  async forget(): Promise<void> {
    if (!(await this.isThere())) return
    await this.#files.remove(this.#fileList)
    await this.#files.syncDirectory(this.#paths.folder)
    await this.#files.remove(this.#header)
    await this.#files.syncDirectory(this.#paths.folder)
  }
}
