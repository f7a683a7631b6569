const POLYNOMIAL = 0x82f63b78
const MASK_DELTA = 0xa282ead8

/** Four tables, so that four bytes are taken at once. */
const tables = makeTables()

function makeTables(): Uint32Array {
  const made = new Uint32Array(4 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ POLYNOMIAL : sum >>> 1
    made[byte] = sum >>> 0
  }
  for (let at = 256; at < made.length; at++) {
    const before = made[at - 256] as number
    made[at] = (made[before & 0xff] as number) ^ (before >>> 8)
  }
  return made
}

/** CRC-32C (Castagnoli) of the bytes from `start` to `end`, which `before` may begin. */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, before = 0): number {
  let sum = ~before
  let at = start
  for (; at + 4 <= end; at += 4) {
    sum ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    sum =
      (tables[768 + (sum & 0xff)] as number) ^
      (tables[512 + ((sum >>> 8) & 0xff)] as number) ^
      (tables[256 + ((sum >>> 16) & 0xff)] as number) ^
      (tables[sum >>> 24] as number)
  }
  for (; at < end; at++) sum = (tables[(sum ^ (bytes[at] as number)) & 0xff] as number) ^ (sum >>> 8)
  return ~sum >>> 0
}

/** The sum as LevelDB stores it: turned, so that sums over bytes that hold sums stay good ones. */
export function maskedCrc(sum: number): number {
  return (((sum >>> 15) | (sum << 17)) + MASK_DELTA) >>> 0
}
