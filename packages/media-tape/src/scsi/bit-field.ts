/** A number that takes some bits of one byte, or whole bytes (big-endian, as all of SCSI is). */
export interface BitField {
  /** Its first byte. */
  readonly byte: number
  /** Its highest bit in that byte, 7–0. */
  readonly high: number
  /** How many bits it has; beyond those of one byte a multiple of 8, from bit 7 on. */
  readonly width: number
  /** Two's complement. */
  readonly signed: boolean
}

/** `count` bits of one byte, the highest of them being bit `high`. */
export function bits(byte: number, high: number, count = 1): BitField {
  return { byte, high, width: count, signed: false }
}

/** `count` whole bytes. */
export function bytes(byte: number, count = 1): BitField {
  return { byte, high: 7, width: count * 8, signed: false }
}

/** `count` whole bytes in two's complement. */
export function signedBytes(byte: number, count: number): BitField {
  return { byte, high: 7, width: count * 8, signed: true }
}

/** Smallest and largest number of a field; of 64 bits only what a JavaScript number holds exactly. */
export function boundsOf({ width, signed }: BitField): readonly [least: number, most: number] {
  const most = Math.min(2 ** (signed ? width - 1 : width) - 1, Number.MAX_SAFE_INTEGER)
  return [signed ? Math.max(-(2 ** (width - 1)), Number.MIN_SAFE_INTEGER) : 0, most]
}

/** The field's number; `undefined` where a JavaScript number doesn't hold it exactly. */
export function getField(from: Uint8Array, field: BitField): number | undefined {
  const { byte, high, width, signed } = field
  if (width < 8) return ((from[byte] ?? 0) >> (high - width + 1)) & (2 ** width - 1)
  let value = 0n
  for (let at = byte; at < byte + width / 8; at++) value = (value << 8n) | BigInt(from[at] ?? 0)
  const number = Number(signed ? BigInt.asIntN(width, value) : value)
  return Number.isSafeInteger(number) ? number : undefined
}

/** Puts a number into a field that holds zeros. Throws `RangeError` where it doesn't fit. */
export function setField(into: Uint8Array, field: BitField, value: number): void {
  const { byte, high, width } = field
  const [least, most] = boundsOf(field)
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new RangeError(
      `${value} does not fit into ${width} bits of byte ${byte}; allowed: ${least}–${most}`,
    )
  if (width < 8) {
    into[byte] = (into[byte] ?? 0) | (value << (high - width + 1))
    return
  }
  let rest = BigInt.asUintN(width, BigInt(value))
  for (let at = byte + width / 8 - 1; at >= byte; at--) {
    into[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
}
