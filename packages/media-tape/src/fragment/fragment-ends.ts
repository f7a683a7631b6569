import type { FragmentRecord } from '@nb/contracts'
import {
  FormatError,
  type TapeFragmentFooter,
  type TapeFragmentHeader,
  type TapePlace,
  checkTapeFooter,
  checkTapePlace,
  decodeTapeFragmentFooter,
  decodeTapeFragmentHeader,
  tapeBlockChecksum,
} from '@nb/formats'

/** Where a fragment's first and last block stand, as logical objects. */
export interface EndObjects {
  readonly header: number
  readonly footer: number
}

/** Header and footer of a fragment, proven to belong together and to stand where they say. */
export interface FragmentEnds {
  readonly header: TapeFragmentHeader
  readonly footer: TapeFragmentFooter
  readonly headerChecksum: string
  /** Logical object at which the tape file begins. */
  readonly fileObject: number
}

/**
 * Proves the first and the last block of a fragment, which were read at these places.
 *
 * @param place - volume, generation and file in which they must stand
 * @throws FormatError - damaged, or another's
 */
export function proveFragmentEnds(
  place: TapePlace,
  objects: EndObjects,
  first: Uint8Array,
  last: Uint8Array,
): FragmentEnds {
  const header = decodeTapeFragmentHeader(first)
  checkTapePlace(header, place)
  const fileObject = objects.header - header.block
  const footer = decodeTapeFragmentFooter(last)
  checkTapeFooter(footer, header, first)
  if (footer.block !== objects.footer - fileObject)
    throw new FormatError('TAPE_MISPLACED', 0, `A footer of block ${footer.block} stands somewhere else`)
  for (const field of ['backupId', 'copy', 'fragment', 'streamOffset', 'compression'] as const)
    if (header[field] !== footer[field])
      throw new FormatError('FRAGMENT_INVALID', 0, `Header and footer tell another ${field}`)
  return { header, footer, headerChecksum: tapeBlockChecksum(first), fileObject }
}

/** A fragment's record, as the catalog keeps it. */
export function recordOf({ header, footer, fileObject }: FragmentEnds): FragmentRecord {
  const { compression, stream, streamOffset, payloadBytes, storedBytes, blockBytes } = footer
  return {
    ...{ number: footer.fragment, streamOffset, streamBytes: payloadBytes },
    wholeMembers: header.startsAtMemberBoundary && footer.endsAtMemberBoundary,
    blockBytes,
    ...(compression === undefined ? {} : { storedBytes }),
    ...{ volumeId: header.volume, filemark: header.file },
    ...{ headerBlock: fileObject + header.block, footerBlock: fileObject + footer.block },
    ...(stream === undefined ? {} : { stream }),
  }
}

/** Compares what was found with what was looked for. Throws a `FormatError` where it is another. */
export function checkWanted(
  ends: FragmentEnds,
  wanted: { readonly backupId: string; readonly copy: number; readonly fragment: FragmentRecord },
): void {
  const found = recordOf(ends)
  const { fragment } = wanted
  const same = (what: string, has: unknown, wants: unknown): void => {
    if (has === wants) return
    throw new FormatError('FRAGMENT_INVALID', 0, `It is of ${what} ${String(has)}, not ${String(wants)}`)
  }
  same('image', ends.footer.backupId, wanted.backupId)
  same('copy', ends.footer.copy, wanted.copy)
  same('number', found.number, fragment.number)
  same('stream offset', found.streamOffset, fragment.streamOffset)
  same('payload bytes', found.streamBytes, fragment.streamBytes)
  same('stored bytes', found.storedBytes, fragment.storedBytes)
  same('stream', found.stream, fragment.stream)
}
