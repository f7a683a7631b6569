import type { CallOptions, CompressedFrame, FragmentReader } from '@nb/contracts'
import type { StoredPayload } from './stored-payload.ts'

/** Reads a payload that is the stream itself. */
export class PlainFragmentReader implements FragmentReader {
  readonly #payload: StoredPayload

  constructor(payload: StoredPayload) {
    this.#payload = payload
  }

  read(
    input: { readonly offset: number; readonly bytes: number },
    options?: CallOptions,
  ): AsyncIterable<Uint8Array> {
    return this.#payload.read(input, options)
  }

  frames(): AsyncIterable<CompressedFrame> {
    throw new TypeError('a fragment that is not compressed has no frames')
  }

  async close(): Promise<void> {
    this.#payload.close()
  }
}
