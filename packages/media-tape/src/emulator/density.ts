import type { DensityDescriptor } from '../scsi/tape-answers.ts'

/** LTO-8: all that emulated drives read and write. */
export const densityCode = 0x5e

/** What REPORT DENSITY SUPPORT tells, of a medium of that capacity. */
export function density(capacityBytes: number): DensityDescriptor {
  return {
    primary: densityCode,
    secondary: densityCode,
    writable: true,
    isDefault: true,
    bitsPerMm: 20_668,
    mediaWidth: 127,
    tracks: 6656,
    capacityMegabytes: Math.min(0xffff_ffff, Math.floor(capacityBytes / 1_000_000)),
    organization: 'LTO-CVE',
    name: 'U-832',
    description: 'Ultrium 8/32T',
  }
}
