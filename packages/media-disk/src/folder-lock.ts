import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { NbError, SerialQueue } from '@nb/contracts'

/** Keeps other processes of this host out of one storage unit's folder. */
export interface FolderLock {
  /**
   * Takes the folder, until `release` or the end of the process, however that ends. Held already, it does nothing; where another file
   * system has come there since, it takes that. Rejects with `store-locked`, naming the process, where another has it, and with the
   * system's error where there is no folder.
   */
  hold(directory: string): Promise<void>
  /** Gives the folder back; without one it does nothing. */
  release(): Promise<void>
}

/**
 * A lock that the kernel keeps: a socket in its abstract namespace, named after the folder's file system and inode. Nothing is written, so
 * that nothing of the dead is left, a disk that is full or read-only can be held, and one that is held can be unmounted. It is seen by processes in
 * the same network namespace alone: not by other hosts that mount the folder, nor by containers with a network of their own.
 * There are none but on Linux: elsewhere `hold` keeps nobody out.
 */
export function systemFolderLock(): FolderLock {
  const queue = new SerialQueue()
  let held: { readonly name: string; readonly server: Server } | undefined
  const release = async (): Promise<void> => {
    const server = held?.server
    held = undefined
    if (server !== undefined) await new Promise<void>((resolve) => void server.close(() => resolve()))
  }
  return {
    hold: (directory) =>
      queue.run(async () => {
        if (process.platform !== 'linux') return
        const { dev, ino } = await stat(directory, { bigint: true })
        const name = `nb-disk/${dev}-${ino}`
        if (held?.name === name) return
        const server = await listen(name, directory)
        await release()
        held = { name, server }
      }),
    release: () => queue.run(release),
  }
}

async function listen(name: string, directory: string): Promise<Server> {
  const server = createServer((caller) => caller.destroy())
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ path: `\0${name}` }, resolve)
    })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    const pid = await holderOf(name)
    throw new NbError(
      'store-locked',
      `${directory} is in use by ${pid === undefined ? 'another process' : `process ${pid}`}: stop it, or use another folder`,
      { cause, details: { directory, pid: pid ?? null } },
    )
  }
  return server.unref()
}

/** The process with the socket of that name, as far as this user may see it. */
async function holderOf(name: string): Promise<number | undefined> {
  const line = (await textOf('/proc/net/unix'))
    .split('\n')
    .find((each) => each.trimEnd().endsWith(` @${name}`))
  const inode = line?.trim().split(/\s+/)[6]
  if (inode === undefined) return undefined
  const processes = (await readdir('/proc')).filter((each) => /^\d+$/.test(each))
  for (const pid of processes)
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => []))
      if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')) === `socket:[${inode}]`)
        return Number(pid)
  return undefined
}

/** Who has the folder is told where it can be known; that it is held is known without. */
function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
