import {
  encodeHeaderInto,
  maxMemberHeaderBytes,
  memberPathOf,
  paddingOf,
  type DataRegion,
  type HeaderFields,
} from '@nb/formats'
import type { FileStat } from '../posix/file-stat.ts'
import type { ExtraAttributes } from './attributes.ts'
import type { OwnerNames } from './owner-names.ts'
import type { ReadCalls } from './read-calls.ts'
import type { ContentDigest } from '../content-digest.ts'
import type { StreamWriter } from './stream-writer.ts'
import type { WalkEntry } from './walk.ts'

/** What an entry of the tree becomes in the archive. */
export function memberOf(
  { path, stat: { atime } }: WalkEntry,
  stat: FileStat,
  kind: HeaderFields['kind'],
  linkTarget: Buffer | undefined,
  owners: OwnerNames,
  { xattrs, aclAccess, aclDefault }: ExtraAttributes,
  sparse?: readonly DataRegion[],
): HeaderFields {
  const isDevice = kind === 'character-device' || kind === 'block-device'
  return {
    path: memberPathOf(path),
    kind,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    userName: owners.user(stat.uid),
    groupName: owners.group(stat.gid),
    sizeBytes: kind === 'file' ? stat.size : 0,
    mtime: stat.mtime,
    atime,
    ctime: stat.ctime,
    linkTarget,
    deviceMajor: isDevice ? stat.rdevMajor : undefined,
    deviceMinor: isDevice ? stat.rdevMinor : undefined,
    sparse,
    xattrs,
    aclAccess,
    aclDefault,
  }
}

/** Writes the header of a member, straight into the block where it fits. */
export function writeMemberHeader(out: StreamWriter, member: HeaderFields): void {
  const most = maxMemberHeaderBytes(member)
  const { block, used } = out
  if (most <= block.length - used) out.advance(encodeHeaderInto(member, block, used))
  else {
    const header = Buffer.allocUnsafe(most)
    out.write(header.subarray(0, encodeHeaderInto(member, header, 0)))
  }
}

/** What became of the reading of a file's data. */
export interface CopyOutcome {
  /** Bytes the file no longer had, or that could not be read: zeros stand for them. */
  readonly missingBytes: number
  readonly error?: unknown
}

const WHOLE: CopyOutcome = { missingBytes: 0 }

/**
 * Reads a file's data straight into the stream, all of it or the regions between its holes, and pads it to a whole tar
 * block. Always writes exactly as many bytes as the header has announced; `digest` is given what is read.
 */
export function copyFileData(
  out: StreamWriter,
  calls: ReadCalls,
  fd: number,
  data: number | readonly DataRegion[],
  onBytes: (byteLength: number) => void,
  digest?: ContentDigest,
): CopyOutcome {
  if (typeof data === 'number') {
    const outcome = copyRegion(out, calls, fd, 0, data, onBytes, digest)
    out.zeros(paddingOf(data))
    return outcome
  }
  let missingBytes = 0
  let total = 0
  let failed: CopyOutcome | undefined
  for (const { offset, length } of data) {
    total += length
    if (failed === undefined) {
      const outcome = copyRegion(out, calls, fd, offset, length, onBytes, digest)
      missingBytes += outcome.missingBytes
      if (outcome.error !== undefined) failed = outcome
    } else {
      out.zeros(length)
      missingBytes += length
    }
  }
  out.zeros(paddingOf(total))
  return failed === undefined ? { missingBytes } : { missingBytes, error: failed.error }
}

function copyRegion(
  out: StreamWriter,
  calls: ReadCalls,
  fd: number,
  offset: number,
  length: number,
  onBytes: (byteLength: number) => void,
  digest: ContentDigest | undefined,
): CopyOutcome {
  let done = 0
  try {
    while (done < length) {
      const { block, used } = out
      const count = calls.readInto(
        fd,
        block,
        used,
        Math.min(block.length - used, length - done),
        offset + done,
      )
      if (count === 0) break
      digest?.update(block.subarray(used, used + count), offset + done)
      out.advance(count)
      onBytes(count)
      done += count
    }
  } catch (error) {
    out.zeros(length - done)
    return { missingBytes: length - done, error }
  }
  if (done === length) return WHOLE
  out.zeros(length - done)
  return { missingBytes: length - done }
}
