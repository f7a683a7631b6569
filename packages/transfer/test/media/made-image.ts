import type { FileListTotals, ImageCounts } from '@nb/contracts'
import { FileListEncoder, type FileRecord, encodeMember, memberPathOf, paddingOf } from '@nb/formats'
import { seededRandom } from '@nb/test-kit'

/** A file of a made image. */
export interface MadeFile {
  readonly path: string
  readonly content: Buffer
}

/** An archive stream and its file list, as a client would send them. */
export interface MadeImage {
  readonly files: readonly MadeFile[]
  readonly records: readonly FileRecord[]
  readonly stream: Buffer
  readonly list: Buffer
  readonly counts: ImageCounts
  readonly totals: FileListTotals
  /** Where a reader could stand still: after each file, with the list so far. */
  readonly stands: readonly { readonly counts: ImageCounts; readonly fileList: FileListTotals }[]
}

/** Bytes that look like nothing and are the same for a seed. */
export function noise(seed: number, byteLength: number): Buffer {
  const random = seededRandom(seed)
  const bytes = Buffer.alloc(byteLength)
  for (let at = 0; at + 4 <= byteLength; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
  return bytes
}

/** Files of these sizes under `/data`, in order of names. */
export function filesOf(sizes: readonly number[], seed = 1): MadeFile[] {
  return sizes.map((size, index) => ({
    path: `/data/${String(index).padStart(6, '0')}.bin`,
    content: noise(seed + index, size),
  }))
}

/** Makes the image of some files, whose paths ascend. */
export function makeImage(
  backupId: string,
  files: readonly MadeFile[],
  {
    standAfter = [],
    ...options
  }: { readonly batchBytes?: number; readonly standAfter?: readonly number[] } = {},
): MadeImage {
  const stands: MadeImage['stands'][number][] = []
  let listBytes = 0
  const encoder = new FileListEncoder({ images: [backupId], ...options })
  const pieces: Buffer[] = []
  const records: FileRecord[] = []
  const batches: Buffer[] = []
  let offset = 0
  let bytes = 0
  for (const [index, { path, content }] of files.entries()) {
    const attributes = {
      kind: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      sizeBytes: content.length,
      mtimeNs: 1n,
    } as const
    const header = encodeMember({ path: memberPathOf(Buffer.from(path)), ...attributes })
    const padding = Buffer.alloc(paddingOf(content.length))
    const memberBytes = header.length + content.length + padding.length
    const record: FileRecord = {
      ...attributes,
      path: Buffer.from(path),
      ctimeNs: 1n,
      identity: { device: 1n, inode: BigInt(index + 1) },
      linkCount: 1,
      imageIndex: 0,
      memberOffset: offset,
      memberBytes,
      flags: 0,
    }
    const batch = encoder.add(record)
    if (batch !== undefined) batches.push(batch)
    records.push(record)
    pieces.push(header, content, padding)
    offset += memberBytes
    bytes += content.length
    if (!standAfter.includes(index + 1)) continue
    const flushed = encoder.flush()
    if (flushed !== undefined) batches.push(flushed)
    const entries = index + 1
    listBytes = batches.reduce((sum, each) => sum + each.length, encoder.header().length)
    stands.push({
      counts: { entries, storedEntries: entries, bytes, streamBytes: offset, warnings: 0 },
      fileList: { bytes: listBytes, batches: batches.length, entries },
    })
  }
  const rest = encoder.flush()
  if (rest !== undefined) batches.push(rest)
  const list = Buffer.concat([encoder.header(), ...batches])
  const counts = {
    entries: files.length,
    storedEntries: files.length,
    bytes,
    streamBytes: offset,
    warnings: 0,
  }
  return {
    files,
    records,
    stream: Buffer.concat(pieces),
    list,
    counts,
    stands,
    totals: { bytes: list.length, batches: batches.length, entries: files.length },
  }
}

/** The plan that wants these records, each of the image at its index. */
export function planOf(
  images: readonly string[],
  wanted: readonly FileRecord[],
  digestAlgorithm?: string,
): Buffer {
  const encoder = new FileListEncoder({
    images,
    ...(digestAlgorithm === undefined ? {} : { digestAlgorithm }),
  })
  const batches = [...wanted]
    .sort((a, b) => Buffer.compare(a.path, b.path))
    .map((record) => encoder.add(record))
    .concat(encoder.flush())
  return Buffer.concat([encoder.header(), ...batches.filter((batch) => batch !== undefined)])
}
