import type { Files, FileStat, OpenFile } from '@nb/contracts'
import type { MemoryLevel } from 'memory-level'
import { type FaultPlan, seededRandom } from './fault-plan.ts'
import { LoggedDatabase } from './power-loss-level.ts'

/**
 * Storage whose power can be taken away: what was not made durable is gone, as on a real machine.
 *
 * Files: content counts up to the last `sync`, names up to the last `syncDirectory`. Databases: a write without
 * `sync: true` counts once a later write of the same database had it (the write-ahead log is one file). After the
 * power is lost every call rejects with `EPOWER` until {@link PowerLossStorage.restore}. As on a real disk, what was
 * not made durable may yet have got there: a seed decides which part of it.
 */
export interface PowerLossStorage {
  /** The file system. Paths are absolute and exist only in here. */
  readonly files: Files
  /** The database of a name; the same one after each restore, with what was durable. */
  database(name: string): MemoryLevel<string, string>
  /** Takes the power away now. */
  lose(): void
  /** Gives the power back: only what was durable is there. Objects from before stay dead. */
  restore(): void
  /** Operations so far that change something: the moments at which power can be lost. */
  readonly operations: number
  /** Whether the power is away. */
  readonly lost: boolean
}

interface Inode {
  /** What is in the page cache. */
  content: Buffer
  sizeBytes: number
  /** What the medium holds. */
  durable: Buffer
}

type Directory = Map<string, Inode | 'directory'>

/** Options of {@link createPowerLossStorage}. */
export interface PowerLossOptions {
  /** Is told each changing operation (`write`, `rename`, `level:batch`, …) before it happens; a hit takes the power away. */
  readonly faults?: FaultPlan
  /** Decides what of the unsynced survives. @default nothing does */
  readonly seed?: number
}

/** Makes an empty storage. */
export function createPowerLossStorage({ faults, seed }: PowerLossOptions = {}): PowerLossStorage {
  const random = seed === undefined ? () => 0 : seededRandom(seed)
  let generation = 0
  let lost = false
  let operations = 0
  const cached = new Map<string, Directory>([['/', new Map()]])
  let durable = copyNames(cached)
  const databases = new Map<string, LoggedDatabase>()

  const guard = (born: number, operation?: string): void => {
    if (operation !== undefined && !lost && born === generation) {
      operations += 1
      if (faults?.hit(operation) === true) storage.lose()
    }
    if (lost || born !== generation) throw Object.assign(new Error('the power is away'), { code: 'EPOWER' })
  }
  const storage: PowerLossStorage = {
    get files() {
      return createFiles(cached, durable, generation, guard)
    },
    database: (name) => {
      const known = databases.get(name) ?? new LoggedDatabase()
      databases.set(name, known)
      return known.open(generation, guard.bind(undefined, generation))
    },
    lose: () => void (lost = true),
    restore: () => {
      lost = false
      generation += 1
      const names = survivingNames(cached, durable, random)
      cached.clear()
      for (const [path, entries] of names) cached.set(path, reviveContents(entries, random))
      durable = copyNames(cached)
      for (const database of databases.values()) database.restore(random)
    },
    get operations() {
      return operations
    },
    get lost() {
      return lost
    },
  }
  return storage
}

function copyNames(from: Map<string, Directory>): Map<string, Directory> {
  return new Map([...from].map(([path, names]) => [path, new Map(names)]))
}

/** Per directory either the names made durable or those in the cache: a directory's block may have been written back. */
function survivingNames(
  cached: Map<string, Directory>,
  durable: Map<string, Directory>,
  random: () => number,
): Map<string, Directory> {
  const kept = new Map(
    [...durable].map(([path, names]) => [path, (random() > 0.5 ? cached.get(path) : undefined) ?? names]),
  )
  const reachable = new Map<string, Directory>()
  const visit = (path: string): void => {
    const names = new Map(kept.get(path) ?? [])
    reachable.set(path, names)
    for (const [name, inode] of names)
      if (inode === 'directory') visit(path === '/' ? `/${name}` : `${path}/${name}`)
  }
  visit('/')
  return reachable
}

/** Per file either the content made durable or that of the cache. */
function reviveContents(names: Directory, random: () => number): Directory {
  const revived: Directory = new Map()
  for (const [name, inode] of names) {
    if (inode === 'directory') revived.set(name, inode)
    else {
      const survivor =
        random() > 0.5 ? Buffer.from(inode.content.subarray(0, inode.sizeBytes)) : inode.durable
      revived.set(name, { content: Buffer.from(survivor), sizeBytes: survivor.length, durable: survivor })
    }
  }
  return revived
}

type Guard = (generation: number, operation?: string) => void

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

function split(path: string): { readonly parent: string; readonly name: string } {
  const at = path.lastIndexOf('/')
  return { parent: path.slice(0, at) || '/', name: path.slice(at + 1) }
}

function createFiles(
  cached: Map<string, Directory>,
  durable: Map<string, Directory>,
  born: number,
  guard: Guard,
): Files {
  const directory = (path: string): Directory => {
    const found = cached.get(path)
    if (found === undefined) throw systemError('ENOENT', path)
    return found
  }
  const find = (path: string): Inode | 'directory' | undefined => {
    if (path === '/') return 'directory'
    const { parent, name } = split(path)
    return cached.get(parent)?.get(name)
  }
  const act = <Value>(operation: string | undefined, body: () => Value): Promise<Value> =>
    // A turn of the event loop, as with real files, so that calls interleave.
    new Promise((resolve, reject) => {
      setImmediate(() => {
        try {
          guard(born, operation)
          resolve(body())
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      })
    })
  return {
    open: (path, mode) =>
      act(mode === 'create' || mode === 'append' ? 'open' : undefined, () => {
        const { parent, name } = split(path)
        const existing = directory(parent).get(name)
        if (existing === 'directory') throw systemError('EISDIR', path)
        if (existing !== undefined && mode === 'create') throw systemError('EEXIST', path)
        if (existing === undefined && (mode === 'read' || mode === 'update'))
          throw systemError('ENOENT', path)
        const inode = existing ?? { content: Buffer.alloc(0), sizeBytes: 0, durable: Buffer.alloc(0) }
        if (existing === undefined) directory(parent).set(name, inode)
        return openInode(inode, mode, act)
      }),
    // Owners are not kept here.
    takeOwner: () => Promise.resolve(),
    rename: (from, to) =>
      act('rename', () => {
        const source = split(from)
        const inode = directory(source.parent).get(source.name)
        if (inode === undefined || inode === 'directory') throw systemError('ENOENT', from)
        const target = split(to)
        directory(target.parent).set(target.name, inode)
        directory(source.parent).delete(source.name)
      }),
    link: (from, to) =>
      act('link', () => {
        const inode = find(from)
        if (inode === undefined || inode === 'directory') throw systemError('ENOENT', from)
        const { parent, name } = split(to)
        if (directory(parent).has(name)) throw systemError('EEXIST', to)
        directory(parent).set(name, inode)
      }),
    remove: (path) =>
      act('remove', () => {
        const { parent, name } = split(path)
        cached.get(parent)?.delete(name)
      }),
    removeDirectory: (path) =>
      act('removeDirectory', () => {
        if ((cached.get(path)?.size ?? 0) > 0) throw systemError('ENOTEMPTY', path)
        cached.delete(path)
        const { parent, name } = split(path)
        cached.get(parent)?.delete(name)
      }),
    makeDirectory: (path) =>
      act('makeDirectory', () => {
        const parts = path.split('/').filter((part) => part !== '')
        let at = '/'
        for (const part of parts) {
          directory(at).set(part, directory(at).get(part) ?? 'directory')
          at = at === '/' ? `/${part}` : `${at}/${part}`
          if (!cached.has(at)) cached.set(at, new Map())
        }
      }),
    syncDirectory: (path) =>
      act('syncDirectory', () => {
        durable.set(path, new Map(directory(path)))
        for (const [name, inode] of directory(path)) {
          const child = path === '/' ? `/${name}` : `${path}/${name}`
          // A name made durable is an empty directory until its own names are.
          if (inode === 'directory' && !durable.has(child)) durable.set(child, new Map())
        }
      }),
    list: (path) => act(undefined, () => [...(cached.get(path)?.keys() ?? [])].sort()),
    stat: (path) =>
      act(undefined, (): FileStat | undefined => {
        const inode = find(path)
        if (inode === undefined) return undefined
        return inode === 'directory'
          ? { kind: 'directory', sizeBytes: 0, modifiedAt: 0 }
          : { kind: 'file', sizeBytes: inode.sizeBytes, modifiedAt: 0 }
      }),
    readFile: (path) =>
      act(undefined, () => {
        const inode = find(path)
        if (inode === 'directory') throw systemError('EISDIR', path)
        return inode === undefined ? undefined : Buffer.from(inode.content.subarray(0, inode.sizeBytes))
      }),
    space: () => act(undefined, () => ({ totalBytes: 2 ** 40, freeBytes: 2 ** 39 })),
  }
}

function openInode(
  inode: Inode,
  mode: Parameters<Files['open']>[1],
  act: <Value>(operation: string | undefined, body: () => Value) => Promise<Value>,
): OpenFile {
  const resize = (sizeBytes: number): void => {
    if (sizeBytes > inode.content.length) {
      const grown = Buffer.alloc(Math.max(sizeBytes, inode.content.length * 2))
      inode.content.copy(grown, 0, 0, inode.sizeBytes)
      inode.content = grown
    } else if (sizeBytes < inode.sizeBytes) inode.content.fill(0, sizeBytes, inode.sizeBytes)
    inode.sizeBytes = sizeBytes
  }
  return {
    write: (data, position) =>
      act('write', () => {
        const at = mode === 'append' || position === undefined ? inode.sizeBytes : position
        if (at + data.length > inode.sizeBytes) resize(at + data.length)
        inode.content.set(data, at)
      }),
    read: (target, position) =>
      act(undefined, () =>
        inode.content.copy(target, 0, position, Math.min(inode.sizeBytes, position + target.length)),
      ),
    sync: () =>
      act('sync', () => void (inode.durable = Buffer.from(inode.content.subarray(0, inode.sizeBytes)))),
    truncate: (sizeBytes) => act('truncate', () => resize(sizeBytes)),
    size: () => act(undefined, () => inode.sizeBytes),
    close: () => Promise.resolve(),
  }
}
