import { checksumOf } from '../../../packages/formats/src/checksum.ts'
import { below, oneOf } from '../engine/mutate.ts'
import type { Random } from '../engine/mutate.ts'

const SUM_BYTES = 8

/** Puts the right checksum at the end of a part. */
function seal(bytes: Buffer, start: number, end: number): void {
  if (end - start < SUM_BYTES || end > bytes.length) return
  bytes.writeBigUInt64LE(checksumOf(bytes.subarray(start, end - SUM_BYTES)), end - SUM_BYTES)
}

/** The parts of a file list as their own lengths tell them: the header, then the batches. */
function partsOf(bytes: Buffer, start = 0): [number, number][] {
  const parts: [number, number][] = []
  for (let at = start; at + 16 <= bytes.length;) {
    const isHeader = at === 0 && bytes[2] === 0x2d
    const length = bytes.readUInt32LE(at + (isHeader ? 12 : 8))
    if (length < SUM_BYTES || at + length > bytes.length) break
    parts.push([at, at + length])
    at += length
  }
  return parts
}

/** Right checksums for the header and every batch of a list, or for batches without a header. */
export function resealList(input: Buffer): Buffer {
  for (const [start, end] of partsOf(input)) seal(input, start, end)
  return input
}

/** Other lengths and counts in the head of one part, or another byte in one of its sections, sealed again. */
export function otherPart(input: Buffer, random: Random): Buffer {
  const parts = partsOf(input)
  const part = oneOf(random, parts)
  if (part === undefined) return input
  const [start, end] = part
  const room = end - start
  if (room < 32) return resealList(input)
  const mode = below(random, 4)
  const small =
    oneOf(random, [0, 1, 2, room, room - 8, room - 28, 0xffff, 0xffffffff, below(random, room)]) ?? 0
  if (mode === 0) input.writeUInt32LE(small, start + 12)
  else if (mode === 1) input.writeUInt32LE(small, start + 16)
  else if (mode === 2) input.writeUInt16LE(small & 0xffff, start + 6)
  else
    for (let times = 1 + below(random, 3); times > 0; times--)
      input[start + 16 + below(random, room - 24)] = below(random, 256)
  return resealList(input)
}

/** Bytes put into or taken out of a part, its length made to fit. */
export function otherLength(input: Buffer, random: Random): Buffer {
  const part = oneOf(random, partsOf(input))
  if (part === undefined) return input
  const [start, end] = part
  const at = start + 16 + below(random, Math.max(1, end - start - 24))
  const inserted = random() < 0.5 ? Buffer.alloc(0) : Buffer.alloc(1 + below(random, 12), below(random, 256))
  const bytes = Buffer.concat([input.subarray(0, at), inserted, input.subarray(at + below(random, 6))])
  const isHeader = start === 0 && bytes[2] === 0x2d
  const length = end - start + (bytes.length - input.length)
  if (start + 16 <= bytes.length && length > 0) bytes.writeUInt32LE(length, start + (isHeader ? 12 : 8))
  return resealList(bytes)
}

/** Right length and checksum for an index. */
export function resealIndex(input: Buffer): Buffer {
  if (input.length >= 20) input.writeBigUInt64LE(BigInt(input.length), 12)
  seal(input, 0, input.length)
  return input
}

/** Another number in an index's head or entries, sealed again. */
export function otherIndexField(input: Buffer, random: Random): Buffer {
  if (input.length < 48) return resealIndex(input)
  const mode = below(random, 3)
  if (mode === 0) input.writeUInt32LE(below(random, 8), 20)
  else if (mode === 1)
    input.writeBigUInt64LE(
      oneOf(random, [0n, 1n, 2n ** 53n, 2n ** 64n - 1n]) ?? 0n,
      24 + 8 * below(random, 2),
    )
  else input[40 + below(random, input.length - 48)] = below(random, 256)
  return resealIndex(input)
}
