import type { CallOptions, Catalog, ImageRecord } from '@nb/contracts'
import { counted } from '@nb/contracts'

/**
 * Why images are still there whose time is over, by id: others need their data, or no clean-up has come by yet. Asks the catalog only where
 * there are such.
 */
export async function whyOverdue(
  catalog: Pick<Catalog, 'listImages'>,
  images: readonly ImageRecord[],
  now: number,
  call: CallOptions,
): Promise<ReadonlyMap<string, string>> {
  const overdue = images.filter(
    ({ state, expiresAt }) => state === 'complete' && expiresAt !== undefined && expiresAt <= now,
  )
  const needing = new Map<string, number>()
  for (const client of new Set(overdue.map((image) => image.client)))
    for await (const { backupId, neededImages } of catalog.listImages({ client }, call))
      for (const needed of neededImages)
        if (needed !== backupId) needing.set(needed, (needing.get(needed) ?? 0) + 1)
  return new Map(
    overdue.map(({ backupId }) => {
      const by = needing.get(backupId)
      return [backupId, by === undefined ? 'goes at the next clean-up' : `held for ${counted(by, 'image')}`]
    }),
  )
}
