import { constants } from 'node:fs'
import { copyFile, link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageRecord, Store } from '@nb/contracts'
import { dumpDatabase } from './database-dump.ts'

/** The file of the database in a snapshot. */
export const dumpName = 'database.nbdump'
/** The folder of headers and file lists in a snapshot. */
export const imagesName = 'images'

/**
 * Lays a consistent copy of what a server knows into a folder, while jobs go on: the database as it is at one moment, then the header and
 * the list of every image that is complete. A list does not change once its header says so, and goes before its header does; so a
 * header is taken last, and an image whose list is gone is left out. The database may be older than the headers: a start
 * brings its index to what they say.
 */
export async function takeSnapshot(database: Store, imageDirectory: string, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, imagesName), { recursive: true, mode: 0o700 })
  await dumpDatabase(database, join(folder, dumpName))
  for (const client of await foldersIn(imageDirectory)) {
    await mkdir(join(folder, imagesName, client), { mode: 0o700 })
    await copyIfThere(join(imageDirectory, client), join(folder, imagesName, client), 'sequence.json')
    for (const image of await foldersIn(join(imageDirectory, client)))
      await takeImage(join(imageDirectory, client, image), join(folder, imagesName, client, image))
  }
}

async function takeImage(from: string, to: string): Promise<void> {
  const header = await readFile(join(from, 'header.json')).catch(unlessAbsent)
  if (header === undefined || stateOf(header) !== 'complete') return
  await mkdir(to, { mode: 0o700 })
  if (await copyIfThere(from, to, 'files.nbf'))
    await writeFile(join(to, 'header.json'), header, { mode: 0o600 })
  else await rm(to, { recursive: true })
}

/** A header that can't be read is damaged; the catalog tells of it, and a copy of it helps nobody. */
function stateOf(header: Buffer): ImageRecord['state'] | undefined {
  try {
    return (JSON.parse(header.toString()) as { readonly image?: Partial<ImageRecord> }).image?.state
  } catch {
    return undefined
  }
}

/** A second name for a file; on another file system a copy. */
async function copyIfThere(from: string, to: string, name: string): Promise<boolean> {
  try {
    await link(join(from, name), join(to, name))
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return false
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK') throw error
  }
  try {
    await copyFile(join(from, name), join(to, name), constants.COPYFILE_FICLONE)
    return true
  } catch (error) {
    return unlessAbsent(error) ?? false
  }
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = (await readdir(path, { withFileTypes: true }).catch(unlessAbsent)) ?? []
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

function unlessAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
  throw error
}
