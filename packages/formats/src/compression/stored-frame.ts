import { crc32 } from 'node:zlib'
import { FormatError } from '../format-error.ts'
import type { FrameFormat } from './compression.ts'

/** Most content of a stored frame: whole tar blocks, within what one block of deflate and the short size of zstd can say. */
export const STORED_FRAME_BYTES = 65_024

/** Bytes of a stored frame before its content, and after it. */
export const STORED_FRAME_EDGES: Readonly<
  Record<FrameFormat, { readonly lead: number; readonly tail: number }>
> = { zstd: { lead: 10, tail: 0 }, gzip: { lead: 15, tail: 8 } }

const LEAST_BYTES = 256

/**
 * A frame in which the content stands as it is, so that it can be read without a decompressor, at a place that is known.
 *
 * @param format - `zstd`: one raw block; `gzip`: one stored block
 * @param content - pieces of the content, 256 to 65,024 bytes together
 * @returns what stands before them and after them
 */
export function storedFrameEdges(
  format: FrameFormat,
  content: readonly Uint8Array[],
): { readonly lead: Buffer; readonly tail: Buffer } {
  const size = content.reduce((sum, piece) => sum + piece.length, 0)
  if (size < LEAST_BYTES || size > STORED_FRAME_BYTES)
    throw new TypeError(`a stored frame holds ${LEAST_BYTES} to ${STORED_FRAME_BYTES} bytes, not ${size}`)
  const edges = STORED_FRAME_EDGES[format]
  const lead = Buffer.alloc(edges.lead)
  const tail = Buffer.alloc(edges.tail)
  if (format === 'zstd') {
    lead.writeUInt32LE(0xfd2fb528, 0)
    // One segment, whose size stands in two bytes, less 256; no checksum.
    lead.writeUInt8(0x60, 4)
    lead.writeUInt16LE(size - LEAST_BYTES, 5)
    // The last block, raw.
    lead.writeUIntLE((size << 3) | 1, 7, 3)
  } else {
    // Deflate, no flags, no time, an unknown system; then the last block, stored.
    lead.set([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff, 0x01])
    lead.writeUInt16LE(size, 11)
    lead.writeUInt16LE(~size & 0xffff, 13)
    tail.writeUInt32LE(
      content.reduce((sum, piece) => crc32(piece, sum), 0),
      0,
    )
    tail.writeUInt32LE(size, 4)
  }
  return { lead, tail }
}

/**
 * Takes a stored frame apart.
 *
 * @param format - how it was made
 * @param frame - exactly its bytes
 * @param offset - where it stands in the file, for errors
 * @returns its content, a view
 * @throws FormatError `FRAGMENT_TRUNCATED`, `FRAGMENT_INVALID` - another frame stands there
 */
export function storedFrameContent(format: FrameFormat, frame: Buffer, offset: number): Buffer {
  const { lead, tail } = STORED_FRAME_EDGES[format]
  const content = frame.subarray(lead, Math.max(lead, frame.length - tail))
  if (content.length < LEAST_BYTES || content.length > STORED_FRAME_BYTES)
    throw new FormatError('FRAGMENT_TRUNCATED', offset + frame.length, 'A stored frame of an impossible size')
  const edges = storedFrameEdges(format, [content])
  if (edges.lead.equals(frame.subarray(0, lead)) && edges.tail.equals(frame.subarray(lead + content.length)))
    return content
  throw new FormatError('FRAGMENT_INVALID', offset, 'No stored frame stands where one must')
}

/** How a file whose first bytes these are is compressed; `undefined` for one that is not. */
export function frameFormatOf(bytes: Uint8Array): FrameFormat | undefined {
  if (bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd) return 'zstd'
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? 'gzip' : undefined
}

/** Bytes that so much content takes in stored frames, each but the last full. */
export function storedFramesBytes(format: FrameFormat, contentBytes: number): number {
  const { lead, tail } = STORED_FRAME_EDGES[format]
  return contentBytes + Math.ceil(contentBytes / STORED_FRAME_BYTES) * (lead + tail)
}

/**
 * Content in stored frames, each but the last full.
 *
 * @param format - how
 * @param pieces - the content; passed on, not copied
 */
export function* storedFrames(format: FrameFormat, pieces: Iterable<Buffer>): Generator<Buffer> {
  let open: Buffer[] = []
  let fill = 0
  const close = function* (): Generator<Buffer> {
    if (fill === 0) return
    const { lead, tail } = storedFrameEdges(format, open)
    yield lead
    yield* open
    if (tail.length > 0) yield tail
    open = []
    fill = 0
  }
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const count = Math.min(piece.length - at, STORED_FRAME_BYTES - fill)
      open.push(piece.subarray(at, at + count))
      fill += count
      at += count
      if (fill === STORED_FRAME_BYTES) yield* close()
    }
  }
  yield* close()
}
