import type { CallOptions, Logger } from '@nb/contracts'
import { asNbError, NbError, throwIfAborted } from '@nb/contracts'
import type { HeaderStore } from './header-store.ts'
import { type HeaderStamp, type ImageIndex, storeFailure } from './image-index.ts'

/** An image whose header can't be read: it is listed nowhere and nothing of it is touched. */
export interface DamagedImage {
  readonly backupId: string
  readonly error: NbError
}

/** What a start found. */
export interface Reconciliation {
  /** Images whose header was read, because the index did not know it or knew another. */
  readonly indexed: number
  /** Folders without a committed header, removed. */
  readonly removed: number
  /** Images of the index that are not on disk any more. */
  readonly gone: number
  readonly damaged: readonly DamagedImage[]
}

/** What {@link reconcile} works with. */
export interface ReconcileParts {
  readonly headers: HeaderStore
  readonly index: ImageIndex
  readonly logger: Logger
}

/**
 * Makes the index equal to the headers: one `stat` for each image it knows already, one read for the others.
 * An index that is missing or damaged is made anew. An image that can't be read never keeps the rest from starting.
 */
export async function reconcile(parts: ReconcileParts, options?: CallOptions): Promise<Reconciliation> {
  const { headers, index, logger } = parts
  const stamps = await loadOrReset(parts)
  const damaged: DamagedImage[] = []
  let indexed = 0
  let removed = 0
  for await (const found of headers.folders()) {
    throwIfAborted(options)
    if ('foreign' in found) {
      logger.error('%s is no image and is left alone', found.foreign)
      continue
    }
    const known = stamps.get(found.backupId)
    stamps.delete(found.backupId)
    try {
      const outcome = await refresh(parts, found.backupId, known)
      if (outcome === 'indexed') indexed += 1
      if (outcome === 'removed') removed += 1
    } catch (error) {
      const failure = asNbError(error)
      if (!unreadable(failure)) throw error
      const what = failure.code === 'version-unsupported' ? 'is left alone' : 'is damaged'
      logger.error('image %s %s: %s', found.backupId, what, failure.message)
      await index.set(found.backupId, undefined)
      damaged.push({ backupId: found.backupId, error: failure })
    }
  }
  for (const backupId of stamps.keys()) {
    logger.error('image %s is in the index and not on disk; it is taken out', backupId)
    await index.set(backupId, undefined)
  }
  return { indexed, removed, gone: stamps.size, damaged }
}

async function loadOrReset({ index, logger }: ReconcileParts): Promise<Map<string, HeaderStamp>> {
  try {
    const stamps = await index.load()
    if (stamps !== undefined) return stamps
    logger('the index is made from the headers')
  } catch (error) {
    logger.error('the index is damaged and is made anew from the headers: %s', (error as Error).message)
  }
  await index.reset().catch((error: unknown) => {
    throw storeFailure(error)
  })
  return new Map()
}

async function refresh(
  { headers, index }: ReconcileParts,
  backupId: string,
  known: HeaderStamp | undefined,
): Promise<'same' | 'indexed' | 'removed'> {
  const stamp = await headers.stamp(backupId)
  if (stamp === undefined) {
    await headers.removeUncommitted(backupId)
    if (known !== undefined) await index.set(backupId, undefined)
    return 'removed'
  }
  if (known !== undefined && known.sizeBytes === stamp.sizeBytes && known.modifiedAt === stamp.modifiedAt)
    return 'same'
  const image = await headers.read(backupId)
  if (image === undefined)
    throw new NbError('internal', `the header of ${backupId} vanished while it was read`)
  await index.set(backupId, { image, stamp })
  return 'indexed'
}

/** Whether an error is that of a header, which does not keep others from being used. */
export function unreadable(error: NbError): boolean {
  return (
    error.code === 'version-unsupported' || (error.code === 'store-corrupt' && 'backupId' in error.details)
  )
}
