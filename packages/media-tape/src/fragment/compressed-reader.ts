import { type CallOptions, type CompressedFrame, type FragmentReader, NbError } from '@nb/contracts'
import { type FrameFormat, type FrameIndex, FrameReader } from '@nb/formats'
import { type FragmentIdentity, corruptFragment, losing } from './fragment-identity.ts'
import type { StoredPayload } from './stored-payload.ts'

/** What a compressed fragment is read with. */
export interface CompressedFragment {
  readonly payload: StoredPayload
  readonly frames: FrameIndex
  readonly compression: FrameFormat
  readonly identity: FragmentIdentity
}

/** Reads a payload that is frames of the stream. */
export class CompressedFragmentReader implements FragmentReader {
  readonly #payload: StoredPayload
  readonly #reader: FrameReader

  constructor({ payload, frames, compression, identity }: CompressedFragment) {
    this.#payload = payload
    this.#reader = new FrameReader({
      frames,
      compression,
      read: (range, options) => payload.read(range, options),
      damaged: (error, lost) => corruptFragment(identity, error, lost),
      failed: (error, lostIn) => {
        const block = error instanceof NbError ? error.details['block'] : undefined
        if (!(error instanceof NbError) || typeof block !== 'number') return error
        const from = block * payload.blockBytes
        return losing(error, { block, ...lostIn(from, from + payload.blockBytes) })
      },
    })
  }

  read(
    input: { readonly offset: number; readonly bytes: number },
    options?: CallOptions,
  ): AsyncIterable<Uint8Array> {
    return this.#reader.read(input, options)
  }

  frames(options?: CallOptions): AsyncIterable<CompressedFrame> {
    return this.#reader.frames(options)
  }

  async close(): Promise<void> {
    this.#payload.close()
  }
}
