import { createHash, hash, type Hash } from 'node:crypto'
import type { DigestAlgorithm } from '@nb/contracts'

const ZEROS = Buffer.alloc(256 * 1024)
const ZEROS_PER_TURN = 16 * 1024 * 1024
const nothing = (): void => undefined

/** Bytes of the digests that are known. */
export const digestBytes: Readonly<Record<DigestAlgorithm, number>> = { sha256: 32 }

/** Whether a file list names an algorithm that is known here. */
export function isDigestAlgorithm(name: string | undefined): name is DigestAlgorithm {
  return name !== undefined && Object.hasOwn(digestBytes, name)
}

/**
 * Digests a file's content as whoever reads it sees it, so that `sha256sum` says the same: what lies between the pieces that
 * come, or after the last one, is zeros.
 */
export class ContentDigest {
  readonly #algorithm: DigestAlgorithm
  readonly #sizeBytes: number
  readonly #onZeros: () => void
  #hash: Hash | undefined
  #at = 0
  #whole: Buffer | undefined

  /** @param onZeros - called now and then while long holes are digested; may throw to end that */
  constructor(algorithm: DigestAlgorithm, sizeBytes: number, onZeros: () => void = nothing) {
    this.#algorithm = algorithm
    this.#sizeBytes = sizeBytes
    this.#onZeros = onZeros
  }

  /** The next piece, at its offset in the file; pieces come in order. */
  update(chunk: Uint8Array, offset: number): void {
    // Most files come in one piece, which is quicker without a state.
    if (offset === 0 && chunk.length === this.#sizeBytes && this.#at === 0) {
      this.#whole = hash(this.#algorithm, chunk, 'buffer')
      return
    }
    this.#hash ??= createHash(this.#algorithm)
    this.#zerosTo(this.#hash, offset)
    this.#hash.update(chunk)
    this.#at = offset + chunk.length
  }

  /**
   * Digests the hole before this offset, if there is one, and lets others have their turn meanwhile: for a thread that has more to do.
   *
   * @param pause - lets others go on; may reject to end it
   */
  async skipTo(offset: number, pause: () => Promise<void>): Promise<void> {
    while (offset - this.#at > ZEROS_PER_TURN) {
      this.#zerosTo((this.#hash ??= createHash(this.#algorithm)), this.#at + ZEROS_PER_TURN)
      await pause()
    }
  }

  /** The digest. Nothing may come after. */
  finish(): Buffer {
    if (this.#whole !== undefined) return this.#whole
    const running = (this.#hash ??= createHash(this.#algorithm))
    this.#zerosTo(running, this.#sizeBytes)
    return running.digest()
  }

  #zerosTo(running: Hash, offset: number): void {
    for (let count = 0; this.#at < offset; count++) {
      const length = Math.min(ZEROS.length, offset - this.#at)
      running.update(length === ZEROS.length ? ZEROS : ZEROS.subarray(0, length))
      this.#at += length
      if (count % 64 === 63) this.#onZeros()
    }
  }
}
