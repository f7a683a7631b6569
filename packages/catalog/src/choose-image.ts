import { type Clock, displayPath, type ImageRecord, NbError, type Path, type TreeQuery } from '@nb/contracts'
import { encodeName } from './image-folder.ts'
import type { ImageIndex } from './image-index.ts'

/** What choosing an image asks. */
export interface ChoosingParts {
  readonly index: ImageIndex
  readonly clock: Clock
  /** Throws where the header of this image is known to be damaged. */
  readonly refuseDamaged: (backupId: string) => void
}

/**
 * The images that can answer a query, best first: the one that is named, or of each of the client's trees the newest
 * complete image at the time asked for. A policy's scheduled backups follow one tree, so an older image of it never
 * answers for a file that the newest no longer has; each selection of a user's backups is a tree of its own.
 *
 * Throws `no-image-matches` when there is none.
 */
export async function* candidates(
  { index, clock, refuseDamaged }: ChoosingParts,
  query: TreeQuery,
): AsyncGenerator<ImageRecord, void, undefined> {
  const { client, backupId, policy } = query
  if (backupId !== undefined) {
    refuseDamaged(backupId)
    const image = await index.get(backupId)
    const matches = image?.client === client && (policy === undefined || image.policy === policy)
    if (!matches || image.state !== 'complete') throw noImage(query, image)
    yield image
    return
  }
  const seen = new Set<string>()
  const range = { prefix: `client/${encodeName(client)}/`, to: query.at ?? clock.now() }
  for await (const image of index.list(range)) {
    if (image.state !== 'complete' || (policy !== undefined && image.policy !== policy)) continue
    const tree = treeOf(image)
    if (seen.has(tree)) continue
    seen.add(tree)
    yield image
  }
  if (seen.size === 0) throw noImage(query, undefined)
}

function treeOf({ policy, scheduleType, selections }: ImageRecord): string {
  const byUser = scheduleType === 'user-backup' || scheduleType === 'user-archive'
  return JSON.stringify(byUser ? [policy, scheduleType, selections] : [policy])
}

function noImage({ client, backupId, at, policy }: TreeQuery, found: ImageRecord | undefined): NbError {
  const what = backupId === undefined ? 'no complete image' : `no complete image ${backupId}`
  const state = found === undefined || found.state === 'complete' ? '' : `; it is ${found.state}`
  const ofPolicy = policy === undefined ? '' : ` by policy ${policy}`
  const when = at === undefined || backupId !== undefined ? '' : ` at or before ${new Date(at).toISOString()}`
  return new NbError('no-image-matches', `there is ${what} of client ${client}${ofPolicy}${when}${state}`, {
    details: {
      client,
      ...(backupId === undefined ? {} : { backupId }),
      ...(policy === undefined ? {} : { policy }),
    },
  })
}

/** The error of a path that no candidate holds. */
export function notBackedUp(path: Path, images: readonly ImageRecord[]): NbError {
  const ids = images.map(({ backupId }) => backupId)
  return new NbError(
    'path-not-backed-up',
    `${displayPath(path)} is not in ${ids.join(', ')}; list what is, or ask for another time`,
    {
      details: { path, images: ids },
    },
  )
}
