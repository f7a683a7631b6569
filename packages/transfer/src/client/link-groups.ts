/** A member of this image that holds a file's data. */
export interface StoredMember {
  /** Path inside the archive. */
  readonly memberPath: Buffer
  readonly memberOffset: number
  readonly memberBytes: number
  readonly sizeBytes: number
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly flags: number
  /** Of the content, where digests are asked for. */
  readonly digest: Buffer | undefined
}

/** The names of one file that were met so far. */
export interface LinkGroup {
  /** The first name in this file list; further ones are hard links to it. */
  readonly firstPath: Buffer
  /** Where this image holds the data, once it does. */
  stored?: StoredMember
}

/** What a file was when its first name was met. */
export interface LinkedFile {
  readonly nlink: number
  readonly mtimeNs: bigint
  readonly size: number
}

/** A group of which more names may come, as plain data. */
export interface OpenLinkGroup {
  /** The file's identity. */
  readonly key: string
  readonly namesLeft: number
  readonly firstPath: Buffer
  readonly mtimeNs: bigint
  readonly size: number
  readonly stored?: StoredMember
}

interface Known {
  readonly group: LinkGroup
  readonly mtimeNs: bigint
  readonly size: number
  namesLeft: number
  /** Whether another reader has met it, perhaps long ago. */
  readonly isOld: boolean
}

/** Files with several names, from the first name met until the last: memory is bounded by the names still to come. */
export class LinkGroups {
  readonly #groups = new Map<string, Known>()

  /** @param open - groups that another reader has left open */
  constructor(open: readonly OpenLinkGroup[] = []) {
    for (const { key, namesLeft, firstPath, mtimeNs, size, stored } of open) {
      const group: LinkGroup = { firstPath, ...(stored === undefined ? {} : { stored }) }
      this.#groups.set(key, { group, namesLeft, mtimeNs, size, isOld: true })
    }
  }

  /** The group that a name belongs to, and whether it is the first of it. */
  meet(
    key: string,
    { nlink, mtimeNs, size }: LinkedFile,
    path: Buffer,
  ): { readonly group: LinkGroup; readonly isFirst: boolean } {
    const known = this.#groups.get(key)
    // After a long break the inode may be another file's, or the data other data: it is read as a file of its own.
    const isOther = known?.isOld === true && (known.mtimeNs !== mtimeNs || known.size !== size)
    if (known === undefined || isOther) {
      const group: LinkGroup = { firstPath: aloneCopy(path) }
      this.#groups.set(key, { group, namesLeft: nlink - 1, mtimeNs, size, isOld: false })
      return { group, isFirst: true }
    }
    if (--known.namesLeft === 0) this.#groups.delete(key)
    return { group: known.group, isFirst: false }
  }

  /** Takes back a first name that turned out not to be there. */
  forget(key: string): void {
    this.#groups.delete(key)
  }

  /** The groups of which more names may come. */
  open(): readonly OpenLinkGroup[] {
    return [...this.#groups].map(([key, { group, namesLeft, mtimeNs, size }]) => ({
      key,
      namesLeft,
      mtimeNs,
      size,
      firstPath: group.firstPath,
      ...(group.stored === undefined ? {} : { stored: group.stored }),
    }))
  }
}

/** A copy in memory of its own: a piece of memory that many paths share would stay for the sake of one. */
export function aloneCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}
