import type { Dirent } from 'node:fs'
import { lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { comparePaths, type FileRecord } from '@nb/formats'
import { createRandom } from './random.ts'

const files = 50
const parts = 20
const packages = 100
const extensions = ['txt', 'jpg', 'c', 'h', 'log', 'json', 'conf', 'o']
const tarBlockBytes = 512
/** Two headers and the records of nanosecond times. */
const headerBytes = 1536

/** What a made-up list is of. */
export interface SyntheticTree {
  /** Entries, directories included. */
  readonly entries: number
  /** Image index of what an incremental has taken over; the others are its own. @default all are the image's own */
  readonly changedOf?: { readonly thousand: number; readonly variant: number }
}

/**
 * A tree of files as a walk gives them, in the order of a file list: 50 files a directory, 20 of those in each of 100 directories
 * of a folder, paths of some 50 bytes. All attributes differ as those of a file system do: sizes log-normal, times in nanoseconds,
 * inodes mostly one after the other.
 *
 * An incremental's own entries differ in their times and have members of their own; the others are as in the full's list.
 */
export function* syntheticRecords({
  entries,
  changedOf,
}: SyntheticTree): Generator<FileRecord, void, undefined> {
  const random = createRandom(1)
  const changing = createRandom(changedOf?.variant ?? 0)
  let left = entries
  let inode = 1_000_000
  let fullOffset = 0
  let ownOffset = 0
  let base = 1_700_000_000_000_000_000n
  const record = (path: string, kind: 'file' | 'directory', sizeBytes: number): FileRecord => {
    inode += random.below(16) === 0 ? 1 + random.below(100_000) : 1
    const mtimeNs = base + BigInt(random.below(86_400)) * 1_000_000_000n + BigInt(random.below(1_000_000_000))
    const ctimeNs = mtimeNs + BigInt(random.below(3_000_000))
    const data = kind === 'file' ? Math.ceil(sizeBytes / tarBlockBytes) * tarBlockBytes : 0
    const memberBytes = headerBytes + data
    const isOwn = changedOf === undefined || changing.below(1000) < changedOf.thousand
    const at = changedOf === undefined || !isOwn ? fullOffset : ownOffset
    fullOffset += memberBytes
    if (isOwn) ownOffset += memberBytes
    const shift = changedOf !== undefined && isOwn ? BigInt(changedOf.variant) * 86_400_000_000_000n : 0n
    return {
      path: Buffer.from(path),
      kind,
      mode: kind === 'directory' ? 0o755 : 0o644,
      uid: 1000,
      gid: 1000,
      sizeBytes,
      allocatedBytes: Math.ceil(sizeBytes / 4096) * 4096,
      mtimeNs: mtimeNs + shift,
      ctimeNs: ctimeNs + shift,
      identity: { device: 2049n, inode: BigInt(inode) },
      linkCount: kind === 'directory' ? 2 : 1,
      imageIndex: isOwn ? 0 : 1,
      memberOffset: at,
      memberBytes,
      flags: 0,
    }
  }
  for (let folder = 0; left > 0; folder++) {
    const root = `/data/tree-${digits(folder, 4)}`
    if (left-- > 0) yield record(root, 'directory', 4096)
    for (let one = 0; one < packages && left > 0; one++) {
      const inside = `${root}/package-${digits(one, 2)}`
      if (left-- > 0) yield record(inside, 'directory', 4096)
      for (let part = 0; part < parts && left > 0; part++) {
        const directory = `${inside}/part-${digits(part, 2)}`
        base += BigInt(random.below(100_000_000)) * 1_000_000n
        if (left-- > 0) yield record(directory, 'directory', 4096)
        for (let number = 0; number < files && left > 0; number++, left--) {
          const name = `file-${digits(number, 2)}-${random.below(46_656).toString(36).padStart(3, '0')}`
          const extension = extensions[random.below(extensions.length)] as string
          const sizeBytes = Math.round(4096 * Math.exp(1.5 * random.normal()))
          yield record(`${directory}/${name}.${extension}`, 'file', sizeBytes)
        }
      }
    }
  }
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, '0')
}

/** The directories that hold files in a {@link syntheticRecords} tree, as many as there are whole. */
export function syntheticDirectories(entries: number): readonly string[] {
  const found: string[] = []
  const perFolder = 1 + packages * (1 + parts * (1 + files))
  for (let folder = 0; folder < Math.floor(entries / perFolder); folder++)
    for (let one = 0; one < packages; one++)
      for (let part = 0; part < parts; part++)
        found.push(`/data/tree-${digits(folder, 4)}/package-${digits(one, 2)}/part-${digits(part, 2)}`)
  return found
}

/** The entries of a real tree in the order of a file list, each with its attributes and the position its member would have. */
export function* realRecords(top: string): Generator<FileRecord, void, undefined> {
  let memberOffset = 0
  const firstNames = new Map<
    string,
    { readonly path: Buffer; readonly offset: number; readonly bytes: number }
  >()
  const walk = function* (path: Buffer): Generator<FileRecord, void, undefined> {
    const stat = lstatSync(path, { bigint: true })
    const sizeBytes = Number(stat.size)
    const isFile = stat.isFile()
    const kind = stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'file'
    if (!isFile && kind === 'file') return
    const identity = { device: stat.dev, inode: stat.ino }
    const key = `${stat.dev}:${stat.ino}`
    const first = isFile && stat.nlink > 1n ? firstNames.get(key) : undefined
    const inSeconds = stat.mtimeNs % 1_000_000_000n === 0n
    const head = inSeconds && path.length <= 100 ? tarBlockBytes : 3 * tarBlockBytes
    const data = isFile ? Math.ceil(sizeBytes / tarBlockBytes) * tarBlockBytes : 0
    const position = first ?? { path, offset: memberOffset, bytes: head + data }
    if (first === undefined) memberOffset += position.bytes
    if (first === undefined && isFile && stat.nlink > 1n) firstNames.set(key, position)
    yield {
      path,
      kind: first === undefined ? kind : 'hardlink',
      mode: Number(stat.mode & 0o7777n),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      sizeBytes,
      allocatedBytes: Number(stat.blocks) * 512,
      mtimeNs: stat.mtimeNs,
      ctimeNs: stat.ctimeNs,
      ...(kind === 'symlink' ? { linkTarget: readlinkSync(path, 'buffer') } : {}),
      ...(first === undefined ? {} : { linkTarget: first.path }),
      identity,
      linkCount: Number(stat.nlink),
      imageIndex: 0,
      memberOffset: position.offset,
      memberBytes: position.bytes,
      flags: 0,
    }
    if (kind !== 'directory') return
    const children = (readdirSync(path, { withFileTypes: true, encoding: 'buffer' }) as Dirent<Buffer>[])
      .map(({ name }) => Buffer.concat([path, slash, name]))
      .sort(comparePaths)
    for (const child of children) yield* walk(child)
  }
  yield* walk(Buffer.from(top))
}

const slash = Buffer.from('/')
