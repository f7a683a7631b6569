import * as zlib from 'node:zlib'
import { NbError } from '@nb/contracts'

/** Bytes of a piece below which it is not worth the work. */
const leastBytes = 512

/** How many bytes go as they are after a piece that hardly became smaller: what is compressed already mostly goes on so. */
const restBytes = 4 * 2 ** 20

/** Zstandard's quickest: a slow wire waits for it less than it waits for the wire. */
const level = 1

/** A frame never looks back further than a piece is long. */
const mostWindowLog = 20

/** Why this process can't compress what goes over the wire, with the remedy; `undefined` when it can. */
export function wireCompressionUnsupported(): NbError | undefined {
  if (typeof zlib.zstdCompress === 'function') return undefined
  return new NbError(
    'not-supported',
    `Node.js ${process.versions.node} has no zstd: run it with Node.js 22.15 or newer, or do not compress on the wire`,
  )
}

/** Compresses the pieces of one direction of a channel, those for which it is worth it. */
export class PieceCompressor {
  #rest = 0

  /** The compressed piece; `undefined` where it had better go as it is. The piece must stay as it is until it resolves. */
  async compress(piece: Uint8Array): Promise<Buffer | undefined> {
    if (piece.length < leastBytes || this.#rest > 0) {
      this.#rest -= piece.length
      return undefined
    }
    const packed = await compress(piece)
    if (packed.length < piece.length - (piece.length >> 4)) return packed
    this.#rest = restBytes
    return undefined
  }
}

function compress(piece: Uint8Array): Promise<Buffer> {
  const params = { [zlib.constants.ZSTD_c_compressionLevel]: level }
  // One go through the thread pool; a piece that does not become smaller is not sent so.
  const options = { params, chunkSize: piece.length + 64 }
  return new Promise((resolve, reject) =>
    zlib.zstdCompress(piece, options, (error, packed) => (error === null ? resolve(packed) : reject(error))),
  )
}

/**
 * What a compressed piece holds. Takes no more memory than it is told to need, whatever a hostile peer has put into it. Throws `message-invalid` for what does
 * not decompress to exactly so many bytes.
 */
export function decompressPiece(packed: Uint8Array, pieceBytes: number): Buffer {
  const params = { [zlib.constants.ZSTD_d_windowLogMax]: mostWindowLog }
  try {
    const options = { params, chunkSize: Math.max(64, pieceBytes + 1), maxOutputLength: pieceBytes }
    const piece = zlib.zstdDecompressSync(packed, options)
    if (piece.length === pieceBytes) return piece
  } catch {
    // It is told below, as what is too short.
  }
  throw new NbError(
    'message-invalid',
    `a compressed piece does not decompress to the ${pieceBytes} bytes that it is told to have`,
  )
}
