import { type Catalog, asNbError } from '@nb/contracts'

/**
 * What is wrong with the file list of an image, where a work that read it has failed for that; `undefined` where it failed for something
 * else. Damage that the catalog finds while it sends the list breaks the channel to its reader: its record of the image tells of it by then.
 */
export async function damageOfList(
  catalog: Pick<Catalog, 'getImage'>,
  backupId: string,
  error: unknown,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { code, message } = asNbError(error)
  if (code !== 'file-list-corrupt' && code !== 'channel-broken') return undefined
  const image = await catalog.getImage({ backupId }, { signal })
  return image?.damaged ?? (code === 'file-list-corrupt' ? message : undefined)
}
