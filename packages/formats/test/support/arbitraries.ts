import fc from 'fast-check'
import type { ArchiveMember, DataRegion, FileRecord, MemberKind } from '../../src/index.ts'
import { alignRegions, comparePaths } from '../../src/index.ts'

/** Bytes of a name: anything but NUL and slash, often plain letters, often not UTF-8. */
export const component: fc.Arbitrary<Buffer> = fc
  .oneof(
    fc.stringMatching(/^[a-z]{1,12}$/).map((text) => Buffer.from(text)),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).map((text) => Buffer.from(text)),
    fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc.integer({ min: 1, max: 255 }).map((length) => Buffer.alloc(length, 'n')),
  )
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x5f : byte))))
  .filter((bytes) => bytes.length > 0)

export const relativePath: fc.Arbitrary<Buffer> = fc
  .array(component, { minLength: 1, maxLength: 6 })
  .map((parts) =>
    Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.from('/'), part]))),
  )

export const absolutePath: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 30, arbitrary: relativePath.map((path) => Buffer.concat([Buffer.from('/'), path])) },
  { weight: 1, arbitrary: fc.constant(Buffer.from('/')) },
)

/** Objects as any program makes them. */
const ORDINARY = { noNullPrototype: true } as const

const kind = fc.constantFrom<MemberKind>(
  'file',
  'directory',
  'symlink',
  'hardlink',
  'fifo',
  'character-device',
  'block-device',
)

const timeNs = fc.oneof(
  fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
  fc.bigInt({ min: 1_500_000_000_000_000_000n, max: 1_900_000_000_000_000_000n }),
  fc.integer({ min: -5_000_000_000, max: 20_000_000_000 }).map((seconds) => BigInt(seconds) * 1_000_000_000n),
)

const owner = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 70_000 }), fc.maxSafeNat())

const ownerName = fc.option(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 }).filter(isOwnerName),
  {
    nil: undefined,
  },
)

function isOwnerName(name: string): boolean {
  return !name.includes('\0') && name.isWellFormed()
}

const xattr = fc.record(
  {
    name: fc
      .tuple(fc.constantFrom('user.', 'trusted.', 'security.'), component)
      .map(([space, name]) => Buffer.concat([Buffer.from(space), name])),
    value: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  },
  ORDINARY,
)

const regions = (sizeBytes: number): fc.Arbitrary<DataRegion[]> =>
  fc
    .array(fc.nat({ max: sizeBytes }), { maxLength: 20 })
    .map((cuts) => [...cuts].sort((a, b) => a - b))
    .map((cuts) =>
      cuts.flatMap((offset, index) =>
        index % 2 === 0 ? [{ offset, length: (cuts[index + 1] ?? offset) - offset }] : [],
      ),
    )
    .map((found) => alignRegions(found, sizeBytes))

type Optional<T> = { [K in keyof T]?: T[K] | undefined }

/** Leaves out properties whose value is undefined. */
function given<T extends object>(value: Optional<T>): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Partial<T>
}

/** A member that can be encoded; data small enough to be written in a test. */
export const archiveMember: fc.Arbitrary<ArchiveMember> = fc
  .record({
    path: relativePath,
    kind,
    mode: fc.nat({ max: 0o7777 }),
    uid: owner,
    gid: owner,
    userName: ownerName,
    groupName: ownerName,
    sizeBytes: fc.nat({ max: 5000 }),
    mtimeNs: timeNs,
    atimeNs: fc.option(timeNs, { nil: undefined }),
    ctimeNs: fc.option(timeNs, { nil: undefined }),
    linkTarget: relativePath,
    deviceMajor: fc.oneof(fc.nat({ max: 4095 }), fc.nat({ max: 2 ** 31 })),
    deviceMinor: fc.oneof(fc.nat({ max: 255 }), fc.nat({ max: 2 ** 31 })),
    xattrs: fc.option(fc.array(xattr, { minLength: 1, maxLength: 4 }), { nil: undefined }),
    aclAccess: fc.option(fc.constant('user::rwx,user:1000:r--,group::r-x,mask::rwx,other::r--'), {
      nil: undefined,
    }),
    aclDefault: fc.option(fc.constant('user::rwx\ngroup::r-x\nother::---\n'), { nil: undefined }),
    vendor: fc.option(
      fc.dictionary(fc.stringMatching(/^[A-Za-z0-9._-]{1,10}$/), fc.string({ unit: 'grapheme' }), {
        minKeys: 1,
        noNullPrototype: true,
      }),
      { nil: undefined },
    ),
  })
  .chain((fields) =>
    fc.option(regions(fields.sizeBytes), { nil: undefined, freq: 3 }).map((sparse): ArchiveMember => {
      const { kind, linkTarget, deviceMajor, deviceMinor, sizeBytes, ...common } = fields
      const isDevice = kind.endsWith('-device')
      const isLink = kind === 'symlink' || kind === 'hardlink'
      const { path, mode, uid, gid, mtimeNs, ...optional } = common
      return {
        ...{ path, kind, mode, uid, gid, mtimeNs, sizeBytes: kind === 'file' ? sizeBytes : 0 },
        ...given<Partial<ArchiveMember>>(optional),
        ...(isLink ? { linkTarget } : {}),
        ...(isDevice ? { deviceMajor, deviceMinor } : {}),
        ...(kind === 'file' && sparse !== undefined ? { sparse } : {}),
      }
    }),
  )

const identityNumber = fc.oneof(
  fc.bigInt({ min: 0n, max: 100_000n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
)

const record: fc.Arbitrary<FileRecord> = fc
  .record({
    path: absolutePath,
    kind,
    mode: fc.nat({ max: 0o7777 }),
    uid: owner,
    gid: owner,
    sizeBytes: fc.oneof(
      fc.nat({ max: 100_000 }),
      fc.maxSafeNat().map((size) => Math.max(0, size - 10_000)),
    ),
    allocatedBytes: fc.option(fc.nat({ max: 200_000 }), { nil: undefined }),
    mtimeNs: timeNs.map((ns) => BigInt.asIntN(64, ns)),
    ctimeNs: timeNs.map((ns) => BigInt.asIntN(64, ns)),
    linkTarget: relativePath,
    deviceMajor: fc.nat(),
    deviceMinor: fc.nat(),
    identity: fc.record({ device: identityNumber, inode: identityNumber }, ORDINARY),
    linkCount: fc.oneof(fc.constant(1), fc.nat()),
    imageIndex: fc.nat({ max: 2 }),
    memberOffset: fc.oneof(
      fc.nat(),
      fc.nat().map((offset) => offset * 1_000_000),
    ),
    memberBytes: fc.oneof(fc.constant(1536), fc.nat()),
    digest: fc.option(
      fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
      { nil: undefined },
    ),
    flags: fc.oneof(fc.constant(0), fc.nat({ max: 7 })),
    sameCtime: fc.boolean(),
  })
  .map(({ linkTarget, deviceMajor, deviceMinor, allocatedBytes, digest, sameCtime, ...fields }) => ({
    ...fields,
    ...(sameCtime ? { ctimeNs: fields.mtimeNs } : {}),
    ...given<Pick<FileRecord, 'allocatedBytes' | 'digest'>>({ allocatedBytes, digest }),
    ...(fields.kind === 'symlink' || fields.kind === 'hardlink' ? { linkTarget } : {}),
    ...(fields.kind.endsWith('-device') ? { deviceMajor, deviceMinor } : {}),
  }))

/** Records in the order of their paths, no path twice. */
export const fileRecords: fc.Arbitrary<FileRecord[]> = fc
  .uniqueArray(record, { maxLength: 80, selector: (one) => one.path.toString('latin1') })
  .map((records) => records.sort((a, b) => comparePaths(a.path, b.path)))

/** Cuts bytes at random places. */
export function chunksOf(bytes: Buffer): fc.Arbitrary<Buffer[]> {
  return fc.array(fc.nat({ max: bytes.length }), { maxLength: 30 }).map((cuts) => {
    const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length]
    return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end))
  })
}

/** Damage: some bytes changed, some perhaps cut off. */
export interface Damage {
  readonly at: number
  readonly byte: number
  readonly keep: number
}

export const damage: fc.Arbitrary<Damage[]> = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    byte: fc.integer({ min: 0, max: 255 }),
    keep: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })),
  }),
  { minLength: 1, maxLength: 4 },
)

/** A damaged copy of bytes. */
export function damaged(bytes: Buffer, damages: readonly Damage[]): Buffer {
  let copy = Buffer.from(bytes)
  for (const { at, byte, keep } of damages) {
    if (copy.length === 0) break
    copy[Math.floor(at * copy.length)] = byte
    copy = copy.subarray(0, Math.ceil(keep * copy.length))
  }
  return copy
}
