import type { InquiryData } from '../scsi/inquiry.ts'

/** In what a drive differs from the standard. Declared, so that it can be read, printed and corrected. */
export interface DriveQuirks {
  /**
   * How it is known where the drive stands. `reported`: READ POSITION tells it. `counted`: READ POSITION tells nothing; SPACE over
   * blocks takes filemarks for blocks and doesn't stop at them, so places are found by counting from the beginning of the tape.
   * @default 'reported'
   */
  readonly positions?: 'reported' | 'counted'
  /** The command that loads and ejects. @default 'load-unload' */
  readonly loadsBy?: 'load-unload' | 'start-stop-unit'
  /** The limits of READ BLOCK LIMITS do not hold. @default false */
  readonly ignoreBlockLimits?: boolean
  /**
   * What a READ gives whose length is not the block's own is not to be trusted: it's read again with that length. Without it,
   * only where fewer bytes came than the drive says. @default false
   */
  readonly rereadOtherLengths?: boolean
}

/** The drives of tgtd 1.0 (the Linux SCSI target framework). */
export const tgtDriveQuirks: Required<DriveQuirks> = {
  positions: 'counted',
  loadsBy: 'start-stop-unit',
  ignoreBlockLimits: true,
  rereadOtherLengths: true,
}

interface QuirksOf {
  readonly vendor: RegExp
  readonly product: RegExp
  readonly quirks: DriveQuirks
}

/** By vendor and product, as INQUIRY gives them. */
const knownQuirks: readonly QuirksOf[] = [
  // What tgtd calls itself unless it's told otherwise.
  { vendor: /^IET$/, product: /^VIRTUAL-TAPE$/, quirks: tgtDriveQuirks },
]

/** The quirks of a drive, declared ones first. */
export function quirksOf(
  { vendor, product }: InquiryData,
  declared: DriveQuirks = {},
): Required<DriveQuirks> {
  const known = knownQuirks.find((one) => one.vendor.test(vendor) && one.product.test(product))?.quirks
  return {
    positions: 'reported',
    loadsBy: 'load-unload',
    ignoreBlockLimits: false,
    rereadOtherLengths: false,
    ...known,
    ...declared,
  }
}

/** The quirks that a drive has, for people: empty for one that has none. */
export function describeQuirks(quirks: Required<DriveQuirks>): readonly string[] {
  return [
    ...(quirks.positions === 'counted' ? ['positions are counted from the beginning of the tape'] : []),
    ...(quirks.loadsBy === 'start-stop-unit' ? ['loads and ejects by START STOP UNIT'] : []),
    ...(quirks.ignoreBlockLimits ? ['READ BLOCK LIMITS is not heeded'] : []),
    ...(quirks.rereadOtherLengths ? ['blocks are read again with their own length'] : []),
  ]
}
