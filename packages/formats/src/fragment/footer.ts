import { END_OF_ARCHIVE, paddingOf } from '../archive/member.ts'
import { checksumOf, checksumText } from '../checksum.ts'
import { FormatError } from '../format-error.ts'
import { BLOCK_CHECKSUM_BYTES, FOOTER_BYTES, HEADER_BYTES } from './fragment.ts'
import type { FragmentFooter, TrailerMember } from './fragment.ts'
import { DISK_FORMAT } from './header.ts'
import { NB_DIRECTORY, decodeJsonMember, ownMemberHeaderBytes } from './tar-member.ts'
import type { JsonFields } from './tar-member.ts'
import { TRAILER_NAMES } from './trailer.ts'

const NAME = `${NB_DIRECTORY}FOOTER.json`

/**
 * Reads the end of a fragment.
 *
 * @param lastBytes - the last bytes of the fragment's file, at least 5,120 of them (or the whole, when it is shorter)
 * @param options - `fileBytes`: length of the file, to check the footer's offsets against
 * @throws FormatError `FRAGMENT_TRUNCATED` or `FORMAT_UNKNOWN` - no footer: the fragment was not completed;
 *   `FORMAT_VERSION_UNSUPPORTED`, `FRAGMENT_CHECKSUM`, `FRAGMENT_INVALID`. `offset` counts from the start of `lastBytes`
 */
export function decodeFragmentFooter(
  lastBytes: Uint8Array,
  options: { readonly fileBytes?: number } = {},
): FragmentFooter {
  const bytes = Buffer.from(lastBytes.buffer, lastBytes.byteOffset, lastBytes.length)
  if (bytes.length < FOOTER_BYTES)
    throw new FormatError('FRAGMENT_TRUNCATED', bytes.length, 'A fragment ends inside its footer')
  const tail = bytes.subarray(bytes.length - END_OF_ARCHIVE.length)
  const isLast = tail.equals(END_OF_ARCHIVE)
  const end = isLast ? bytes.length - END_OF_ARCHIVE.length : bytes.length
  if (end < FOOTER_BYTES)
    throw new FormatError(
      'FRAGMENT_TRUNCATED',
      bytes.length,
      'Too few bytes for the footer of a last fragment',
    )
  const start = end - FOOTER_BYTES
  const fields = decodeJsonMember(bytes.subarray(start, end), NAME, start)
  fields.checkFormat(DISK_FORMAT)
  const footer = readFooter(fields)
  if (footer.lastFragment !== isLast) throw fields.fault('lastFragment', 'not what the end of the file says')
  const fileBytes = checkLayout(footer, fields)
  if (options.fileBytes !== undefined && options.fileBytes !== fileBytes)
    throw fields.fault('payloadBytes', `that of a file of ${fileBytes} bytes, not ${options.fileBytes}`)
  return footer
}

function readFooter(fields: JsonFields): FragmentFooter {
  return {
    backupId: fields.text('backupId'),
    copy: fields.count('copy', 1),
    fragment: fields.count('fragment', 1),
    streamOffset: fields.count('streamOffset'),
    payloadBytes: fields.count('payloadBytes'),
    blockBytes: fields.count('blockBytes', 1),
    headerChecksum: fields.text('headerChecksum'),
    endsAtMemberBoundary: fields.flag('endsAtMemberBoundary'),
    lastFragment: fields.flag('lastFragment'),
    members: fields.list('members').map((member) => ({
      name: member.text('name'),
      offset: member.count('offset'),
      sizeBytes: member.count('sizeBytes'),
      checksum: member.text('checksum'),
    })),
  }
}

/** Follows the offsets from the payload to the end of the file. @returns the length that the file must have */
function checkLayout(footer: FragmentFooter, fields: JsonFields): number {
  if (footer.payloadBytes % 512 !== 0) throw fields.fault('payloadBytes', 'no multiple of 512')
  let end = HEADER_BYTES + footer.payloadBytes
  for (const [index, name] of TRAILER_NAMES.entries()) {
    const member = footer.members[index]
    if (member?.name !== NB_DIRECTORY + name) throw fields.fault('members', `without ${name} in its place`)
    if (member.offset !== end + ownMemberHeaderBytes(member.sizeBytes))
      throw fields.fault('members', `with ${name} at an impossible offset`)
    end = member.offset + member.sizeBytes + paddingOf(member.sizeBytes)
  }
  if (footer.members.length !== TRAILER_NAMES.length) throw fields.fault('members', 'too long')
  const blocks = footer.members[2]?.sizeBytes
  if (blocks !== Math.ceil(footer.payloadBytes / footer.blockBytes) * BLOCK_CHECKSUM_BYTES)
    throw fields.fault('members', 'without a checksum for each block')
  return end + FOOTER_BYTES + (footer.lastFragment ? END_OF_ARCHIVE.length : 0)
}

/**
 * Checks the data of a trailer member before it is believed.
 *
 * @param data - all of its data
 * @param member - what the footer says about it
 * @throws FormatError `FRAGMENT_TRUNCATED`, `FRAGMENT_CHECKSUM`
 */
export function checkTrailerMember(data: Uint8Array, member: TrailerMember): void {
  if (data.length !== member.sizeBytes)
    throw new FormatError('FRAGMENT_TRUNCATED', member.offset, `${member.name} has ${data.length} bytes`)
  if (checksumText(checksumOf(data)) !== member.checksum)
    throw new FormatError('FRAGMENT_CHECKSUM', member.offset, `${member.name} does not match its checksum`)
}
