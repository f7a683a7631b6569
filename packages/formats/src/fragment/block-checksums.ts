import { RunningChecksum, checksumOf } from '../checksum.ts'
import { FormatError } from '../format-error.ts'
import { BLOCK_BYTES, BLOCK_CHECKSUM_BYTES } from './fragment.ts'

const SUMS_PER_PIECE = 4096

/** Sums up a fragment's payload block by block while it is written: the content of `.nb/BLOCKS`. */
export class BlockChecksums {
  readonly #blockBytes: number
  readonly #running = new RunningChecksum()
  readonly #pieces: Buffer[] = []
  #piece: Buffer = Buffer.alloc(0)
  #pieceFill = 0
  #blockFill = 0
  #payloadBytes = 0

  /** @param blockBytes - payload bytes under one checksum; default {@link BLOCK_BYTES} */
  constructor(blockBytes: number = BLOCK_BYTES) {
    if (!Number.isSafeInteger(blockBytes) || blockBytes < 1)
      throw new TypeError('blockBytes must be a count from 1')
    this.#blockBytes = blockBytes
  }

  /** Payload bytes so far. */
  get payloadBytes(): number {
    return this.#payloadBytes
  }

  /**
   * Adds payload.
   *
   * @param chunk - the next bytes, in pieces of any size
   */
  update(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      const count = Math.min(chunk.length - at, this.#blockBytes - this.#blockFill)
      this.#running.update(count === chunk.length ? chunk : chunk.subarray(at, at + count))
      at += count
      this.#blockFill += count
      if (this.#blockFill === this.#blockBytes) this.#endBlock()
    }
    this.#payloadBytes += chunk.length
  }

  /** Ends the last, perhaps short, block. @returns 8 bytes a block, little endian; nothing may be added after */
  finish(): Buffer {
    if (this.#blockFill > 0) this.#endBlock()
    return Buffer.concat([...this.#pieces, this.#piece.subarray(0, this.#pieceFill)])
  }

  #endBlock(): void {
    if (this.#pieceFill === this.#piece.length) {
      if (this.#pieceFill > 0) this.#pieces.push(this.#piece)
      this.#piece = Buffer.allocUnsafe(SUMS_PER_PIECE * BLOCK_CHECKSUM_BYTES)
      this.#pieceFill = 0
    }
    this.#pieceFill = this.#piece.writeBigUInt64LE(this.#running.finish(), this.#pieceFill)
    this.#blockFill = 0
  }
}

/**
 * Checks one block of payload before it is delivered.
 *
 * @param block - all bytes of the block
 * @param checksums - the content of `.nb/BLOCKS`
 * @param blockIndex - number of the block in the fragment, from 0
 * @throws FormatError `FRAGMENT_BLOCK_DAMAGED` - it does not match; `FRAGMENT_TRUNCATED` - there is no such checksum.
 *   `offset` is that of the checksum in `.nb/BLOCKS`
 */
export function checkBlock(block: Uint8Array, checksums: Buffer, blockIndex: number): void {
  const at = blockIndex * BLOCK_CHECKSUM_BYTES
  if (at < 0 || at + BLOCK_CHECKSUM_BYTES > checksums.length)
    throw new FormatError('FRAGMENT_TRUNCATED', at, `Block ${blockIndex} has no checksum`)
  if (checksums.readBigUInt64LE(at) !== checksumOf(block))
    throw new FormatError('FRAGMENT_BLOCK_DAMAGED', at, `Block ${blockIndex} does not match its checksum`)
}
