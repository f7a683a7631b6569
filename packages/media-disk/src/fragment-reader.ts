import type {
  CallOptions,
  CompressedFrame,
  FragmentReader,
  FragmentRecord,
  InPlaceReader,
  OpenFile,
} from '@nb/contracts'
import { CompressedFragmentReader } from './compressed-reader.ts'
import { mediaFailure } from './failure.ts'
import { type FragmentIdentity, checkFragment } from './fragment-check.ts'
import { StoredPayload } from './stored-payload.ts'

/** Opens what {@link checkFragment} finds good. The reader takes over the file. */
export async function openFragmentReader(
  file: OpenFile,
  identity: FragmentIdentity,
  record?: FragmentRecord,
): Promise<FragmentReader> {
  try {
    const fragment = await checkFragment(file, identity, record)
    const { frames, footer } = fragment
    const { compression, blockBytes } = footer
    const payload = new StoredPayload(file, identity, fragment)
    return frames === undefined || compression === undefined
      ? new PlainFragmentReader(payload)
      : new CompressedFragmentReader({ payload, frames, compression, blockBytes, identity })
  } catch (error) {
    await file.close()
    throw mediaFailure(error, 'media-read-failed', 'reading', identity)
  }
}

/** Reads a payload that is the stream itself. */
class PlainFragmentReader implements FragmentReader {
  readonly inPlace: InPlaceReader
  readonly #payload: StoredPayload

  constructor(payload: StoredPayload) {
    this.#payload = payload
    this.inPlace = {
      blockBytes: payload.blockBytes,
      read: (input, options) => payload.readInto(input, options),
    }
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
    await this.#payload.close()
  }
}
