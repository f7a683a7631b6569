/** Highest number that an address of one level can say (SAM-5, 4.7.7.3). */
export const highestUnit = 16_383

/**
 * The eight bytes that address a logical unit: peripheral device addressing below 256, as every target knows it, and flat space
 * addressing above (SAM-5, 4.7.7.2 and 4.7.7.3).
 */
export function encodeUnit(unit: number): Buffer {
  const address = Buffer.alloc(8)
  address.writeUInt16BE(unit < 256 ? unit : 0x4000 | unit, 0)
  return address
}
