import { crc32 } from 'node:zlib'
import { type Files, type ImageRecord, NbError, replaceFile } from '@nb/contracts'
import { parseBackupId } from './backup-id.ts'
import { damagedHeader, decodeHeader, encodeHeader } from './header.ts'
import {
  asideNames,
  clientFolder,
  decodeName,
  imageFileNames,
  imagePaths,
  type ImagePaths,
  sequenceFileName,
} from './image-folder.ts'
import type { HeaderStamp } from './image-index.ts'

const sequenceFormat = 'nb-sequence/1'

/** The images on disk: a folder each, which is one when its header is there. */
export class HeaderStore {
  readonly #files: Files
  readonly #directory: string
  /** Clients whose folder's name is known to be durable. */
  readonly #durableClients = new Set<string>()

  constructor(files: Files, directory: string) {
    this.#files = files
    this.#directory = directory
  }

  /** Makes the root folder, durably, and everything that an earlier process had named in it. */
  async open(): Promise<void> {
    await makeDurable(this.#files, this.#directory)
    await this.#files.syncDirectory(parentOf(this.#directory))
    await this.#files.syncDirectory(this.#directory)
  }

  /** Where an image lies. Throws `image-unknown` for a text that is no backup id. */
  paths(backupId: string): ImagePaths {
    const paths = imagePaths(this.#directory, backupId)
    if (paths === undefined) throw unknownImage(backupId)
    return paths
  }

  /** The record on disk, or `undefined`. Throws `store-corrupt`, `version-unsupported`. */
  async read(backupId: string): Promise<ImageRecord | undefined> {
    const path = imagePaths(this.#directory, backupId)?.header
    const content = path === undefined ? undefined : await this.#readFile(path, backupId)
    return content === undefined ? undefined : decodeHeader(content, backupId, path ?? '')
  }

  async #readFile(path: string, backupId: string): Promise<Buffer | undefined> {
    try {
      return await this.#files.readFile(path)
    } catch (error) {
      throw damagedHeader(backupId, path, (error as Error).message, error)
    }
  }

  /** Size and time of a header, `undefined` when there is none. */
  async stamp(backupId: string): Promise<HeaderStamp | undefined> {
    const path = imagePaths(this.#directory, backupId)?.header
    const stat = path === undefined ? undefined : await this.#files.stat(path)
    return stat === undefined ? undefined : { sizeBytes: stat.sizeBytes, modifiedAt: stat.modifiedAt }
  }

  /** Makes the folder of a new image with an empty file list, and commits its first header. */
  async create(image: ImageRecord): Promise<void> {
    const paths = this.paths(image.backupId)
    await this.#files.makeDirectory(paths.folder)
    if (!this.#durableClients.has(image.client)) await this.#files.syncDirectory(this.#directory)
    this.#durableClients.add(image.client)
    const list = await this.#files.open(paths.fileList, 'create')
    await list.sync().finally(() => list.close())
    await replaceFile(this.#files, paths.header, encodeHeader(image))
    await this.#files.syncDirectory(paths.client)
  }

  /** Commits a changed header: after a crash the old one is there, or this. */
  async replace(image: ImageRecord): Promise<void> {
    await replaceFile(this.#files, this.paths(image.backupId).header, encodeHeader(image))
  }

  /** Takes an image away for good, header last; its id stays used. */
  async remove(backupId: string): Promise<void> {
    const paths = this.paths(backupId)
    const { client, seconds } = parseBackupId(backupId) ?? { client: '', seconds: 0 }
    if ((await this.lastSeconds(client)) === seconds) await this.#keepSequence(client, seconds)
    if ((await this.#files.stat(paths.folder)) === undefined) return
    await this.#clear(paths)
    await this.#files.remove(paths.header)
    await this.#files.syncDirectory(paths.folder)
    await this.#files.removeDirectory(paths.folder)
    await this.#files.syncDirectory(paths.client)
  }

  async #clear(paths: ImagePaths): Promise<void> {
    if ((await this.#files.stat(paths.folder)) === undefined) return
    const aside = [asideNames.fileList, `${asideNames.header}.tmp`, asideNames.header]
    for (const name of [...imageFileNames, ...aside]) await this.#files.remove(`${paths.folder}/${name}`)
    await this.#files.syncDirectory(paths.folder)
  }

  /** Removes a folder in which no header was ever committed. Throws `store-corrupt` when it holds more than a crash leaves. */
  async removeUncommitted(backupId: string): Promise<void> {
    const paths = this.paths(backupId)
    const names = await this.#files.list(paths.folder)
    const foreign = names.filter((name) => !(imageFileNames as readonly string[]).includes(name))
    // The list gets its first byte after the header is durable: a list without one means that the header was lost.
    const listBytes = (await this.#files.stat(paths.fileList))?.sizeBytes ?? 0
    if (listBytes > 0 || foreign.length > 0 || names.includes('files.idx'))
      throw damagedHeader(backupId, paths.header, 'it is missing, while other parts of the image are there')
    await this.#clear(paths)
    await this.#files.removeDirectory(paths.folder)
    await this.#files.syncDirectory(paths.client)
  }

  /** All folders that are named as images are, and everything else that lies among them; torn files are removed. */
  async *folders(): AsyncGenerator<
    { readonly backupId: string } | { readonly foreign: string },
    void,
    undefined
  > {
    for (const clientName of await this.#files.list(this.#directory)) {
      const client = decodeName(clientName)
      if (client === undefined || !(await this.#isFolder(`${this.#directory}/${clientName}`))) {
        yield { foreign: `${this.#directory}/${clientName}` }
        continue
      }
      for (const name of await this.#files.list(`${this.#directory}/${clientName}`)) {
        if (name === sequenceFileName) continue
        if (name === `${sequenceFileName}.tmp`) {
          await this.#files.remove(`${this.#directory}/${clientName}/${name}`)
          continue
        }
        const backupId = decodeName(name)
        if (backupId !== undefined && parseBackupId(backupId)?.client === client) yield { backupId }
        else yield { foreign: `${this.#directory}/${clientName}/${name}` }
      }
    }
  }

  async #isFolder(path: string): Promise<boolean> {
    return (await this.#files.stat(path))?.kind === 'directory'
  }

  /** The last second that was used in an id of this client, `undefined` when none was. */
  async lastSeconds(client: string): Promise<number | undefined> {
    const folder = clientFolder(this.#directory, client)
    let last = await this.#readSequence(`${folder}/${sequenceFileName}`)
    for (const name of await this.#files.list(folder)) {
      const seconds = parseBackupId(decodeName(name) ?? '')?.seconds
      if (seconds !== undefined && (last === undefined || seconds > last)) last = seconds
    }
    return last
  }

  async #keepSequence(client: string, lastSeconds: number): Promise<void> {
    const content = `${JSON.stringify({ format: sequenceFormat, lastSeconds, crc32: sumOf(lastSeconds) })}\n`
    await replaceFile(
      this.#files,
      `${clientFolder(this.#directory, client)}/${sequenceFileName}`,
      Buffer.from(content),
    )
  }

  async #readSequence(path: string): Promise<number | undefined> {
    const content = await this.#files.readFile(path)
    if (content === undefined) return undefined
    const value = parseSequence(content.toString('utf8'))
    if (value !== undefined) return value
    throw new NbError(
      'store-corrupt',
      `${path} can't be read, so an id might be given twice; remove it if no image of this client was made in the last second`,
      { details: { path } },
    )
  }
}

function parseSequence(text: string): number | undefined {
  try {
    const value = JSON.parse(text) as Readonly<Record<string, unknown>> | null
    const { format, lastSeconds, crc32: sum } = value ?? {}
    if (format !== sequenceFormat || !Number.isSafeInteger(lastSeconds)) return undefined
    // Files of the time before they had a checksum have none.
    const isSound = sum === undefined || sum === sumOf(lastSeconds as number)
    return isSound ? (lastSeconds as number) : undefined
  } catch {
    return undefined
  }
}

/** CRC-32 of the number's decimal digits, in hexadecimal digits. */
function sumOf(lastSeconds: number): string {
  return crc32(String(lastSeconds)).toString(16).padStart(8, '0')
}

/** Makes a folder and what is missing above it, each name durable in the one above. */
async function makeDurable(files: Files, path: string): Promise<void> {
  if (path === '/' || (await files.stat(path)) !== undefined) return
  await makeDurable(files, parentOf(path))
  await files.makeDirectory(path)
  await files.syncDirectory(parentOf(path))
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

/** The error for an id that no image has. */
export function unknownImage(backupId: string): NbError {
  return new NbError('image-unknown', `there is no image ${backupId}; list the images of the client`, {
    details: { backupId },
  })
}
