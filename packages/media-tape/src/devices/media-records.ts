import { type Drive, type MediaManager, NbError, type Volume } from '@nb/contracts'

/** All of a listing at once. */
export async function listOf<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

/** A volume as the media manager knows it. Rejects with `not-found`. */
export async function volumeOf(media: MediaManager, volumeId: string): Promise<Volume> {
  for await (const volume of media.volumes({ volumeId })) return volume
  throw new NbError('not-found', `Volume ${volumeId} is not known.`, { details: { volumeId } })
}

/** A drive as the media manager knows it, where it does. */
export async function driveOf(media: MediaManager, name: string): Promise<Drive | undefined> {
  for await (const drive of media.drives({ name })) return drive
  return undefined
}
