import { xxh3 } from '@node-rs/xxhash'

// The streaming class is ten times faster than the one-shot call, and one instance serves all synchronous sums.
const shared = xxh3.Xxh3.withSeed()

/** Bytes of a checksum at rest: XXH3-64, little endian. */
export const CHECKSUM_BYTES = 8

/**
 * XXH3-64 (seed 0) of a row of pieces.
 *
 * @param pieces - the bytes, as if they stood one after the other
 */
export function checksumOf(...pieces: readonly Uint8Array[]): bigint {
  shared.reset()
  for (const piece of pieces) shared.update(piece)
  return shared.digest()
}

/** A checksum that grows piece by piece. */
export class RunningChecksum {
  readonly #state = xxh3.Xxh3.withSeed()

  /**
   * Adds bytes.
   *
   * @param piece - the next bytes
   */
  update(piece: Uint8Array): void {
    this.#state.update(piece)
  }

  /** Gives the sum and begins anew. */
  finish(): bigint {
    const sum = this.#state.digest()
    this.#state.reset()
    return sum
  }
}

/**
 * A checksum as text: 16 hexadecimal digits, most significant first.
 *
 * @param sum - the checksum
 */
export function checksumText(sum: bigint): string {
  return sum.toString(16).padStart(16, '0')
}
