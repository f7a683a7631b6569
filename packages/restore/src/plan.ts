import {
  type Catalog,
  type CallOptions,
  type DataChannels,
  type ImageCopy,
  type ImageRecord,
  type RestoreRequest,
  NbError,
  displayPath,
  pathFromBytes,
  readChannel,
} from '@nb/contracts'
import { type FileRecord, FILE_FLAGS, FileListDecoder, FormatError } from '@nb/formats'
import { keepsOrder, pathMapping } from './path-mapping.ts'

/** Images whose data is read from one storage unit in one session. */
export interface RestoreGroup {
  readonly storageUnit: string
  readonly mediaServer: string
  readonly sources: readonly PlannedSource[]
}

/** One image that data comes from. */
export interface PlannedSource {
  readonly backupId: string
  readonly copy: ImageCopy
  readonly entries: number
  readonly bytes: number
}

/** What a restore reads, in order of reading. */
export interface RestorePlan {
  /** The image whose tree is restored. */
  readonly image: ImageRecord
  readonly groups: readonly RestoreGroup[]
  readonly entries: number
  readonly bytes: number
}

/** What a plan is made with. */
export interface PlanningComponents {
  readonly catalog: Pick<Catalog, 'getImage' | 'readFileList'>
  readonly channels: DataChannels
}

interface Tally {
  entries: number
  bytes: number
}

/**
 * Asks the catalog which images hold the wanted files and on which media (step 2).
 * One pass over the list; nothing of it is kept but counts.
 * @throws NbError `no-image-matches`, `path-not-backed-up`, `fragment-missing` (an image without copies),
 * `file-list-corrupt`, `argument-invalid` (a target that the wanted paths don't fit)
 */
export async function planRestore(
  { catalog, channels }: PlanningComponents,
  request: RestoreRequest,
  options?: CallOptions,
): Promise<RestorePlan> {
  const tallies = new Map<string, Tally>()
  const checkTarget = targetCheck(request.target)
  const image = await eachWantedRecord({ catalog, channels }, request, options, (record, backupId) => {
    checkTarget(record.path)
    const tally = tallies.get(backupId) ?? { entries: 0, bytes: 0 }
    tally.entries += 1
    if (record.kind === 'file' && (record.flags & FILE_FLAGS.unreadable) === 0)
      tally.bytes += record.sizeBytes
    tallies.set(backupId, tally)
  })
  const groups = new Map<string, PlannedSource[]>()
  for (const [backupId, tally] of [...tallies].sort(([a], [b]) => compareAge(a, b))) {
    const copy = await primaryCopy(catalog, backupId, image, options)
    const key = `${copy.mediaServer}\0${copy.storageUnit}`
    const sources = groups.get(key) ?? []
    sources.push({ backupId, copy, ...tally })
    groups.set(key, sources)
  }
  const sum = (pick: (tally: Tally) => number): number =>
    [...tallies.values()].reduce((total, tally) => total + pick(tally), 0)
  return {
    image,
    groups: [...groups.values()].map((sources) => {
      const { mediaServer, storageUnit } = (sources[0] as PlannedSource).copy
      return { mediaServer, storageUnit, sources }
    }),
    entries: sum((tally) => tally.entries),
    bytes: sum((tally) => tally.bytes),
  }
}

/**
 * Streams the records of the wanted paths, each with the id of the image that holds its data. The next piece of the
 * list is asked for when `afterChunk` has resolved: so a slow consumer slows the catalog.
 * @throws NbError `file-list-corrupt` for a list that does not decode, and whatever the catalog or `visit` throws
 */
export async function eachWantedRecord(
  { catalog, channels }: PlanningComponents,
  request: Pick<RestoreRequest, 'from' | 'paths'>,
  options: CallOptions | undefined,
  visit: (record: FileRecord, backupId: string) => void,
  afterChunk: () => Promise<void> = () => Promise.resolve(),
): Promise<ImageRecord> {
  const wantsAll = request.paths.includes('/' as (typeof request.paths)[number])
  const { image, ticket } = await catalog.readFileList(
    { ...request.from, ...(wantsAll ? {} : { paths: request.paths }) },
    options,
  )
  const channel = await channels.connect({ ticket }, options)
  try {
    let images: readonly string[] = []
    const decoder = new FileListDecoder()
    const sink = {
      onHeader: (header: { readonly images: readonly string[] }) => void (images = header.images),
      onRecord: (record: FileRecord) => visit(record, images[record.imageIndex] ?? image.backupId),
    }
    for await (const chunk of readChannel(channel, options)) {
      decoder.push(chunk, sink)
      await afterChunk()
    }
    decoder.finish()
    await channel.end()
  } catch (error) {
    channel.abort('the restore plan was given up')
    if (error instanceof FormatError) throw damagedList(image, error.message, error)
    const damaged = await damageBehind({ catalog }, image, error)
    throw damaged === undefined ? error : damagedList(image, damaged, error)
  }
  return image
}

/** What the catalog has to say of a list that it broke off: it sends no batch that it finds damaged. */
async function damageBehind(
  { catalog }: Pick<PlanningComponents, 'catalog'>,
  { backupId }: ImageRecord,
  error: unknown,
): Promise<string | undefined> {
  if (!(error instanceof NbError) || error.code !== 'channel-broken') return undefined
  // A catalog that does not answer either leaves what is known already.
  return (await catalog.getImage({ backupId }).catch(() => undefined))?.damaged
}

function damagedList({ backupId }: ImageRecord, why: string, cause: unknown): NbError {
  return new NbError('file-list-corrupt', `the file list of image ${backupId} is damaged: ${why}`, {
    cause,
    details: { backupId },
  })
}

/** Refuses, before any job exists, paths that can't be mapped and renames that bring two entries to one path. */
function targetCheck(target: RestoreRequest['target']): (path: Buffer) => void {
  const mapping = pathMapping(target)
  if (keepsOrder(target)) return (path) => void mapping(path)
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
  wanted: ImageRecord,
  options: CallOptions | undefined,
): Promise<ImageCopy> {
  const image = backupId === wanted.backupId ? wanted : await catalog.getImage({ backupId }, options)
  const copy = image?.state === 'complete' ? image.copies[0] : undefined
  if (copy === undefined) {
    const why =
      image === undefined
        ? 'has left the catalog'
        : image.state === 'complete'
          ? 'has no copy'
          : `is ${image.state}`
    throw new NbError(
      'fragment-missing',
      `image ${wanted.backupId} needs data of image ${backupId}, which ${why}; restore from another image`,
      { details: { backupId: wanted.backupId, needed: backupId } },
    )
  }
  return copy
}
