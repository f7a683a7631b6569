import {
  type Catalog,
  type ChannelTicket,
  type DataChannels,
  type FileKind,
  type ImageCompletion,
  type ImageRecord,
  type NewImage,
  readChannel,
  toPath,
} from '@nb/contracts'
import { comparePaths, FileListDecoder, FileListEncoder, type FileRecord } from '@nb/formats'

/** An entry of a made-up tree. */
export interface SampleEntry {
  /** Absolute. */
  readonly path: string | Buffer
  /** @default 'file' */
  readonly kind?: FileKind
  /** @default 1000 for files, 0 for all else */
  readonly sizeBytes?: number
  /** Another version is another state of the file. @default 1 */
  readonly version?: number
  /** Of links. */
  readonly linkTarget?: string
  /** Attributes are known, data is not. */
  readonly unreadable?: boolean
}

/** A file list, in the form in which it is sent, and what a backup session would tell of it. */
export interface SampleList {
  readonly records: readonly FileRecord[]
  readonly images: readonly string[]
  readonly bytes: Buffer
  readonly completion: ImageCompletion
}

/** A complete image and what was sent for it. */
export interface SampleBackup {
  readonly image: ImageRecord
  readonly list: SampleList
}

/** What {@link backUp} makes. */
export interface SampleBackupInput extends Partial<NewImage> {
  readonly entries: readonly SampleEntry[]
  /** The image to be incremental to: what has not changed is taken over from its list. */
  readonly reference?: SampleBackup
}

/** A new image of client `web1` by policy `daily`, unless said otherwise. */
export function newImage(changes: Partial<NewImage> = {}): NewImage {
  return {
    jobId: 'job-1',
    client: 'web1',
    policy: 'daily',
    schedule: 'full',
    scheduleType: 'full',
    selections: [toPath('/data')],
    retentionLevel: 1,
    ...changes,
  }
}

/** Makes the list of a tree: archive positions one after the other, times by version. */
export function sampleList(
  backupId: string,
  entries: readonly SampleEntry[],
  {
    reference,
    batchBytes,
  }: { readonly reference?: SampleBackup | undefined; readonly batchBytes?: number } = {},
): SampleList {
  const known = new Map(reference?.list.records.map((record) => [record.path.toString('latin1'), record]))
  let streamBytes = 0
  let storedEntries = 0
  let bytes = 0
  const records = [...entries]
    .map((entry): FileRecord => {
      const fresh = { ...sampleRecord(entry), memberOffset: streamBytes }
      const before = known.get(fresh.path.toString('latin1'))
      if (before?.ctimeNs === fresh.ctimeNs && before.kind === fresh.kind)
        return { ...fresh, ...before, imageIndex: before.imageIndex + 1 }
      streamBytes += fresh.memberBytes
      if (fresh.memberBytes > 0) storedEntries += 1
      if (fresh.memberBytes > 0 && fresh.kind === 'file') bytes += fresh.sizeBytes
      return fresh
    })
    .sort((a, b) => comparePaths(a.path, b.path))
  streamBytes += 1024
  const images = [backupId, ...(reference?.list.images ?? [])]
  const encoder = new FileListEncoder({ images, ...(batchBytes === undefined ? {} : { batchBytes }) })
  const batches = records.map((record) => encoder.add(record)).filter((batch) => batch !== undefined)
  const last = encoder.flush()
  if (last !== undefined) batches.push(last)
  const whole = Buffer.concat([encoder.header(), ...batches])
  return {
    records,
    images,
    bytes: whole,
    completion: {
      status: 0,
      counts: { entries: records.length, storedEntries, bytes, streamBytes, warnings: 0 },
      fileList: { bytes: whole.length, batches: batches.length, entries: records.length },
      copies: [{ copy: 1, storageUnit: 'disk1', mediaServer: 'media1', fragments: fragmentsOf(streamBytes) }],
    },
  }
}

function sampleRecord({
  path,
  kind = 'file',
  sizeBytes,
  version = 1,
  linkTarget,
  unreadable,
}: SampleEntry): FileRecord {
  const size = sizeBytes ?? (kind === 'file' ? 1000 : 0)
  return {
    path: typeof path === 'string' ? Buffer.from(path) : path,
    kind,
    mode: kind === 'directory' ? 0o755 : 0o644,
    uid: 1000,
    gid: 1000,
    sizeBytes: size,
    mtimeNs: 1_700_000_000_000_000_001n * BigInt(version),
    ctimeNs: 1_700_000_000_000_000_002n * BigInt(version),
    ...(linkTarget === undefined ? {} : { linkTarget: Buffer.from(linkTarget) }),
    ...(kind.endsWith('-device') ? { deviceMajor: 8, deviceMinor: 1 } : {}),
    identity: { device: 1n, inode: 7n },
    linkCount: 1,
    imageIndex: 0,
    memberOffset: 0,
    memberBytes: unreadable === true ? 0 : 512 + Math.ceil(size / 512) * 512,
    flags: unreadable === true ? 2 : 0,
  }
}

/** Two fragments, so that borders count. */
function fragmentsOf(streamBytes: number): ImageCompletion['copies'][number]['fragments'] {
  const middle = Math.floor(streamBytes / 1024) * 512
  const common = { wholeMembers: true, blockBytes: 65_536 }
  return [
    { number: 1, streamOffset: 0, streamBytes: middle, ...common },
    { number: 2, streamOffset: middle, streamBytes: streamBytes - middle, ...common },
  ]
}

/** Sends bytes to a ticket, in chunks, and ends; resolves when the other side has ended too. */
export async function sendBytes(
  channels: DataChannels,
  ticket: ChannelTicket,
  bytes: Buffer,
  chunkBytes = 4096,
): Promise<void> {
  const channel = await channels.connect({ ticket })
  for (let at = 0; at < bytes.length; at += chunkBytes)
    await channel.write(bytes.subarray(at, at + chunkBytes))
  await channel.end()
  while ((await channel.read()) !== undefined);
}

/** Everything a ticket gives. */
export async function takeBytes(channels: DataChannels, ticket: ChannelTicket): Promise<Buffer> {
  const channel = await channels.connect({ ticket })
  const parts: Buffer[] = []
  for await (const chunk of readChannel(channel)) parts.push(Buffer.from(chunk))
  await channel.end()
  return Buffer.concat(parts)
}

/** The records of a file list. Throws what the format does. */
export function recordsOf(bytes: Buffer): {
  readonly images: readonly string[]
  readonly records: FileRecord[]
} {
  let images: readonly string[] = []
  const records: FileRecord[] = []
  const decoder = new FileListDecoder()
  decoder.push(bytes, {
    onHeader: (header) => void (images = header.images),
    onRecord: (record) => void records.push(record),
  })
  decoder.finish()
  return { images, records }
}

/** Sends an image's list and seals it. */
export async function sendList(
  { catalog, channels }: { readonly catalog: Catalog; readonly channels: DataChannels },
  backupId: string,
  list: SampleList,
): Promise<void> {
  const { ticket } = await catalog.appendFileList({ backupId })
  await sendBytes(channels, ticket, list.bytes)
  await catalog.sealFileList({ backupId, totals: list.completion.fileList })
}

/** Takes a made-up tree through the life of an image, from its creation to its completion. */
export async function backUp(
  parts: { readonly catalog: Catalog; readonly channels: DataChannels },
  { entries, reference, ...changes }: SampleBackupInput,
): Promise<SampleBackup> {
  const image = await parts.catalog.createImage(
    newImage({
      ...(reference === undefined
        ? {}
        : { referenceId: reference.image.backupId, schedule: 'incremental', scheduleType: 'differential' }),
      ...changes,
    }),
  )
  const list = sampleList(image.backupId, entries, { reference })
  await sendList(parts, image.backupId, list)
  const { completion } = list
  return { image: await parts.catalog.completeImage({ backupId: image.backupId, completion }), list }
}
