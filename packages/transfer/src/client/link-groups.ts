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
}

/** The names of one file that were met so far. */
export interface LinkGroup {
  /** The first name in this file list; further ones are hard links to it. */
  readonly firstPath: Buffer
  /** Where this image holds the data, once it does. */
  stored?: StoredMember
}

/** Files with several names, from the first name met until the last: memory is bounded by the names still to come. */
export class LinkGroups {
  readonly #groups = new Map<string, { readonly group: LinkGroup; namesLeft: number }>()

  /** The group that a name belongs to, and whether it is the first of it. */
  meet(
    key: string,
    linkCount: number,
    path: Buffer,
  ): { readonly group: LinkGroup; readonly isFirst: boolean } {
    const known = this.#groups.get(key)
    if (known === undefined) {
      const group: LinkGroup = { firstPath: path }
      this.#groups.set(key, { group, namesLeft: linkCount - 1 })
      return { group, isFirst: true }
    }
    if (--known.namesLeft === 0) this.#groups.delete(key)
    return { group: known.group, isFirst: false }
  }

  /** Takes back a first name that turned out not to be there. */
  forget(key: string): void {
    this.#groups.delete(key)
  }
}
