import type { FileStat, Files, OpenFile } from '@nb/contracts'

/** Files with a single one in them, read only, in memory. */
export function oneFile(path: string, bytes: Buffer): Files {
  const absent = (): never => {
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
  }
  const refuse = (): never => {
    throw new Error('it is only read here')
  }
  const file: OpenFile = {
    read: async (target, position) => bytes.copy(target, 0, position, position + target.length),
    size: async () => bytes.length,
    close: async () => undefined,
    write: refuse,
    sync: refuse,
    truncate: refuse,
  }
  const stat: FileStat = { kind: 'file', sizeBytes: bytes.length, modifiedAt: 0 }
  const folder = path.slice(0, path.lastIndexOf('/'))
  return {
    open: async (asked) => (asked === path ? file : absent()),
    stat: async (asked) =>
      asked === path ? stat : asked === folder || asked === '/' ? { ...stat, kind: 'directory' } : undefined,
    readFile: async (asked) => (asked === path ? bytes : undefined),
    list: async (asked) => (asked === folder ? [path.slice(folder.length + 1)] : []),
    space: async () => ({ totalBytes: 0, freeBytes: 0 }),
    rename: refuse,
    remove: refuse,
    removeDirectory: refuse,
    makeDirectory: refuse,
    syncDirectory: refuse,
  }
}
