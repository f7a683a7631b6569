import { writeMemberBlock, writePaxHeaderBlock } from './header-block.ts'
import { type HeaderFields, checkFields, fieldsOf } from './header-fields.ts'
import { MAX_EXTENDED_HEADER_BYTES, TAR_BLOCK_BYTES, memberDataBytes, paddingOf } from './member.ts'
import type { ArchiveMember } from './member.ts'
import { writePaxBody } from './pax-body.ts'
import { maxSparseMapBytes, writeSparseMap } from './sparse-map.ts'

/** Room for two header blocks, the fixed numbers of a pax header and its padding. */
const FIXED_BYTES = 3 * TAR_BLOCK_BYTES + 512

/**
 * Upper bound of what {@link encodeMemberInto} writes for a member: cheap, a little too big.
 *
 * @param member - the member
 */
export function maxMemberHeaderBytes(member: ArchiveMember | HeaderFields): number {
  let bytes = FIXED_BYTES + member.path.length + 40
  if (member.linkTarget !== undefined) bytes += member.linkTarget.length
  if (member.userName !== undefined) bytes += 3 * member.userName.length
  if (member.groupName !== undefined) bytes += 3 * member.groupName.length
  if (member.aclAccess !== undefined) bytes += 3 * member.aclAccess.length + 40
  if (member.aclDefault !== undefined) bytes += 3 * member.aclDefault.length + 40
  if (member.xattrs !== undefined)
    for (const xattr of member.xattrs) bytes += 3 * xattr.name.length + xattr.value.length + 40
  if (member.vendor !== undefined)
    for (const [key, value] of Object.entries(member.vendor)) bytes += key.length + 3 * value.length + 40
  if (member.sparse !== undefined) bytes += maxSparseMapBytes(member.sparse.length)
  return bytes
}

/**
 * The header of a member: a pax extended header where plain ustar cannot say all, the ustar header, and the map of a
 * sparse file. {@link memberDataBytes} bytes of data and their {@link paddingOf} follow in the stream.
 *
 * @param member - the member
 * @returns a multiple of 512 bytes
 * @throws TypeError - a field is out of its documented range, or the extended header is over
 *   {@link MAX_EXTENDED_HEADER_BYTES}
 */
export function encodeMember(member: ArchiveMember): Buffer {
  const target = Buffer.allocUnsafe(maxMemberHeaderBytes(member))
  return target.subarray(0, encodeMemberInto(member, target, 0))
}

/**
 * {@link encodeMember} straight into a buffer that the caller owns.
 *
 * @param member - the member
 * @param target - buffer to write to
 * @param offset - where to write; {@link maxMemberHeaderBytes} bytes must be free from there
 * @returns bytes written, a multiple of 512
 * @throws RangeError - too little room
 * @throws TypeError - as {@link encodeMember}
 */
export function encodeMemberInto(member: ArchiveMember, target: Buffer, offset: number): number {
  return encodeHeaderInto(fieldsOf(member), target, offset)
}

/**
 * As {@link encodeMemberInto}, for whoever writes many: from numbers alone, without allocation for ordinary members.
 *
 * @param member - the member
 * @param target - buffer to write to
 * @param offset - where to write; {@link maxMemberHeaderBytes} bytes must be free from there
 * @returns bytes written, a multiple of 512
 * @throws RangeError - too little room
 * @throws TypeError - as {@link encodeMember}
 */
export function encodeHeaderInto(member: HeaderFields, target: Buffer, offset: number): number {
  if (target.length - offset < maxMemberHeaderBytes(member))
    throw new RangeError(`${target.length - offset} bytes are too few for the header of a member`)
  checkFields(member)
  const body = offset + TAR_BLOCK_BYTES
  let end = writePaxBody(member, target, body)
  let header = offset
  if (end > body) {
    const bodyBytes = end - body
    if (bodyBytes > MAX_EXTENDED_HEADER_BYTES)
      throw new TypeError(`the extended header of the member has ${bodyBytes} bytes, too many`)
    header = end + paddingOf(bodyBytes)
    target.fill(0, end, header)
    writePaxHeaderBlock(member.path, target, offset, bodyBytes)
  }
  end = header + TAR_BLOCK_BYTES
  let storedBytes = memberDataBytes(member)
  if (member.sparse !== undefined) {
    end = writeSparseMap(target, end, member.sparse, member.sizeBytes)
    storedBytes += end - header - TAR_BLOCK_BYTES
  }
  writeMemberBlock(member, target, header, storedBytes)
  return end - offset
}
