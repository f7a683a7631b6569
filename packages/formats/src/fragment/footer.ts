import { END_OF_ARCHIVE, paddingOf } from '../archive/member.ts'
import { checksumOf, checksumText } from '../checksum.ts'
import type { FrameFormat } from '../compression/compression.ts'
import { FRAME_ENTRY_BYTES } from '../compression/frame-index.ts'
import { STORED_FRAME_EDGES, storedFrameContent, storedFramesBytes } from '../compression/stored-frame.ts'
import { FormatError } from '../format-error.ts'
import { BLOCK_CHECKSUM_BYTES, FOOTER_BYTES, HEADER_BYTES } from './fragment.ts'
import type { FragmentFooter, TrailerMember } from './fragment.ts'
import { compressionIn, formatOf, framedHeaderBytes } from './header.ts'
import { NB_DIRECTORY, decodeJsonMember, ownMemberHeaderBytes } from './tar-member.ts'
import type { JsonFields } from './tar-member.ts'
import { trailerNames } from './trailer.ts'

const NAME = `${NB_DIRECTORY}FOOTER.json`

/** Bytes at the end of a fragment's file in which the footer of any is. */
export const MAX_FOOTER_BYTES: number = storedFramesBytes('gzip', FOOTER_BYTES + END_OF_ARCHIVE.length)

/** What is known of the file whose footer is read. */
export interface FooterOptions {
  /** Length of the file, to check the footer's offsets against. */
  readonly fileBytes?: number
  /** How it is compressed, as its first bytes say. @default not compressed */
  readonly compression?: FrameFormat | undefined
}

/**
 * Reads the end of a fragment.
 *
 * @param lastBytes - the last bytes of the fragment's file, at least 5,120 of them, of a compressed one 5,143 (or the whole,
 *   when it is shorter)
 * @param options - what is known of the file
 * @throws FormatError `FRAGMENT_TRUNCATED` or `FORMAT_UNKNOWN` - no footer: the fragment was not completed;
 *   `FORMAT_VERSION_UNSUPPORTED`, `FRAGMENT_CHECKSUM`, `FRAGMENT_INVALID`. `offset` counts from the start of `lastBytes`
 */
export function decodeFragmentFooter(lastBytes: Uint8Array, options: FooterOptions = {}): FragmentFooter {
  const { compression } = options
  const { bytes, start, isLast } = footerPlace(lastBytes, compression)
  const fields = decodeJsonMember(bytes.subarray(start, start + FOOTER_BYTES), NAME, start)
  fields.checkFormat(formatOf(compression))
  const footer = readFooter(fields)
  if (footer.compression !== compression) throw fields.fault('compression', 'not what the file begins with')
  if (footer.lastFragment !== isLast) throw fields.fault('lastFragment', 'not what the end of the file says')
  const fileBytes = checkLayout(footer, fields)
  if (options.fileBytes !== undefined && options.fileBytes !== fileBytes)
    throw fields.fault('payloadBytes', `that of a file of ${fileBytes} bytes, not ${options.fileBytes}`)
  return footer
}

/** The footer's own bytes, without the end marker and out of its frame. @param lastBytes - as for {@link decodeFragmentFooter} */
export function footerMemberOf(lastBytes: Uint8Array, compression: FrameFormat | undefined): Buffer {
  const { bytes, start } = footerPlace(lastBytes, compression)
  return bytes.subarray(start, start + FOOTER_BYTES)
}

/** Finds the footer from the end; of a compressed one the frame that it stands in is checked. */
function footerPlace(
  lastBytes: Uint8Array,
  compression: FrameFormat | undefined,
): { readonly bytes: Buffer; readonly start: number; readonly isLast: boolean } {
  const { lead, tail } = compression === undefined ? { lead: 0, tail: 0 } : STORED_FRAME_EDGES[compression]
  const whole = Buffer.from(lastBytes.buffer, lastBytes.byteOffset, lastBytes.length)
  const bytes = whole.subarray(0, Math.max(0, whole.length - tail))
  if (bytes.length < FOOTER_BYTES)
    throw new FormatError('FRAGMENT_TRUNCATED', whole.length, 'A fragment ends inside its footer')
  const isLast = bytes.subarray(bytes.length - END_OF_ARCHIVE.length).equals(END_OF_ARCHIVE)
  const start = bytes.length - FOOTER_BYTES - (isLast ? END_OF_ARCHIVE.length : 0)
  if (start < lead)
    throw new FormatError(
      'FRAGMENT_TRUNCATED',
      whole.length,
      'Too few bytes for the footer of a last fragment',
    )
  if (compression !== undefined) storedFrameContent(compression, whole.subarray(start - lead), start - lead)
  return { bytes, start, isLast }
}

function readFooter(fields: JsonFields): FragmentFooter {
  const compression = compressionIn(fields)
  const payloadBytes = fields.count('payloadBytes')
  return {
    backupId: fields.text('backupId'),
    copy: fields.count('copy', 1),
    fragment: fields.count('fragment', 1),
    streamOffset: fields.count('streamOffset'),
    payloadBytes,
    ...(compression === undefined ? {} : { compression }),
    storedBytes: compression === undefined ? payloadBytes : fields.count('storedBytes'),
    blockBytes: fields.count('blockBytes', 1),
    headerChecksum: fields.text('headerChecksum'),
    endsAtMemberBoundary: fields.flag('endsAtMemberBoundary'),
    lastFragment: fields.flag('lastFragment'),
    members: readTrailerMembers(fields),
  }
}

/** The members of a trailer, as a footer of any kind lists them. */
export function readTrailerMembers(fields: JsonFields): TrailerMember[] {
  return fields.list('members').map((member) => ({
    name: member.text('name'),
    offset: member.count('offset'),
    sizeBytes: member.count('sizeBytes'),
    checksum: member.text('checksum'),
  }))
}

/** Follows the offsets from the payload to the end of the file. @returns the length that the file must have */
function checkLayout(footer: FragmentFooter, fields: JsonFields): number {
  const { compression, payloadBytes, storedBytes, blockBytes, members } = footer
  if (payloadBytes % 512 !== 0) throw fields.fault('payloadBytes', 'no multiple of 512')
  const begin = HEADER_BYTES + payloadBytes
  let end = begin
  const names = trailerNames(compression)
  for (const [index, name] of names.entries()) {
    const member = members[index]
    if (member?.name !== NB_DIRECTORY + name) throw fields.fault('members', `without ${name} in its place`)
    if (member.offset !== end + ownMemberHeaderBytes(member.sizeBytes))
      throw fields.fault('members', `with ${name} at an impossible offset`)
    end = member.offset + member.sizeBytes + paddingOf(member.sizeBytes)
  }
  if (members.length !== names.length) throw fields.fault('members', 'too long')
  const blocks = members.at(-1)?.sizeBytes
  if (blocks !== Math.ceil(storedBytes / blockBytes) * BLOCK_CHECKSUM_BYTES)
    throw fields.fault('members', 'without a checksum for each block')
  const frames = compression === undefined ? 0 : (members[2]?.sizeBytes ?? 0)
  if (frames % FRAME_ENTRY_BYTES !== 0) throw fields.fault('members', 'with a part of a frame')
  const last = FOOTER_BYTES + (footer.lastFragment ? END_OF_ARCHIVE.length : 0)
  if (compression === undefined) return end + last
  const framed = (bytes: number): number => storedFramesBytes(compression, bytes)
  return framedHeaderBytes(compression) + storedBytes + framed(end - begin) + framed(last)
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
