import {
  type Catalog,
  type CallOptions,
  type DataChannels,
  type ImageCopy,
  type ImageRecord,
  type Path,
  type RestoreRequest,
  type TreeQuery,
  NbError,
  displayPath,
  pathFromBytes,
  pathToBytes,
  readChannel,
} from '@nb/contracts'
import {
  type FileListHeader,
  type FileListSink,
  FILE_FLAGS,
  FileListDecoder,
  FormatError,
  isWithin,
} from '@nb/formats'
import { commonFront, keepsOrder, pathMapping } from './path-mapping.ts'
import type { PlannedSource, RestoreGroup } from './restore-group.ts'
import { WantedFragments, isOnTape, tapeGroups } from './tape-groups.ts'
import { WantedRanges } from './wanted-ranges.ts'

/** What a restore reads, in order of reading. */
export interface RestorePlan {
  /** The images whose tree is restored, newest first: one, or one for each stream that has something of it. */
  readonly images: readonly [ImageRecord, ...ImageRecord[]]
  /** Exactly these images: a backup that ends meanwhile changes nothing. */
  readonly from: TreeQuery
  readonly groups: readonly RestoreGroup[]
  readonly entries: number
  readonly bytes: number
}

/** What a plan is made with. */
export interface PlanningComponents {
  readonly catalog: Pick<Catalog, 'getImage' | 'readFileList' | 'treeImages'>
  readonly channels: DataChannels
}

interface Tally {
  entries: number
  bytes: number
  readonly wanted: WantedRanges
}

/**
 * Asks the catalog which images hold the wanted files and on which media (step 2). Streams of a policy are one tree, in
 * which each path is once; so files of several streams on one storage unit are read in one session.
 * One pass over the list, two where data lies on tape; nothing of it is kept but counts, which parts of the
 * images' streams are wanted where these are few, and which fragments are needed.
 * @throws NbError `no-image-matches`, `path-not-backed-up`, `fragment-missing` (an image without copies),
 * `file-list-corrupt`, `argument-invalid` (a target that the wanted paths don't fit)
 */
export async function planRestore(
  { catalog, channels }: PlanningComponents,
  request: RestoreRequest,
  options?: CallOptions,
): Promise<RestorePlan> {
  const images = await imagesOf(catalog, request, options)
  const from = pinned(images)
  const checkTarget = targetCheck(request)
  const byImage: Tally[] = []
  const table = await readWanted({ catalog, channels }, { ...request, from }, options, () => ({
    onEntry: ({ imageIndex, kind, flags, sizeBytes, memberOffset, memberBytes }, position) => {
      checkTarget?.(position.path)
      const tally = (byImage[imageIndex] ??= { entries: 0, bytes: 0, wanted: new WantedRanges() })
      tally.entries += 1
      tally.wanted.add(memberOffset, memberBytes)
      if (kind === 'file' && (flags & FILE_FLAGS.unreadable) === 0) tally.bytes += sizeBytes
    },
  }))
  const tallies = new Map<string, Tally>()
  table.forEach((backupId, index) => {
    const tally = byImage[index]
    if (tally !== undefined) tallies.set(backupId, tally)
  })
  const groups = new Map<string, PlannedSource[]>()
  const onTape = new Map<string, ImageCopy>()
  for (const [backupId, tally] of [...tallies].sort(([a], [b]) => compareAge(a, b))) {
    const copy = await primaryCopy(catalog, backupId, images, options)
    if (isOnTape(copy)) onTape.set(backupId, copy)
    const key = `${copy.mediaServer}\0${copy.storageUnit}`
    const sources = groups.get(key) ?? []
    const { entries, bytes } = tally
    const wantedOf = tally.wanted.all()
    sources.push({ backupId, copy, entries, bytes, ...(wantedOf === undefined ? {} : { wanted: wantedOf }) })
    groups.set(key, sources)
  }
  const wanted =
    onTape.size === 0
      ? undefined
      : await fragmentsOf({ catalog, channels }, { ...request, from }, onTape, options)
  const sum = (pick: (tally: Tally) => number): number =>
    [...tallies.values()].reduce((total, tally) => total + pick(tally), 0)
  return {
    images,
    from,
    groups: [...groups.values()].flatMap((sources): readonly RestoreGroup[] => {
      const { mediaServer, storageUnit } = (sources[0] as PlannedSource).copy
      if (wanted === undefined || !sources.some(({ copy }) => isOnTape(copy)))
        return [{ mediaServer, storageUnit, sources }]
      const placed = sources.map((source) => ({ ...source, needed: wanted.of(source.backupId) }))
      return tapeGroups({ mediaServer, storageUnit }, placed)
    }),
    entries: sum((tally) => tally.entries),
    bytes: sum((tally) => tally.bytes),
  }
}

/** Goes through the list again, now that it is known where the images are, for the fragments with what is wanted. */
async function fragmentsOf(
  components: PlanningComponents,
  request: Pick<RestoreRequest, 'from' | 'paths'>,
  copies: ReadonlyMap<string, ImageCopy>,
  options: CallOptions | undefined,
): Promise<WantedFragments> {
  const wanted = new WantedFragments(copies)
  await readWanted(components, request, options, ({ images }) => ({
    onEntry: ({ imageIndex, memberOffset, memberBytes }) =>
      wanted.add(images[imageIndex] ?? '', memberOffset, memberBytes),
  }))
  return wanted
}

async function imagesOf(
  catalog: PlanningComponents['catalog'],
  { from, paths }: Pick<RestoreRequest, 'from' | 'paths'>,
  options: CallOptions | undefined,
): Promise<RestorePlan['images']> {
  const images: ImageRecord[] = []
  for await (const image of catalog.treeImages({ ...from, ...wantedPaths(paths) }, options))
    images.push(image)
  const [newest, ...others] = images.sort(
    (a, b) => b.backupTime - a.backupTime || compareAge(b.backupId, a.backupId),
  )
  if (newest === undefined)
    throw new NbError('no-image-matches', `there is no image of client ${from.client}`)
  return [newest, ...others]
}

function pinned([newest, ...others]: RestorePlan['images']): TreeQuery {
  const { client, backupId } = newest
  if (others.length === 0) return { client, backupId }
  return { client, backupIds: [backupId, ...others.map((image) => image.backupId)] }
}

function wantedPaths(paths: readonly Path[]): { readonly paths?: readonly Path[] } {
  return paths.some((path) => path === '/') ? {} : { paths }
}

/**
 * Reads the list of the wanted paths into the sink that is made for its header. The next piece of the list is asked for when `afterChunk`
 * has resolved: so a slow consumer slows the catalog.
 * @returns the list's table of images
 * @throws NbError `file-list-corrupt` for a list that does not decode, and whatever the catalog or the sink throws
 */
export async function readWanted(
  { catalog, channels }: PlanningComponents,
  request: Pick<RestoreRequest, 'from' | 'paths'>,
  options: CallOptions | undefined,
  sinkOf: (header: FileListHeader) => FileListSink,
  afterChunk: () => Promise<void> = () => Promise.resolve(),
): Promise<readonly string[]> {
  const { from } = request
  const { image, ticket } = await catalog.readFileList({ ...from, ...wantedPaths(request.paths) }, options)
  const channel = await channels.connect({ ticket }, options)
  try {
    let images: readonly string[] = []
    const decoder = new FileListDecoder()
    const sink: FileListSink = {
      onHeader: (header) => {
        images = header.images
        Object.assign(sink, sinkOf(header))
      },
    }
    for await (const chunk of readChannel(channel, options)) {
      decoder.push(chunk, sink)
      await afterChunk()
    }
    decoder.finish()
    await channel.end()
    return images
  } catch (error) {
    channel.abort('the restore plan was given up')
    if (error instanceof FormatError) throw damagedList(image.backupId, error.message, error)
    throw await damageBehind({ catalog }, from.backupIds ?? [image.backupId], error)
  }
}

/** What the catalog has to say of a list that it broke off: it sends no batch that it finds damaged. */
async function damageBehind(
  { catalog }: Pick<PlanningComponents, 'catalog'>,
  backupIds: readonly string[],
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof NbError) || error.code !== 'channel-broken') return error
  for (const backupId of backupIds) {
    // A catalog that does not answer either leaves what is known already.
    const damaged = (await catalog.getImage({ backupId }).catch(() => undefined))?.damaged
    if (damaged !== undefined) return damagedList(backupId, damaged, error)
  }
  return error
}

function damagedList(backupId: string, why: string, cause: unknown): NbError {
  return new NbError('file-list-corrupt', `the file list of image ${backupId} is damaged: ${why}`, {
    cause,
    details: { backupId },
  })
}

/**
 * Refuses, before any job exists, paths that can't be mapped and renames that bring two entries to one path; `undefined` where no path
 * can be refused.
 */
function targetCheck({
  target,
  paths,
}: Pick<RestoreRequest, 'target' | 'paths'>): ((path: Buffer) => void) | undefined {
  const mapping = pathMapping(target)
  if (keepsOrder(target)) {
    const front = commonFront(target)
    // What lies below a path that is below the front is so, too.
    return paths.every((path) => isWithin(pathToBytes(path), front))
      ? undefined
      : (path) => void mapping(path)
  }
  const taken = new Set<string>()
  return (path) => {
    const place = mapping(path).toString('latin1')
    if (taken.has(place)) {
      throw new NbError(
        'argument-invalid',
        `target.rename brings two entries to ${displayPath(pathFromBytes(mapping(path)))}; give each a path of its own`,
        { details: { field: 'target.rename' } },
      )
    }
    taken.add(place)
  }
}

/** Older images first: their ids end in the second of the backup. */
function compareAge(a: string, b: string): number {
  const seconds = (id: string): number => Number(id.slice(id.lastIndexOf('_') + 1))
  return seconds(a) - seconds(b) || (a < b ? -1 : 1)
}

async function primaryCopy(
  catalog: PlanningComponents['catalog'],
  backupId: string,
  wanted: RestorePlan['images'],
  options: CallOptions | undefined,
): Promise<ImageCopy> {
  const own = wanted.find((image) => image.backupId === backupId)
  const image = own ?? (await catalog.getImage({ backupId }, options))
  const copy = image?.state === 'complete' ? image.copies[0] : undefined
  if (copy === undefined) {
    const why =
      image === undefined
        ? 'has left the catalog'
        : image.state === 'complete'
          ? 'has no copy'
          : `is ${image.state}`
    const needing = wanted.find(({ neededImages }) => neededImages.includes(backupId)) ?? wanted[0]
    throw new NbError(
      'fragment-missing',
      `image ${needing.backupId} needs data of image ${backupId}, which ${why}; restore from another image`,
      { details: { backupId: needing.backupId, needed: backupId } },
    )
  }
  return copy
}
