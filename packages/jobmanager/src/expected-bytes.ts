import type { Catalog, ImageCopy, ImageRecord } from '@nb/contracts'
import type { JobRecord } from './job-record.ts'

/** The status of a try that found no room. */
export const noRoom = 129
/** A try that found no room would have written more than it had; so much at least is expected then. */
const moreThanThere = 1.1
const leastStep = 1024 * 1024

/**
 * An expectation, rounded up to one of four steps from a power of two to the next, at least 1 MiB: requests of about the same
 * size are alike for the broker, and an image is rarely of the very size of the last.
 */
export function inSteps(bytes: number): number {
  if (bytes <= leastStep) return leastStep
  const step = 2 ** Math.floor(Math.log2(bytes)) / 4
  return Math.ceil(bytes / step) * step
}

/**
 * What a backup is expected to write: as much as the last image of its kind, policy, client and stream; more than what a try before
 * had written when it found no room; less what its checkpoint has written already. `undefined` where nothing is known.
 */
export function expectedBytes(
  { tries, checkpoint }: Pick<JobRecord, 'tries' | 'checkpoint'>,
  last: ImageRecord | undefined,
): number | undefined {
  const found = tries.filter(({ status }) => status === noRoom).map(({ bytes }) => bytes * moreThanThere)
  const known = last?.counts === undefined ? found : [...found, sizeOf(last)]
  if (known.length === 0) return undefined
  return inSteps(Math.max(...known) - (checkpoint?.streamBytes ?? 0))
}

/** What an image took of its primary copy's medium. */
function sizeOf({ copies, counts }: ImageRecord): number {
  const [primary] = copies
  return primary === undefined ? (counts?.streamBytes ?? 0) : storedBytesOf(primary)
}

/** What a copy takes on its medium. */
export function storedBytesOf({ fragments }: Pick<ImageCopy, 'fragments'>): number {
  return fragments.reduce((sum, { storedBytes, streamBytes }) => sum + (storedBytes ?? streamBytes), 0)
}

/** The newest complete image of a backup's kind, policy, client and stream. */
export async function lastOfItsKind(
  catalog: Catalog,
  { backup, client, stream }: Pick<JobRecord, 'backup' | 'client' | 'stream'>,
  signal: AbortSignal,
): Promise<ImageRecord | undefined> {
  if (backup === undefined) return undefined
  const filter = { policy: backup.policy.name, client, scheduleTypes: [backup.schedule.type] }
  const images = catalog.listImages(stream === undefined ? filter : { ...filter, stream }, { signal })
  for await (const image of images) if (image.stream === stream) return image
  return undefined
}
