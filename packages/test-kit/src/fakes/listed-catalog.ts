import {
  type Catalog,
  type ChannelListener,
  type DataChannels,
  type FragmentRecord,
  type ImageRecord,
  type Path,
  type TreeQuery,
  NbError,
  displayPath,
  pathToBytes,
  throwIfAborted,
  toPath,
} from '@nb/contracts'
import { type FileRecord, type MemberKind, FileListEncoder, comparePaths, isWithin } from '@nb/formats'

/** An entry of a {@link ListedImage}. */
export interface ListedEntry {
  readonly path: string | Path
  /** @default 'file' */
  readonly kind?: MemberKind
  /** @default 0 */
  readonly sizeBytes?: number
  /** The image that holds the data. @default the image itself */
  readonly from?: string
  /** Bits of `FILE_FLAGS`. @default 0 */
  readonly flags?: number
}

/** An image of a {@link ListedCatalog}, by what a restore looks at. */
export interface ListedImage {
  readonly backupId: string
  readonly entries: readonly ListedEntry[]
  /** @default 'web1' */
  readonly client?: string
  /** @default 'complete' */
  readonly state?: ImageRecord['state']
  /** @default 'disk1' */
  readonly storageUnit?: string
  /** @default 'media1' */
  readonly mediaServer?: string
  /** @default false */
  readonly withoutCopy?: boolean
  /** Of its copy; the entry of index N has its member of 1024 bytes at N · 1024. @default none are told */
  readonly fragments?: readonly FragmentRecord[]
  /** Of a policy of several streams: the newest of each is one tree; where several list a path, the newest has it. */
  readonly stream?: string
  readonly streamSet?: readonly string[]
}

/** The part of a catalog that restores read, over lists that a test wrote down. */
export interface ListedCatalog extends Pick<Catalog, 'getImage' | 'readFileList' | 'treeImages'> {
  /** Adds an image or replaces it. Its time is the second that its id ends in. */
  put(image: ListedImage): void
  /** Takes an image away. */
  remove(backupId: string): void
  /** Lists asked for so far. */
  readonly reads: number
  /**
   * Damages a byte of the list of every image from now on: `unnoticed`, it is sent; `noticed`, it is not, the channel is
   * aborted, and the image's record says so from then on. @default 'unnoticed'
   */
  damageLists(how?: 'unnoticed' | 'noticed'): void
  /** File-list bytes that readers have taken so far. */
  readonly bytesServed: number
}

const chunkBytes = 4096

/** Makes one; lists go out over `channels` in pieces of 4 KiB. */
export function createListedCatalog(channels: DataChannels): ListedCatalog {
  const images = new Map<string, ListedImage>()
  let reads = 0
  let damage: 'unnoticed' | 'noticed' | undefined
  let bytesServed = 0

  const found = new Set<string>()
  const sentenceOf = (backupId: string): string => `the file list of image ${backupId} is damaged: a checksum`
  const recordNow = (image: ListedImage): ImageRecord =>
    found.has(image.backupId) ? { ...recordOf(image), damaged: sentenceOf(image.backupId) } : recordOf(image)

  const serve = async (listener: ChannelListener, backupId: string, bytes: Buffer): Promise<void> => {
    const channel = await listener.accept()
    try {
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        const chunk = bytes.subarray(at, at + chunkBytes)
        if (damage === 'noticed' && at + chunkBytes >= bytes.length) {
          found.add(backupId)
          return channel.abort(sentenceOf(backupId))
        }
        await channel.write(chunk)
        bytesServed += chunk.length
      }
      await channel.end()
    } catch {
      channel.abort('the reader went away')
    }
  }
  return {
    put: (image) => void images.set(image.backupId, image),
    remove: (backupId) => void images.delete(backupId),
    damageLists: (how = 'unnoticed') => (damage = how),
    get reads() {
      return reads
    },
    get bytesServed() {
      return bytesServed
    },
    getImage: async ({ backupId }) => {
      const image = images.get(backupId)
      return image === undefined ? undefined : recordNow(image)
    },
    readFileList: async (input, options) => {
      throwIfAborted(options)
      reads += 1
      const tree = choose([...images.values()], input)
      const [image] = tree
      const bytes = encode(tree, input.paths?.map(pathToBytes))
      if (damage === 'unnoticed') bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 0xff
      const listener = await channels.listen()
      void serve(listener, image.backupId, bytes).catch(() => undefined)
      return { image: recordNow(image), ticket: listener.ticket }
    },
    treeImages: async function* (input, options) {
      throwIfAborted(options)
      const tree = choose([...images.values()], input)
      const paths = input.paths?.map(pathToBytes)
      const entries = paths === undefined ? undefined : selected(tree, paths)
      const holding = tree.filter(
        (image) => entries === undefined || entries.some((each) => each.image === image),
      )
      for (const image of holding.sort((a, b) => ((a.stream ?? '') < (b.stream ?? '') ? -1 : 1)))
        yield recordNow(image)
    },
  }
}

const secondsOf = (backupId: string): number => Number(backupId.slice(backupId.lastIndexOf('_') + 1))

/** The images of a tree, newest first. */
function choose(
  images: readonly ListedImage[],
  { client, backupId, backupIds, at }: TreeQuery,
): readonly [ListedImage, ...ListedImage[]] {
  const named = backupIds ?? (backupId === undefined ? undefined : [backupId])
  const matching = images
    .filter(
      (image) =>
        (image.client ?? 'web1') === client &&
        (image.state ?? 'complete') === 'complete' &&
        (named === undefined || named.includes(image.backupId)) &&
        (at === undefined || secondsOf(image.backupId) * 1000 <= at),
    )
    .sort((a, b) => secondsOf(b.backupId) - secondsOf(a.backupId))
  const [newest, ...older] = matching
  if (newest === undefined || matching.length < (named?.length ?? 0))
    throw new NbError('no-image-matches', `there is no such image of ${client}`)
  if (named !== undefined) return [newest, ...older]
  const others = (newest.streamSet ?? [])
    .filter((stream) => stream !== newest.stream)
    .flatMap((stream) => older.find((image) => image.stream === stream) ?? [])
  return [newest, ...others]
}

interface Listed {
  readonly image: ListedImage
  readonly entry: ListedEntry
  readonly path: Buffer
}

/** The entries of a tree that are wanted, in order. */
function selected(tree: readonly ListedImage[], paths: readonly Buffer[] | undefined): readonly Listed[] {
  const all = new Map<string, Listed>()
  for (const image of tree)
    for (const entry of image.entries) {
      const path = pathToBytes(toPath(entry.path))
      const key = path.toString('latin1')
      if (!all.has(key)) all.set(key, { image, entry, path })
    }
  const entries = [...all.values()].sort((a, b) => comparePaths(a.path, b.path))
  for (const path of paths ?? []) {
    if (entries.some((each) => isWithin(each.path, path))) continue
    throw new NbError('path-not-backed-up', `${path.toString()} is not in ${tree[0]?.backupId}`)
  }
  return entries.filter((each) => paths?.some((path) => isWithin(each.path, path)) !== false)
}

function encode(tree: readonly ListedImage[], paths: readonly Buffer[] | undefined): Buffer {
  const originOf = (image: ListedImage, { from }: ListedEntry): string => from ?? image.backupId
  const origins = [
    ...new Set(
      tree.flatMap((image) => [image.backupId, ...image.entries.map((entry) => originOf(image, entry))]),
    ),
  ]
  const encoder = new FileListEncoder({ images: origins, batchBytes: 1024 })
  const parts = [encoder.header()]
  for (const { image, entry } of selected(tree, paths)) {
    const index = image.entries.indexOf(entry)
    const batch = encoder.add(fileRecord(entry, index, origins.indexOf(originOf(image, entry))))
    if (batch !== undefined) parts.push(batch)
  }
  return Buffer.concat([...parts, encoder.flush() ?? Buffer.alloc(0)])
}

function fileRecord(
  { path, kind = 'file', sizeBytes = 0, flags = 0 }: ListedEntry,
  index: number,
  imageIndex: number,
): FileRecord {
  const isLink = kind === 'symlink' || kind === 'hardlink'
  return {
    path: pathToBytes(toPath(path)),
    kind,
    mode: kind === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    sizeBytes,
    mtimeNs: 0n,
    ctimeNs: 0n,
    ...(isLink ? { linkTarget: Buffer.from('/first') } : {}),
    ...(kind.endsWith('-device') ? { deviceMajor: 1, deviceMinor: 3 } : {}),
    identity: { device: 1n, inode: BigInt(index + 1) },
    linkCount: 1,
    imageIndex,
    memberOffset: index * 1024,
    memberBytes: 1024,
    flags,
  }
}

function recordOf(image: ListedImage): ImageRecord {
  const { backupId, client = 'web1', state = 'complete', entries } = image
  const { storageUnit = 'disk1', mediaServer = 'media1', withoutCopy = false, stream, streamSet } = image
  const { fragments = [] } = image
  const origins = new Set(entries.map(({ from }) => from ?? backupId))
  origins.delete(backupId)
  return {
    version: 1,
    backupId,
    state,
    jobId: displayPath(toPath(backupId)),
    client,
    policy: 'nightly',
    schedule: origins.size === 0 ? 'full' : 'incr',
    scheduleType: origins.size === 0 ? 'full' : 'differential',
    ...(stream === undefined ? {} : { stream }),
    ...(streamSet === undefined ? {} : { streamSet }),
    backupTime: secondsOf(backupId) * 1000,
    selections: [toPath('/')],
    retentionLevel: 1,
    neededImages: [...origins],
    copies: withoutCopy ? [] : [{ copy: 1, storageUnit, mediaServer, fragments }],
  }
}
