import { type Clock, displayPath, type ImageRecord, NbError, type Path, type TreeQuery } from '@nb/contracts'
import { parseBackupId } from './backup-id.ts'
import { encodeName } from './image-folder.ts'
import type { ImageIndex } from './image-index.ts'
import { streamPrefix, treesPrefix, usersPrefix } from './index-keys.ts'
import { isByUser, TreeJoin, treeOf } from './tree-claims.ts'

/** What choosing an image asks. */
export interface ChoosingParts {
  readonly index: ImageIndex
  readonly clock: Clock
  /** Throws where the header of this image is known to be damaged. */
  readonly refuseDamaged: (backupId: string) => void
}

/**
 * What can answer a query, best first, each as its images, newest first.
 *
 * The images that are named are one answer, and the only one. Else it is the client's trees as they were at the time asked
 * for: all that know the newest state of anything there, joined; then each by itself, the newest first, for a path that is not
 * in these since the newest tree that reaches it lacks it.
 *
 * Throws `no-image-matches` when there is none.
 *
 * @param paths - what is asked for; `/` for everything
 */
export async function* candidates(
  parts: ChoosingParts,
  query: TreeQuery,
  paths: readonly Buffer[],
): AsyncGenerator<readonly ImageRecord[], void, undefined> {
  if (query.backupId !== undefined || query.backupIds !== undefined) {
    yield await namedImages(parts, query)
    return
  }
  const join = new TreeJoin(paths)
  let count = 0
  for await (const images of treesByAge(parts, query)) {
    count += 1
    join.add(images)
    if (join.isComplete) break
  }
  if (count === 0) throw noImage(query, undefined)
  const joined = join.images.toSorted(byAge)
  if (joined.length > 0) yield joined
  for await (const images of treesByAge(parts, query)) {
    const isJoined = images.length === joined.length && images.every((image, i) => image === joined[i])
    if (!isJoined) yield images
  }
}

/**
 * The trees that a query allows, the newest first. A policy's backups follow one tree, of which an older one never answers for a
 * file that the newest no longer has; of several streams it is the newest of each. A backup that a user asked for is of the
 * tree of what they selected.
 */
async function* treesByAge(
  parts: ChoosingParts,
  query: TreeQuery,
): AsyncGenerator<readonly ImageRecord[], void, undefined> {
  const ofPolicies = await policyTrees(parts, query)
  for await (const image of userTrees(parts, query)) {
    while (ofPolicies[0]?.[0] !== undefined && byAge(ofPolicies[0][0], image) < 0)
      yield ofPolicies.shift() as readonly ImageRecord[]
    yield [image]
  }
  yield* ofPolicies
}

async function policyTrees(
  { index, clock }: ChoosingParts,
  { client, policy, at: to = clock.now() }: TreeQuery,
): Promise<(readonly ImageRecord[])[]> {
  const trees: (readonly ImageRecord[])[] = []
  for (const prefix of await index.trees(client)) {
    if (policy !== undefined && prefix !== `${treesPrefix(client)}${encodeName(policy)}/`) continue
    for await (const image of index.list({ prefix, to })) {
      if (image.state !== 'complete') continue
      trees.push(await withOtherStreams(index, image, to))
      break
    }
  }
  return trees.sort(([a], [b]) => byAge(a as ImageRecord, b as ImageRecord))
}

async function* userTrees(
  { index, clock }: ChoosingParts,
  { client, policy, at: to = clock.now() }: TreeQuery,
): AsyncGenerator<ImageRecord, void, undefined> {
  const seen = new Set<string>()
  for await (const image of index.list({ prefix: usersPrefix(client), to })) {
    if (image.state !== 'complete' || (policy !== undefined && image.policy !== policy)) continue
    const tree = treeOf(image)
    if (seen.has(tree)) continue
    seen.add(tree)
    yield image
  }
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
  return images.sort(byAge)
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
  return images.sort(byAge)
}

/** The newest first. */
function byAge(a: ImageRecord, b: ImageRecord): number {
  const seconds = (image: ImageRecord): number => parseBackupId(image.backupId)?.seconds ?? 0
  return b.backupTime - a.backupTime || seconds(b) - seconds(a)
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

/** As many images as a message names. */
const namedInMessages = 5

/** The error of a path that no candidate holds. */
export function notBackedUp(path: Path, images: readonly ImageRecord[]): NbError {
  const ids = [...new Set(images.map(({ backupId }) => backupId))]
  const more = ids.length > namedInMessages ? ` and ${ids.length - namedInMessages} more` : ''
  return new NbError(
    'path-not-backed-up',
    `${displayPath(path)} is not in ${ids.slice(0, namedInMessages).join(', ')}${more}; list what is, or ask for another time, another policy, or all versions of the path`,
    { details: { path, images: ids } },
  )
}
