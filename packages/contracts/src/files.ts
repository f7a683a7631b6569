import { constants, readSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Directories and files at rest, as far as the stores need them. A local power: it never crosses a wire.
 * It exists so that tests can take the power away: until `sync` of a file, and `syncDirectory` of the folder
 * that names it, nothing written or renamed has to survive. Errors are Node's system errors (`code` such as `ENOENT`).
 */
export interface Files {
  /** Opens a file: `create` fails with `EEXIST` when it is there, `append` makes it when it is not, `read` never makes one. */
  open(path: string, mode: 'create' | 'append' | 'read' | 'update'): Promise<OpenFile>
  /** Replaces `to` in one step. */
  rename(from: string, to: string): Promise<void>
  /** A second name for a file, on the same file system; fails with `EEXIST` when `to` is there. */
  link(from: string, to: string): Promise<void>
  /** Gives a file owner, group and permissions of another, as far as this process may. */
  takeOwner(path: string, from: string): Promise<void>
  /** Removes a file; absence is no error. */
  remove(path: string): Promise<void>
  /** Removes an empty directory; absence is no error. */
  removeDirectory(path: string): Promise<void>
  /** Makes a directory and its parents, mode 0700. */
  makeDirectory(path: string): Promise<void>
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>
  /** The names in a directory, sorted; absence is an empty list. */
  list(path: string): Promise<readonly string[]>
  /** Size and kind, or `undefined` when there is none. Links are not followed. */
  stat(path: string): Promise<FileStat | undefined>
  /** The whole of a small file, or `undefined` when there is none. */
  readFile(path: string): Promise<Buffer | undefined>
  /** Size and free bytes of the file system that holds the path. */
  space(path: string): Promise<{ readonly totalBytes: number; readonly freeBytes: number }>
}

/** What {@link Files.stat} tells. */
export interface FileStat {
  readonly kind: 'file' | 'directory' | 'other'
  readonly sizeBytes: number
  /** Last change of the content, milliseconds since the epoch. */
  readonly modifiedAt: number
}

/** An open file. Offsets and lengths are bytes. */
export interface OpenFile {
  /** Writes all of `data` at `position`, or at the end for `append`. The buffer may be reused afterwards. */
  write(data: Uint8Array, position?: number): Promise<void>
  /** Fills `target` from `position` as far as the file goes; gives the bytes read. */
  read(target: Uint8Array, position: number): Promise<number>
  /**
   * The same on the calling thread, which waits for it: for short reads of what is most likely in memory. Absent where
   * a file can only be read by waiting.
   */
  readNow?(target: Uint8Array, position: number): number
  /** Makes the content durable. */
  sync(): Promise<void>
  /** Cuts or lengthens. */
  truncate(sizeBytes: number): Promise<void>
  /** The present size. */
  size(): Promise<number>
  /** Closes; closing twice does nothing. */
  close(): Promise<void>
}

/**
 * Writes a small file so that after a crash either the old content or the new is there, durably, and never a mix:
 * a temporary beside it, sync, rename, sync of the directory.
 */
export async function replaceFile(files: Files, path: string, content: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`
  await files.remove(temporary)
  const file = await files.open(temporary, 'create')
  try {
    await file.write(content, 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await files.rename(temporary, path)
  await files.syncDirectory(path.slice(0, path.lastIndexOf('/')) || '/')
}

const flags = {
  create: constants.O_CREAT | constants.O_EXCL | constants.O_RDWR,
  append: constants.O_CREAT | constants.O_APPEND | constants.O_RDWR,
  read: constants.O_RDONLY,
  update: constants.O_RDWR,
} as const

/** The host's file system. Files are made with mode 0600. */
export function systemFiles(): Files {
  return {
    open: async (path, mode) => openFile(await fs.open(path, flags[mode] | constants.O_NOFOLLOW, 0o600)),
    rename: (from, to) => fs.rename(from, to),
    link: (from, to) => fs.link(from, to),
    takeOwner: async (path, from) => {
      const { uid, gid, mode } = await fs.stat(from)
      // Others' files can be given away by root alone, and to groups one is in.
      await fs.chown(path, uid, gid).catch(unlessForbidden)
      await fs.chmod(path, mode & 0o7777)
    },
    remove: (path) => fs.unlink(path).catch(unlessAbsent),
    removeDirectory: (path) => fs.rmdir(path).catch(unlessAbsent),
    makeDirectory,
    syncDirectory: async (path) => {
      const directory = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY)
      await directory.sync().finally(() => directory.close())
    },
    list: async (path) => ((await fs.readdir(path).catch(unlessAbsent)) ?? []).sort(),
    stat: async (path) => {
      const stat = await fs.lstat(path).catch(unlessAbsent)
      if (stat === undefined) return undefined
      const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other'
      return { kind, sizeBytes: stat.size, modifiedAt: stat.mtimeMs }
    },
    readFile: async (path) => (await fs.readFile(path).catch(unlessAbsent)) ?? undefined,
    space: async (path) => {
      const stat = await fs.statfs(path)
      return { totalBytes: stat.blocks * stat.bsize, freeBytes: stat.bavail * stat.bsize }
    },
  }
}

function openFile(handle: fs.FileHandle): OpenFile {
  let closed: Promise<void> | undefined
  return {
    write: async (data, position) => {
      for (let done = 0; done < data.length;) {
        const at = position === undefined ? null : position + done
        const { bytesWritten } = await handle.write(data, done, data.length - done, at)
        done += bytesWritten
      }
    },
    read: async (target, position) => {
      let done = 0
      while (done < target.length) {
        const { bytesRead } = await handle.read(target, done, target.length - done, position + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return done
    },
    readNow: (target, position) => {
      let done = 0
      while (done < target.length) {
        const bytesRead = readSync(handle.fd, target, done, target.length - done, position + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return done
    },
    sync: () => handle.datasync(),
    truncate: (sizeBytes) => handle.truncate(sizeBytes),
    size: async () => (await handle.stat()).size,
    close: () => (closed ??= handle.close()),
  }
}

function unlessForbidden(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'EPERM') return undefined
  throw error
}

function unlessAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
  throw error
}

/**
 * Makes a directory and those above it that are not there. Node's own way of this never ends where the file system says of
 * a directory that is there that it is not, as below `/proc`.
 */
async function makeDirectory(path: string): Promise<void> {
  const make = async (): Promise<void> => {
    try {
      await fs.mkdir(path, { mode: 0o700 })
    } catch (error) {
      const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST'
      if (!isThere || !(await fs.stat(path)).isDirectory()) throw error
    }
  }
  try {
    await make()
  } catch (error) {
    const parent = dirname(path)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error
    await makeDirectory(parent)
    await make()
  }
}
