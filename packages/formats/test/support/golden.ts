import * as zlib from 'node:zlib'
import type { ArchiveMember, FileListIndex, FileRecord, FrameFormat } from '../../src/index.ts'
import {
  BlockChecksums,
  END_OF_ARCHIVE,
  FileListEncoder,
  FrameIndexWriter,
  encodeFileListIndex,
  encodeFragmentHeader,
  encodeFragmentTrailer,
  encodeMember,
  framedHeader,
  paddingOf,
  scanBatches,
  storedFrames,
} from '../../src/index.ts'

// What the golden files were made from. Never changed: a new version of a format gets new files beside the old ones.

const common = { mode: 0o644, uid: 1000, gid: 100, userName: 'user', groupName: 'users', sizeBytes: 0 }
const raw = Buffer.from([0x72, 0xff, 0xfe])

export const members: readonly ArchiveMember[] = [
  { ...common, path: Buffer.from('d'), kind: 'directory', mode: 0o2755, mtimeNs: 1_700_000_000_000_000_000n },
  {
    ...common,
    path: Buffer.from('d/file'),
    kind: 'file',
    sizeBytes: 5,
    mtimeNs: 1_700_000_000_123_456_789n,
    atimeNs: 1_700_000_001_000_000_001n,
    ctimeNs: -1n,
    xattrs: [{ name: Buffer.from('user.a=b'), value: Buffer.from([0, 10, 61]) }],
    aclAccess: 'user::rw-,user:7:r--,group::r--,mask::r--,other::r--',
    vendor: { note: 'ü' },
  },
  {
    ...common,
    path: Buffer.from('d/link'),
    kind: 'hardlink',
    linkTarget: Buffer.from('d/file'),
    mtimeNs: 0n,
  },
  {
    ...common,
    path: raw,
    kind: 'symlink',
    linkTarget: Buffer.concat([Buffer.alloc(101, 't'), raw]),
    mtimeNs: -5n,
  },
  {
    ...common,
    path: Buffer.concat([Buffer.alloc(120, 'n'), raw]),
    kind: 'file',
    uid: 3_000_000_000,
    sizeBytes: 100_000,
    mtimeNs: 1n,
    sparse: [{ offset: 65_536, length: 512 }],
  },
  { ...common, path: Buffer.from('pipe'), kind: 'fifo', mtimeNs: 0n },
  {
    ...common,
    path: Buffer.from('null'),
    kind: 'character-device',
    deviceMajor: 1,
    deviceMinor: 3,
    mtimeNs: 0n,
  },
]

export const records: readonly FileRecord[] = [
  record({
    path: Buffer.from('/'),
    kind: 'directory',
    mode: 0o755,
    sizeBytes: 4096,
    allocatedBytes: 4096,
    linkCount: 3,
  }),
  record({
    path: Buffer.from('/d'),
    kind: 'directory',
    mode: 0o755,
    sizeBytes: 4096,
    allocatedBytes: 4096,
    linkCount: 2,
  }),
  record({
    path: Buffer.from('/d/file'),
    sizeBytes: 5,
    allocatedBytes: 4096,
    linkCount: 2,
    ctimeNs: 1_700_000_000_123_460_000n,
    memberOffset: 1024,
    memberBytes: 2048,
    digest: Buffer.alloc(32, 0xd1),
  }),
  record({
    path: Buffer.from('/d/link'),
    kind: 'hardlink',
    linkTarget: Buffer.from('/d/file'),
    memberOffset: 1024,
  }),
  record({ path: Buffer.from('/d-old'), imageIndex: 1, memberOffset: 2 ** 41, flags: 1, sizeBytes: 2 ** 40 }),
  record({
    path: Buffer.from([0x2f, 0xff, 0xfe]),
    kind: 'symlink',
    linkTarget: raw,
    sizeBytes: 3,
    mtimeNs: -1n,
  }),
  record({
    path: Buffer.from([0x2f, 0xff, 0xff]),
    kind: 'block-device',
    deviceMajor: 259,
    deviceMinor: 70_000,
    sizeBytes: 0,
    identity: { device: 2n ** 64n - 1n, inode: 2n ** 63n },
  }),
]

function record(fields: Partial<FileRecord> & { path: Buffer }): FileRecord {
  return {
    kind: 'file',
    mode: 0o644,
    uid: 1000,
    gid: 100,
    sizeBytes: 100,
    mtimeNs: 1_700_000_000_123_456_789n,
    ctimeNs: 1_700_000_000_123_456_789n,
    identity: { device: 2049n, inode: 131_072n },
    linkCount: 1,
    imageIndex: 0,
    memberOffset: 0,
    memberBytes: 512,
    flags: 0,
    ...fields,
  }
}

/** A tar of the golden members. */
export function goldenArchive(): Buffer {
  const pieces = members.flatMap((member) => {
    const data = Buffer.alloc(member.sparse ? 512 : member.sizeBytes, 'data!')
    return [encodeMember(member), data, Buffer.alloc(paddingOf(data.length))]
  })
  return Buffer.concat([...pieces, END_OF_ARCHIVE])
}

/** A file list of the golden records. */
export function goldenFileList(): Buffer {
  const options = {
    images: ['client_1700000000', 'client_1600000000'],
    digestAlgorithm: 'sha256',
    batchBytes: 150,
  }
  const encoder = new FileListEncoder(options)
  const batches = records.map((one) => encoder.add(one) ?? Buffer.alloc(0))
  return Buffer.concat([encoder.header(), ...batches, encoder.flush() ?? Buffer.alloc(0)])
}

/** The index of the golden file list. */
export function goldenIndex(list: Buffer, headerBytes: number): FileListIndex {
  const { batches } = scanBatches(list.subarray(headerBytes), headerBytes)
  return { batches, entryCount: records.length, fileListBytes: list.length }
}

/** The golden index, encoded. */
export function goldenIndexBytes(list: Buffer, headerBytes: number): Buffer {
  return encodeFileListIndex(goldenIndex(list, headerBytes))
}

export const fragment = {
  backupId: 'client_1700000000',
  client: 'client',
  policy: 'nightly',
  schedule: 'full',
  copy: 1,
  fragment: 2,
  streamOffset: 1_048_576,
  startsAtMemberBoundary: true,
  blockBytes: 1024,
  created: '2026-01-02T03:04:05.678Z',
}

/** A whole fragment, the last of its image, whose payload is one member. */
export function goldenFragment(list: Buffer): Buffer {
  const header = encodeFragmentHeader(fragment)
  const payload = goldenArchive().subarray(0, -END_OF_ARCHIVE.length)
  const blocks = new BlockChecksums(fragment.blockBytes)
  blocks.update(payload)
  const trailer = encodeFragmentTrailer({
    header,
    payloadBytes: payload.length,
    endsAtMemberBoundary: true,
    lastFragment: true,
    image: { backupId: fragment.backupId, kilobytes: 3 },
    files: [list],
    blocks: blocks.finish(),
  })
  return Buffer.concat([header, payload, ...trailer])
}

/** The payload of the golden fragment in frames: two that are compressed, between them one that is stored as it is. */
export function goldenFrames(compression: FrameFormat): Buffer[] {
  const payload = goldenArchive().subarray(0, -END_OF_ARCHIVE.length)
  const compress = (piece: Buffer): Buffer =>
    compression === 'zstd' ? zlib.zstdCompressSync(piece) : zlib.gzipSync(piece)
  return [
    compress(payload.subarray(0, 2048)),
    Buffer.concat([...storedFrames(compression, [payload.subarray(2048, 4096)])]),
    compress(payload.subarray(4096)),
  ]
}

/** The golden fragment, compressed: the same parts around these frames. */
export function goldenCompressed(
  list: Buffer,
  compression: FrameFormat,
  frames: readonly Buffer[] = goldenFrames(compression),
): Buffer {
  const header = encodeFragmentHeader({ ...fragment, compression })
  const payloadBytes = goldenArchive().length - END_OF_ARCHIVE.length
  const index = new FrameIndexWriter()
  const blocks = new BlockChecksums(fragment.blockBytes)
  for (const [number, frame] of frames.entries()) {
    const streamBytes = [2048, 2048][number] ?? payloadBytes - 4096
    index.add({ storedBytes: frame.length, streamBytes, startsAtMember: number === 0 })
    blocks.update(frame)
  }
  const stored = Buffer.concat([...frames])
  const trailer = encodeFragmentTrailer({
    header,
    payloadBytes,
    storedBytes: stored.length,
    endsAtMemberBoundary: true,
    lastFragment: true,
    image: { backupId: fragment.backupId, kilobytes: 3 },
    files: [list],
    frames: index.finish(),
    blocks: blocks.finish(),
  })
  return Buffer.concat([framedHeader(header, compression), stored, ...trailer])
}
