import { type CallOptions, type Files, NbError, type StoredImage, throwIfAborted } from '@nb/contracts'
import { describeFragmentFile } from './described-fragment.ts'
import { mediaFailure } from './failure.ts'
import type { FragmentIdentity } from './fragment-check.ts'
import type { UnitDirectory } from './marker.ts'
import {
  TEMPORARY_SUFFIX,
  directoryNameOf,
  fragmentFileName,
  parseFragmentFileName,
  textOfDirectoryName,
} from './names.ts'

/**
 * Where fragments lie: `<directory>/<client>/<backup id>/<copy>-<number>.nbf`. A person finds them by name; nothing
 * else is needed to find them, so there is no index that could be wrong.
 */
export interface ImageFolders {
  /** The image's directory, made durably. */
  make(client: string, backupId: string): Promise<string>
  /** Where a file of an image is, or `undefined`. */
  find(backupId: string, fileName: string): Promise<string | undefined>
  storedImages(options?: CallOptions): AsyncIterable<StoredImage>
  /**
   * Removes an image's fragments, of one copy where one is named, behind `after` where a number is, only of copies without a last fragment
   * where that is asked for.
   */
  removeImage(input: RemovedPart): Promise<{ readonly fragments: number; readonly bytes: number }>
  /** Removes every fragment that was not committed; gives their number. */
  removeTemporaries(): Promise<number>
  /** Writes and removes a probe. */
  checkWritable(jobId: string): Promise<void>
}

/** What of an image is removed. */
export interface RemovedPart {
  readonly backupId: string
  readonly copy?: number
  readonly after?: number
  readonly unfinished?: boolean
}

/** Folders on a storage unit's directory. */
export function createImageFolders(unit: UnitDirectory): ImageFolders {
  const { files, storageUnit, directory } = unit
  const known = new Set<string>()
  let turn: Promise<unknown> = Promise.resolve()

  /** Directories are made and removed one after the other: none goes away under a session that has just found it. */
  function inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = turn.then(action)
    turn = result.catch(() => undefined)
    return result
  }

  const failure = (error: unknown, doing: string, path: string): Error =>
    mediaFailure(error, 'media-open-failed', doing, { storageUnit, path })

  async function make(client: string, backupId: string): Promise<string> {
    const clientDirectory = `${directory}/${directoryNameOf(client)}`
    const imageDirectory = `${clientDirectory}/${directoryNameOf(backupId)}`
    try {
      // The last image only: enough to save the syncs of its later fragments.
      if (known.has(imageDirectory) && (await files.stat(imageDirectory)) !== undefined) return imageDirectory
      await files.makeDirectory(imageDirectory)
      await files.syncDirectory(clientDirectory)
      await files.syncDirectory(directory)
    } catch (error) {
      throw failure(error, 'making', imageDirectory)
    }
    known.clear()
    known.add(imageDirectory)
    return imageDirectory
  }

  /** The image's directories: one, unless an id was used by two clients. */
  async function foldersOf(backupId: string): Promise<readonly string[]> {
    const name = directoryNameOf(backupId)
    const found: string[] = []
    for (const client of await clientFolders(files, directory)) {
      const path = `${directory}/${client}/${name}`
      if ((await files.stat(path))?.kind === 'directory') found.push(path)
    }
    return found
  }

  async function find(backupId: string, fileName: string): Promise<string | undefined> {
    // Ids begin with their client's name, so the first guess is nearly always right.
    const client = backupId.slice(0, Math.max(0, backupId.lastIndexOf('_')))
    const clientFolder = `${directory}/${directoryNameOf(client)}`
    const guess = `${clientFolder}/${directoryNameOf(backupId)}/${fileName}`
    if (
      client !== '' &&
      (await files.stat(clientFolder))?.kind === 'directory' &&
      (await isFile(files, guess))
    )
      return guess
    for (const folder of await foldersOf(backupId))
      if (await isFile(files, `${folder}/${fileName}`)) return `${folder}/${fileName}`
    return undefined
  }

  async function* storedImages(options?: CallOptions): AsyncGenerator<StoredImage, void, undefined> {
    for (const { backupId, path } of await allFolders(files, directory)) {
      throwIfAborted(options)
      yield* imagesIn(files, path, backupId)
    }
  }

  async function removeImage({ backupId, copy, after = 0, unfinished = false }: RemovedPart): Promise<{
    readonly fragments: number
    readonly bytes: number
  }> {
    let fragments = 0
    let bytes = 0
    for (const folder of await foldersOf(backupId)) {
      const names = await files.list(folder)
      const ended = unfinished ? await endedCopies(folder, backupId, names) : new Set<number>()
      for (const name of inRemovalOrder(names)) {
        const file = parseFragmentFileName(name)
        if (file === undefined || (copy !== undefined && file.copy !== copy) || file.number <= after) continue
        if (ended.has(file.copy)) continue
        bytes += (await files.stat(`${folder}/${name}`))?.sizeBytes ?? 0
        fragments += 1
        await files.remove(`${folder}/${name}`)
      }
      await removeIfEmpty(files, folder, directory)
    }
    return { fragments, bytes }
  }

  /** The copies in a folder whose last fragment is there, or may be: one that can't be read tells nothing. */
  async function endedCopies(
    folder: string,
    backupId: string,
    names: readonly string[],
  ): Promise<ReadonlySet<number>> {
    const newest = new Map<number, number>()
    for (const name of names) {
      const file = parseFragmentFileName(name)
      if (file?.committed === true) newest.set(file.copy, Math.max(file.number, newest.get(file.copy) ?? 0))
    }
    const ended = new Set<number>()
    for (const [copy, number] of newest) {
      const path = `${folder}/${fragmentFileName(copy, number)}`
      if (await mayBeLast(files, { storageUnit, backupId, copy, number, path })) ended.add(copy)
    }
    return ended
  }

  return {
    make: (client, backupId) => inTurn(() => make(client, backupId)),
    find,
    storedImages,
    removeImage: (input) =>
      inTurn(() => removeImage(input)).catch((error: unknown) => {
        throw mediaFailure(error, 'media-write-failed', `removing image ${input.backupId} from`, {
          storageUnit,
          path: directory,
        })
      }),
    removeTemporaries: async () => {
      let removed = 0
      for (const { path } of await allFolders(files, directory)) {
        for (const name of await files.list(path)) {
          if (parseFragmentFileName(name)?.committed !== false) continue
          await files.remove(`${path}/${name}`)
          removed += 1
        }
        await removeIfEmpty(files, path, directory)
      }
      return removed
    },
    checkWritable: async (jobId) => {
      const probe = `${directory}/.nb-probe-${directoryNameOf(jobId)}${TEMPORARY_SUFFIX}`
      try {
        await files.remove(probe)
        const file = await files.open(probe, 'create')
        await file.close()
        await files.remove(probe)
      } catch (error) {
        throw failure(error, 'writing to', directory)
      }
    },
  }
}

async function mayBeLast(files: Files, identity: FragmentIdentity): Promise<boolean> {
  try {
    const found = await describeFragmentFile(await files.open(identity.path, 'read'), identity)
    await found.close()
    return found.last
  } catch (error) {
    if (error instanceof NbError && error.code === 'fragment-corrupt') return true
    throw error
  }
}

/** The last fragment first: what a crash leaves has no gap. */
function inRemovalOrder(names: readonly string[]): readonly string[] {
  return [...names].reverse()
}

async function* imagesIn(files: Files, folder: string, backupId: string): AsyncGenerator<StoredImage> {
  const copies = new Map<number, { fragments: number; bytes: number }>()
  for (const name of await files.list(folder)) {
    const file = parseFragmentFileName(name)
    if (file === undefined) continue
    const sum = copies.get(file.copy) ?? { fragments: 0, bytes: 0 }
    sum.fragments += 1
    sum.bytes += (await files.stat(`${folder}/${name}`))?.sizeBytes ?? 0
    copies.set(file.copy, sum)
  }
  for (const [copy, sum] of copies) yield { backupId, copy, ...sum }
}

async function allFolders(
  files: Files,
  directory: string,
): Promise<readonly { readonly backupId: string; readonly path: string }[]> {
  const folders: { backupId: string; path: string }[] = []
  for (const client of await clientFolders(files, directory)) {
    for (const name of await visibleNames(files, `${directory}/${client}`)) {
      const path = `${directory}/${client}/${name}`
      const backupId = textOfDirectoryName(name)
      if (backupId !== undefined && (await files.stat(path))?.kind === 'directory')
        folders.push({ backupId, path })
    }
  }
  return folders
}

/** What else lies in a storage unit's directory is somebody else's. */
async function clientFolders(files: Files, directory: string): Promise<readonly string[]> {
  const folders: string[] = []
  for (const name of await visibleNames(files, directory))
    if ((await files.stat(`${directory}/${name}`))?.kind === 'directory') folders.push(name)
  return folders
}

async function visibleNames(files: Files, directory: string): Promise<readonly string[]> {
  return (await files.list(directory)).filter((name) => !name.startsWith('.') && name !== 'lost+found')
}

async function isFile(files: Files, path: string): Promise<boolean> {
  return (await files.stat(path))?.kind === 'file'
}

/** Removes an image's directory, and its client's, when nothing is left in it; makes the removals durable. */
async function removeIfEmpty(files: Files, folder: string, directory: string): Promise<void> {
  await files.syncDirectory(folder)
  if ((await files.list(folder)).length > 0) return
  const client = folder.slice(0, folder.lastIndexOf('/'))
  await files.removeDirectory(folder)
  await files.syncDirectory(client)
  if ((await files.list(client)).length > 0) return
  await files.removeDirectory(client)
  await files.syncDirectory(directory)
}
