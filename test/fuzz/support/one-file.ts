import type { FileStat, Files, OpenFile } from '@nb/contracts'

/** Files with a single one in them, read only, in memory. */
export function oneFile(path: string, bytes: Buffer): Files {
  return heldFiles(new Map([[path, bytes]]))
}

/** Files of one folder, read only, in memory. */
export function heldFiles(held: ReadonlyMap<string, Buffer>): Files {
  const absent = (): never => {
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
  }
  const refuse = (): never => {
    throw new Error('it is only read here')
  }
  const open = (bytes: Buffer): OpenFile => ({
    read: async (target, position) =>
      bytes.copy(target, 0, Math.min(position, bytes.length), position + target.length),
    size: async () => bytes.length,
    close: async () => undefined,
    write: refuse,
    sync: refuse,
    truncate: refuse,
  })
  const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))
  const [first = ''] = held.keys()
  const folder: FileStat = { kind: 'directory', sizeBytes: 0, modifiedAt: 0 }
  return {
    open: async (path) => {
      const bytes = held.get(path)
      return bytes === undefined ? absent() : open(bytes)
    },
    stat: async (path) => {
      const bytes = held.get(path)
      if (bytes !== undefined) return { kind: 'file', sizeBytes: bytes.length, modifiedAt: 0 }
      return path === folderOf(first) || path === '/' ? folder : undefined
    },
    readFile: async (path) => held.get(path),
    list: async (path) =>
      [...held.keys()].filter((one) => folderOf(one) === path).map((one) => one.slice(path.length + 1)),
    space: async () => ({ totalBytes: 0, freeBytes: 0 }),
    link: refuse,
    takeOwner: refuse,
    rename: refuse,
    remove: refuse,
    removeDirectory: refuse,
    makeDirectory: refuse,
    syncDirectory: refuse,
  }
}
