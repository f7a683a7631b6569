import { crc32 } from 'node:zlib'
import type { FrameFormat } from '../compression/compression.ts'
import { NB_DIRECTORY, encodeOwnMember } from '../fragment/tar-member.ts'
import { TAPE_BLOCK_BYTES } from './tape.ts'

const CREATED = '1970-01-01T00:00:00Z'
const LEAST_BYTES = { tar: 512, zstd: 8, gzip: 25 } as const
const GZIP_EXTRA_BYTES = 65_535

/** Blocks that so many bytes take with what fills the last one. */
export function filledBlocks(bytes: number, compression?: FrameFormat): number {
  return (bytes + fillBytes(bytes, compression)) / TAPE_BLOCK_BYTES
}

/**
 * What makes the last block of a payload or trailer whole, and means nothing to whoever reads on: tar, `zstd -d` or
 * `gzip -d`.
 *
 * @param bytes - bytes before it; not compressed, a multiple of 512
 * @param compression - what they are frames of. @default none: they are tar
 */
export function fillAfter(bytes: number, compression?: FrameFormat): Buffer {
  const count = fillBytes(bytes, compression)
  if (count === 0) return Buffer.alloc(0)
  if (compression === 'gzip') return gzipFill(count)
  const fill = Buffer.alloc(count)
  if (compression === 'zstd') {
    // A skippable frame, RFC 8878 section 3.1.2.
    fill.writeUInt32LE(0x184d2a50, 0)
    fill.writeUInt32LE(count - 8, 4)
  } else {
    encodeOwnMember(`${NB_DIRECTORY}FILL`, count - 512, CREATED).copy(fill)
  }
  return fill
}

function fillBytes(bytes: number, compression: FrameFormat | undefined): number {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new TypeError('bytes must be a whole number from 0')
  if (compression === undefined && bytes % 512 !== 0) throw new TypeError('bytes must be a multiple of 512')
  const rest = (TAPE_BLOCK_BYTES - (bytes % TAPE_BLOCK_BYTES)) % TAPE_BLOCK_BYTES
  return rest === 0 || rest >= LEAST_BYTES[compression ?? 'tar'] ? rest : rest + TAPE_BLOCK_BYTES
}

/** Empty gzip members (RFC 1952) with an extra field of zeros, none too short for what is left. */
function gzipFill(count: number): Buffer {
  const members: Buffer[] = []
  let left = count
  while (left > 0) {
    const most = LEAST_BYTES.gzip + GZIP_EXTRA_BYTES
    const size = left <= most ? left : Math.min(most, left - LEAST_BYTES.gzip)
    const member = Buffer.alloc(size)
    member.set([0x1f, 0x8b, 0x08, 0x04, 0, 0, 0, 0, 0, 0xff])
    member.writeUInt16LE(size - LEAST_BYTES.gzip, 10)
    // The last block of deflate, stored and empty; then the sum and the length of nothing.
    member.set([0x01, 0x00, 0x00, 0xff, 0xff], size - 13)
    member.writeUInt32LE(crc32(Buffer.alloc(0)), size - 8)
    members.push(member)
    left -= size
  }
  return Buffer.concat(members)
}
