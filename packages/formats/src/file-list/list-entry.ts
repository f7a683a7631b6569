import { type Instant, instantOf } from '../instant.ts'
import type { MemberKind } from '../archive/member.ts'
import type { FileRecord } from './record.ts'

const WORD = 32n
const WORD_MASK = 0xffff_ffffn
const EPOCH: Instant = { seconds: 0, nanos: 0 }

/**
 * One entry of a file list as numbers that need no arithmetic on big integers: all that a {@link FileRecord} says. Its memory
 * may be used for one entry after the other. Numbers of 64 bits are two of 32.
 */
export class ListEntry {
  path: Buffer = Buffer.alloc(0)
  kind: MemberKind = 'file'
  mode = 0
  uid = 0
  gid = 0
  sizeBytes = 0
  allocatedBytes: number | undefined = undefined
  mtime: Instant = EPOCH
  ctime: Instant = EPOCH
  linkTarget: Buffer | undefined = undefined
  deviceMajor: number | undefined = undefined
  deviceMinor: number | undefined = undefined
  /** Upper half of the identity's device. */
  deviceHigh = 0
  deviceLow = 0
  /** Upper half of the identity's inode. */
  inodeHigh = 0
  inodeLow = 0
  linkCount = 0
  imageIndex = 0
  memberOffset = 0
  memberBytes = 0
  digest: Buffer | undefined = undefined
  flags = 0
}

/**
 * The entry that a record tells of; numbers are not checked.
 *
 * @param record - the record
 */
export function entryOf(record: FileRecord): ListEntry {
  const entry = new ListEntry()
  const { device, inode } = record.identity
  entry.path = record.path
  entry.kind = record.kind
  entry.mode = record.mode
  entry.uid = record.uid
  entry.gid = record.gid
  entry.sizeBytes = record.sizeBytes
  entry.allocatedBytes = record.allocatedBytes
  entry.mtime = instantOf(record.mtimeNs)
  entry.ctime = instantOf(record.ctimeNs)
  entry.linkTarget = record.linkTarget
  entry.deviceMajor = record.deviceMajor
  entry.deviceMinor = record.deviceMinor
  entry.deviceHigh = Number(device >> WORD)
  entry.deviceLow = Number(device & WORD_MASK)
  entry.inodeHigh = Number(inode >> WORD)
  entry.inodeLow = Number(inode & WORD_MASK)
  entry.linkCount = record.linkCount
  entry.imageIndex = record.imageIndex
  entry.memberOffset = record.memberOffset
  entry.memberBytes = record.memberBytes
  entry.digest = record.digest
  entry.flags = record.flags
  return entry
}

/** A number of 64 bits from its halves. */
export function uint64(high: number, low: number): bigint {
  return high === 0 ? BigInt(low) : (BigInt(high) << WORD) | BigInt(low)
}
