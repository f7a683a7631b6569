import type { FileStat } from '../posix/file-stat.ts'

/** What tells a file from all others, whatever it is called: its device and inode. */
export type Identity = Pick<FileStat, 'devMajor' | 'devMinor' | 'inoHigh' | 'inoLow'>

/** A name for what a file is, whatever its path. */
export function identityKey({ devMajor, devMinor, inoHigh, inoLow }: Identity): string {
  const inode = inoHigh === 0 ? inoLow : (BigInt(inoHigh) << 32n) | BigInt(inoLow)
  return `${devMajor}:${devMinor}:${inode}`
}

/** Whether two are one file. */
export function isSameFile(a: Identity, b: Identity): boolean {
  return (
    a.inoLow === b.inoLow && a.inoHigh === b.inoHigh && a.devMinor === b.devMinor && a.devMajor === b.devMajor
  )
}

/** A few files, of which every file of a walk is asked whether it is among them. */
export class IdentitySet {
  readonly #keys = new Set<string>()
  /** Lower halves of their inodes: for nearly all that are asked of these answer. */
  readonly #inodes = new Set<number>()

  add(file: Identity): void {
    this.#keys.add(identityKey(file))
    this.#inodes.add(file.inoLow)
  }

  has(file: Identity): boolean {
    return this.#inodes.has(file.inoLow) && this.#keys.has(identityKey(file))
  }
}
