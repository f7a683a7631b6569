/**
 * Unpacks a block that was packed with Snappy, or gives `undefined` for bytes that are none. Only what the checksum of was good is
 * given here; `mostBytes` guards memory all the same.
 */
export function unpackSnappy(packed: Uint8Array, mostBytes: number): Buffer | undefined {
  let length = 0
  let at = 0
  for (let shift = 1; ; shift *= 128) {
    const byte = packed[at++]
    if (byte === undefined || shift > 2 ** 28) return undefined
    length += (byte & 0x7f) * shift
    if (byte < 0x80) break
  }
  if (length > mostBytes) return undefined
  const target = Buffer.alloc(length)
  let fill = 0
  while (at < packed.length) {
    const tag = packed[at++] as number
    const kind = tag & 3
    if (kind === 0) {
      let count = tag >> 2
      if (count >= 60) {
        const extra = count - 59
        count = littleEndian(packed, at, extra)
        at += extra
      }
      count += 1
      if (at + count > packed.length || fill + count > length) return undefined
      target.set(packed.subarray(at, at + count), fill)
      at += count
      fill += count
      continue
    }
    const count = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
    const width = kind === 1 ? 1 : kind === 2 ? 2 : 4
    const offset = (kind === 1 ? (tag >> 5) << 8 : 0) + littleEndian(packed, at, width)
    at += width
    if (offset === 0 || offset > fill || fill + count > length) return undefined
    // Byte by byte: what is copied may be what this very copy has made.
    for (let index = 0; index < count; index++, fill++) target[fill] = target[fill - offset] as number
  }
  return fill === length ? target : undefined
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let index = count - 1; index >= 0; index--) value = value * 256 + (bytes[at + index] ?? 0)
  return value
}
