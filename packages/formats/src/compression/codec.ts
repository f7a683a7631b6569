import * as zlib from 'node:zlib'
import { FormatError } from '../format-error.ts'
import type { FrameFormat } from './compression.ts'

/** Levels that are quick; see ADR 11. */
const LEVEL: Readonly<Record<FrameFormat, number>> = { zstd: 1, gzip: 1 }

/** A frame never needs to look back further than it is long. */
const MAX_WINDOW_LOG = 22

/** Why this process can't compress or decompress so, as a sentence with the remedy; `undefined` when it can. */
export function compressionUnsupported(format: FrameFormat): string | undefined {
  if (format === 'gzip' || typeof zlib.zstdCompress === 'function') return undefined
  return `Node.js ${process.versions.node} has no zstd: run it with Node.js 22.15 or newer, or set compression: gzip in the policy`
}

/**
 * Compresses a piece of an archive stream as a frame of its own, in the thread pool.
 *
 * @param piece - the bytes; they must stay as they are until it resolves
 * @param format - how
 * @param level - as the format counts them
 * @param expectedBytes - about what it will take; memory is taken for that, and more where that is not enough
 * @throws FormatError `COMPRESSION_UNSUPPORTED`
 */
export async function compressFrame(
  piece: Uint8Array,
  format: FrameFormat,
  level: number = LEVEL[format],
  expectedBytes: number = piece.length,
): Promise<Buffer> {
  // Room for all of it in one go, since each further piece of output is a round through the thread pool; and not for much more,
  // since memory that is taken has to be collected.
  const chunkSize = Math.max(1024, Math.min(piece.length, expectedBytes) + (expectedBytes >>> 3))
  if (format === 'gzip')
    return new Promise((resolve, reject) =>
      zlib.gzip(piece, { level, chunkSize }, (error, frame) =>
        error === null ? resolve(frame) : reject(error),
      ),
    )
  mustBeSupported(format)
  const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag } = zlib.constants
  const params = { [ZSTD_c_compressionLevel]: level, [ZSTD_c_checksumFlag]: 1 }
  const options = { chunkSize, params, pledgedSrcSize: piece.length } as zlib.ZstdOptions
  return new Promise((resolve, reject) =>
    zlib.zstdCompress(piece, options, (error, frame) => (error === null ? resolve(frame) : reject(error))),
  )
}

/**
 * Decompresses a frame, in the thread pool. Takes no more memory than the frame is told to need, whatever it holds.
 *
 * @param frame - all of its bytes; they must stay as they are until it resolves
 * @param format - how it was compressed
 * @param streamBytes - what it is told to decompress to
 * @throws FormatError `FRAME_INVALID` - it does not decompress to exactly so many bytes; `COMPRESSION_UNSUPPORTED`
 */
export async function decompressFrame(
  frame: Uint8Array,
  format: FrameFormat,
  streamBytes: number,
): Promise<Buffer> {
  mustBeSupported(format)
  const options = { chunkSize: Math.max(streamBytes + 1, 64), maxOutputLength: streamBytes }
  const piece = await new Promise<Buffer>((resolve, reject) => {
    const done = (error: Error | null, bytes: Buffer): void =>
      error === null ? resolve(bytes) : reject(damaged(error.message))
    if (format === 'gzip') zlib.gunzip(frame, options, done)
    else {
      const params = { [zlib.constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG }
      zlib.zstdDecompress(frame, { ...options, params }, done)
    }
  })
  if (piece.length === streamBytes) return piece
  throw damaged(`it has ${piece.length} bytes`)
}

function damaged(why: string): FormatError {
  return new FormatError('FRAME_INVALID', 0, `A frame does not decompress to what is told of it: ${why}`)
}

function mustBeSupported(format: FrameFormat): void {
  const why = compressionUnsupported(format)
  if (why !== undefined) throw new FormatError('COMPRESSION_UNSUPPORTED', 0, why)
}
