import { type Clock, displayPath, type ImageRecord, NbError, type Path, type TreeQuery } from '@nb/contracts'
import { parseBackupId } from './backup-id.ts'
import { encodeName } from './image-folder.ts'
import type { ImageIndex } from './image-index.ts'
import { streamPrefix } from './index-keys.ts'

/** What choosing an image asks. */
export interface ChoosingParts {
  readonly index: ImageIndex
  readonly clock: Clock
  /** Throws where the header of this image is known to be damaged. */
  readonly refuseDamaged: (backupId: string) => void
}

/**
 * The trees that can answer a query, best first, each as its images, newest first: the images that are named, or each
 * of the client's trees as it was at the time asked for. A policy's scheduled backups follow one tree, so an older image
 * of it never answers for a file that the newest no longer has; each selection of a user's backups is a tree of its own.
 * The tree of a policy of several streams is the newest image and that of each other stream of its set.
 *
 * Throws `no-image-matches` when there is none.
 */
export async function* candidates(
  parts: ChoosingParts,
  query: TreeQuery,
): AsyncGenerator<readonly ImageRecord[], void, undefined> {
  const { index, clock } = parts
  const { client, backupId, backupIds, policy } = query
  if (backupId !== undefined || backupIds !== undefined) {
    yield await namedImages(parts, query)
    return
  }
  const to = query.at ?? clock.now()
  const seen = new Set<string>()
  const range = { prefix: `client/${encodeName(client)}/`, to }
  for await (const image of index.list(range)) {
    if (image.state !== 'complete' || (policy !== undefined && image.policy !== policy)) continue
    const tree = treeOf(image)
    if (seen.has(tree)) continue
    seen.add(tree)
    yield await withOtherStreams(index, image, to)
  }
  if (seen.size === 0) throw noImage(query, undefined)
}

async function namedImages(
  { index, refuseDamaged }: ChoosingParts,
  query: TreeQuery,
): Promise<readonly ImageRecord[]> {
  const { client, backupId, backupIds, policy } = query
  if ((backupId !== undefined && backupIds !== undefined) || backupIds?.length === 0)
    throw new NbError('argument-invalid', 'backupIds must name images, and backupId must be absent then', {
      details: { field: 'backupIds' },
    })
  const images: ImageRecord[] = []
  for (const id of new Set(backupIds ?? [backupId ?? ''])) {
    refuseDamaged(id)
    const image = await index.get(id)
    const matches = image?.client === client && (policy === undefined || image.policy === policy)
    if (!matches || image.state !== 'complete') throw noImage({ ...query, backupId: id }, image)
    images.push(image)
  }
  return images.sort((a, b) => b.backupTime - a.backupTime || newerId(a, b))
}

/** The newest image of a policy with those that complete its tree, newest first. */
async function withOtherStreams(
  index: ImageIndex,
  newest: ImageRecord,
  to: number,
): Promise<readonly ImageRecord[]> {
  const { stream, streamSet } = newest
  if (streamSet === undefined || isByUser(newest)) return [newest]
  const images = [newest]
  for (const other of streamSet) {
    if (other === stream) continue
    for await (const image of index.list({ prefix: streamPrefix(newest, other), to })) {
      if (image.state !== 'complete' || isByUser(image)) continue
      images.push(image)
      break
    }
  }
  return images.sort((a, b) => b.backupTime - a.backupTime || newerId(a, b))
}

function newerId(a: ImageRecord, b: ImageRecord): number {
  const seconds = (image: ImageRecord): number => parseBackupId(image.backupId)?.seconds ?? 0
  return seconds(b) - seconds(a)
}

/** Whether a user asked for it: a tree of its own beside those of the policy. */
export function isByUser({ scheduleType }: ImageRecord): boolean {
  return scheduleType === 'user-backup' || scheduleType === 'user-archive'
}

function treeOf(image: ImageRecord): string {
  const { policy, scheduleType, selections } = image
  return JSON.stringify(isByUser(image) ? [policy, scheduleType, selections] : [policy])
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
