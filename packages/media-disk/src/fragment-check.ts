import { type FragmentRecord, NbError, type OpenFile } from '@nb/contracts'
import {
  FormatError,
  type FragmentFooter,
  FragmentTrailerEncoder,
  FrameIndex,
  HEADER_BYTES,
  MAX_FOOTER_BYTES,
  MAX_HEADER_BYTES,
  type TrailerName,
  checkTrailerMember,
  decodeFragmentFooter,
  decodeFragmentHeader,
  footerMemberOf,
  framedHeaderBytes,
  headerMemberOf,
} from '@nb/formats'
import { readExactly } from './read-exactly.ts'
import { type TrailerBytes, trailerBytes } from './trailer-bytes.ts'

/** Which fragment a reader wants, and where it should be. */
export interface FragmentIdentity {
  readonly storageUnit: string
  readonly backupId: string
  readonly copy: number
  readonly number: number
  readonly path: string
}

/** What is known of a fragment once everything but its payload has been checked. */
export interface CheckedFragment {
  readonly footer: FragmentFooter
  readonly startsAtMember: boolean
  /** A checksum for each block of the payload as it is stored. */
  readonly blocks: Buffer
  /** Where the payload begins in the file. */
  readonly payloadAt: number
  /** The frames of a compressed fragment. */
  readonly frames: FrameIndex | undefined
}

const PIECE_BYTES = 1024 * 1024

/**
 * Checks a fragment's header, trailer and footer, to the last byte of padding: what stands there must be what a
 * writer makes of the same facts. Then compares it with what the catalog says. Rejects with `fragment-corrupt`.
 */
export async function checkFragment(
  file: OpenFile,
  identity: FragmentIdentity,
  record?: FragmentRecord,
): Promise<CheckedFragment> {
  try {
    const fileBytes = await file.size()
    const begin = await readExactly(file, 0, Math.min(MAX_HEADER_BYTES, fileBytes))
    const { startsAtMemberBoundary, ...head } = decodeFragmentHeader(begin)
    const header = headerMemberOf(begin)
    const endBytes = Math.min(MAX_FOOTER_BYTES, fileBytes)
    const end = await readExactly(file, fileBytes - endBytes, endBytes)
    const { compression } = head
    const footer = decodeFragmentFooter(end, { fileBytes, compression })
    const { headerChecksum } = footer
    checkTrailerMember(header, {
      name: 'header',
      offset: 0,
      sizeBytes: HEADER_BYTES,
      checksum: headerChecksum,
    })
    // Before the trailer is made again, which is made of both.
    if (head.backupId !== footer.backupId || head.blockBytes !== footer.blockBytes)
      throw new FormatError('FRAGMENT_INVALID', 0, 'Header and footer are of different fragments')
    const { blocks, frames } = await checkTrailer(
      trailerBytes(file, footer),
      header,
      footer,
      footerMemberOf(end, compression),
    )
    compare(
      identity,
      { ...footer, wholeMembers: startsAtMemberBoundary && footer.endsAtMemberBoundary },
      record,
    )
    return {
      footer,
      startsAtMember: startsAtMemberBoundary,
      blocks,
      payloadAt: framedHeaderBytes(compression),
      frames: compression === undefined ? undefined : new FrameIndex(frames, footer),
    }
  } catch (error) {
    throw error instanceof FormatError ? corruptFragment(identity, error) : error
  }
}

/** What of a payload is damaged. */
export interface DamagedPart {
  /** The block as it is stored, where one is concerned. */
  readonly block?: number
  /** What of the payload can't be read because of it. */
  readonly lostOffset: number
  readonly lostBytes: number
}

/** The error of a damaged fragment; `part` where only a part of the payload is concerned. */
export function corruptFragment(identity: FragmentIdentity, error: FormatError, part?: DamagedPart): NbError {
  if (error.code === 'COMPRESSION_UNSUPPORTED')
    return new NbError('not-supported', error.message, { cause: error })
  const block = part?.block
  const { storageUnit, backupId, copy, number, path } = identity
  const where = block === undefined ? '' : `, block ${block}`
  return new NbError(
    'fragment-corrupt',
    `Fragment ${number} of copy ${copy} of image ${backupId}${where} is damaged (${path} on ${storageUnit}): ${error.message}`,
    {
      cause: error,
      details: {
        storageUnit,
        backupId,
        copy,
        fragment: number,
        path,
        format: error.code,
        ...part,
      },
    },
  )
}

/** Makes the trailer again from the data found and compares; gives block checksums and frames. */
async function checkTrailer(
  read: TrailerBytes,
  header: Buffer,
  footer: FragmentFooter,
  footerMember: Buffer,
): Promise<{ readonly blocks: Buffer; readonly frames: Buffer }> {
  const encoder = new FragmentTrailerEncoder({ ...footer, header })
  let position = HEADER_BYTES + footer.payloadBytes
  const whole: { BLOCKS: Buffer; FRAMES: Buffer } = { BLOCKS: Buffer.alloc(0), FRAMES: Buffer.alloc(0) }
  for (const member of footer.members) {
    const name = member.name.slice('.nb/'.length) as TrailerName
    const isKept = name === 'BLOCKS' || name === 'FRAMES'
    position = await sameBytes(read, position, encoder.open(name, member.sizeBytes))
    for (let left = member.sizeBytes; left > 0;) {
      const piece = await read(position, isKept ? left : Math.min(left, PIECE_BYTES))
      encoder.write(piece)
      if (isKept) whole[name] = piece
      position += piece.length
      left -= piece.length
    }
    position = await sameBytes(read, position, encoder.close())
  }
  // The footer repeats the checksum of every member, so equal footers mean equal members.
  if (!encoder.footer().subarray(0, footerMember.length).equals(footerMember))
    throw new FormatError('FRAGMENT_CHECKSUM', position, 'The trailer does not match its checksums')
  return { blocks: whole.BLOCKS, frames: whole.FRAMES }
}

async function sameBytes(read: TrailerBytes, position: number, expected: Buffer): Promise<number> {
  if (expected.length === 0) return position
  if ((await read(position, expected.length)).equals(expected)) return position + expected.length
  throw new FormatError('FRAGMENT_INVALID', position, 'A tar header or padding of the trailer is damaged')
}

function compare(
  identity: FragmentIdentity,
  found: FragmentFooter & { readonly wholeMembers: boolean },
  record: FragmentRecord | undefined,
): void {
  const wrong = (what: string, has: unknown, wanted: unknown): FormatError =>
    new FormatError('FRAGMENT_INVALID', 0, `It is of ${what} ${String(has)}, not ${String(wanted)}`)
  if (found.backupId !== identity.backupId) throw wrong('image', found.backupId, identity.backupId)
  if (found.copy !== identity.copy) throw wrong('copy', found.copy, identity.copy)
  if (found.fragment !== identity.number) throw wrong('number', found.fragment, identity.number)
  if (record === undefined) return
  if (found.streamOffset !== record.streamOffset)
    throw wrong('stream offset', found.streamOffset, record.streamOffset)
  if (found.payloadBytes !== record.streamBytes)
    throw wrong('payload bytes', found.payloadBytes, record.streamBytes)
  const { storedBytes = found.compression === undefined ? found.storedBytes : undefined } = record
  if (found.storedBytes !== storedBytes)
    throw wrong('stored bytes', found.storedBytes, storedBytes ?? 'uncompressed')
}
