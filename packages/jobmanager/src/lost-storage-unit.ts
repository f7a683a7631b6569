import type { CallOptions, Catalog, ImageRecord } from '@nb/contracts'

/** What was on a storage unit that is lost. */
export interface LostStorageUnit {
  /** Images that had another copy elsewhere: they have that one. */
  readonly elsewhere: readonly string[]
  /** Images whose only copy was there: they are expired. */
  readonly gone: readonly string[]
}

/**
 * Has the catalog know that all that a storage unit held is lost: its copies go from the records of images that have another one, images
 * that have none are expired, whoever needs them. So nothing is restored from it, and no incremental refers to it. Can be repeated.
 * Rejects with what the catalog says.
 */
export async function giveUpStorageUnit(
  { catalog }: { readonly catalog: Pick<Catalog, 'listImages' | 'removeCopy' | 'expireImage'> },
  storageUnit: string,
  options?: CallOptions,
): Promise<LostStorageUnit> {
  const elsewhere: string[] = []
  const gone: string[] = []
  const lost: ImageRecord[] = []
  for await (const image of catalog.listImages({}, options))
    if (image.copies.some((copy) => copy.storageUnit === storageUnit)) lost.push(image)
  for (const { backupId, copies } of lost) {
    const there = copies.filter((copy) => copy.storageUnit === storageUnit)
    if (there.length === copies.length) {
      await catalog.expireImage({ backupId, force: true }, options)
      gone.push(backupId)
      continue
    }
    for (const { copy } of there) await catalog.removeCopy({ backupId, copy }, options)
    elsewhere.push(backupId)
  }
  return { elsewhere, gone }
}
