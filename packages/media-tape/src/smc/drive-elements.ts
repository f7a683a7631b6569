import { describeDesignator } from '../scsi/inquiry.ts'
import type { ElementStatus } from '../scsi/element-status.ts'

/** A drive that may be in the library. */
export interface LibraryDrive {
  /** What people call it. */
  readonly name: string
  /** Its serial number, as the drive itself gives it. */
  readonly serial: string
}

/**
 * Which drive is in which drive element, by what the changer says of its drives: text that ends with the serial number, or is it. The
 * one drive that is left over is in the one element that is left over, if that says nothing of another one. Keyed by address.
 */
export function matchDrives(
  elements: readonly ElementStatus[],
  drives: readonly LibraryDrive[],
): ReadonlyMap<number, LibraryDrive> {
  const matched = new Map<number, LibraryDrive>()
  const left = new Set(drives)
  for (const { address, device } of elements) {
    if (device === undefined) continue
    const text = describeDesignator(device)
    const found = drives.filter(({ serial }) => serial !== '' && (text === serial || text.endsWith(serial)))
    const [only] = found
    if (only === undefined || found.length > 1) continue
    matched.set(address, only)
    left.delete(only)
  }
  const silent = elements.filter(({ address, device }) => !matched.has(address) && device === undefined)
  const unmatched = elements.filter(({ address }) => !matched.has(address))
  const [element] = silent
  const [drive] = left
  if (unmatched.length === 1 && element !== undefined && drive !== undefined && left.size === 1)
    matched.set(element.address, drive)
  return matched
}
