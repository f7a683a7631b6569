import { type FragmentRecord, NbError, type OpenFile } from '@nb/contracts'
import {
  FOOTER_BYTES,
  FormatError,
  type FragmentFooter,
  FragmentTrailerEncoder,
  HEADER_BYTES,
  checkTrailerMember,
  decodeFragmentFooter,
  decodeFragmentHeader,
} from '@nb/formats'

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
  readonly payloadBytes: number
  readonly blockBytes: number
  /** A checksum for each block of the payload. */
  readonly blocks: Buffer
}

const END_BYTES = FOOTER_BYTES + 1024
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
    const header = await readExactly(file, 0, Math.min(HEADER_BYTES, fileBytes))
    const { startsAtMemberBoundary, ...head } = decodeFragmentHeader(header)
    const end = await readExactly(file, Math.max(0, fileBytes - END_BYTES), Math.min(END_BYTES, fileBytes))
    const footer = decodeFragmentFooter(end, { fileBytes })
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
    const blocks = await checkTrailer(file, header, footer, end)
    compare(
      identity,
      { ...footer, wholeMembers: startsAtMemberBoundary && footer.endsAtMemberBoundary },
      record,
    )
    return {
      footer,
      startsAtMember: startsAtMemberBoundary,
      payloadBytes: footer.payloadBytes,
      blockBytes: footer.blockBytes,
      blocks,
    }
  } catch (error) {
    throw error instanceof FormatError ? corruptFragment(identity, error) : error
  }
}

/** The error of a damaged fragment; `block` where one block of the payload is concerned. */
export function corruptFragment(identity: FragmentIdentity, error: FormatError, block?: number): NbError {
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
        ...(block === undefined ? {} : { block }),
      },
    },
  )
}

/** Makes the trailer again from the data found and compares; gives the block checksums. */
async function checkTrailer(
  file: OpenFile,
  header: Buffer,
  footer: FragmentFooter,
  end: Buffer,
): Promise<Buffer> {
  const encoder = new FragmentTrailerEncoder({ ...footer, header })
  let position = HEADER_BYTES + footer.payloadBytes
  let blocks: Buffer = Buffer.alloc(0)
  for (const member of footer.members) {
    const name = member.name.slice('.nb/'.length) as 'IMAGE.json' | 'FILES' | 'BLOCKS'
    position = await sameBytes(file, position, encoder.open(name, member.sizeBytes))
    for (let left = member.sizeBytes; left > 0;) {
      const piece = await readExactly(file, position, name === 'BLOCKS' ? left : Math.min(left, PIECE_BYTES))
      encoder.write(piece)
      if (name === 'BLOCKS') blocks = piece
      position += piece.length
      left -= piece.length
    }
    position = await sameBytes(file, position, encoder.close())
  }
  // The footer repeats the checksum of every member, so equal footers mean equal members.
  const again = encoder.footer()
  if (!again.equals(end.subarray(end.length - again.length)))
    throw new FormatError('FRAGMENT_CHECKSUM', position, 'The trailer does not match its checksums')
  return blocks
}

async function sameBytes(file: OpenFile, position: number, expected: Buffer): Promise<number> {
  const found = await readExactly(file, position, expected.length)
  if (!found.equals(expected))
    throw new FormatError('FRAGMENT_INVALID', position, 'A tar header or padding of the trailer is damaged')
  return position + expected.length
}

/** Reads bytes that the length of the file promises. */
export async function readExactly(file: OpenFile, position: number, byteLength: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(byteLength)
  const count = await file.read(bytes, position)
  if (count < byteLength)
    throw new FormatError('FRAGMENT_TRUNCATED', position + count, 'The file ends too early')
  return bytes
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
}
