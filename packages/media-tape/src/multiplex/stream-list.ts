import { MAX_STREAM_NUMBER, type TapeStream } from '@nb/formats'

/**
 * Most bytes of the list in `.nb/STREAMS.json`: its member takes 261,120 bytes, of which 512 are a tar header and some hundred are
 * what stands before the list.
 */
const MOST_LIST_BYTES = 256_000

/** The longest that numbers of an entry can be. */
const longest = { stream: 99, headerBlock: 2 ** 32 - 1, footerBlock: 2 ** 32 - 1 }

/** What a stream will be listed as. */
export type ListedFragment = Pick<TapeStream, 'backupId' | 'copy' | 'fragment'>

/** Hands out the numbers of a file's streams, none twice, as long as the list that closes the file has room for one more. */
export class StreamNumbers {
  #last = 0
  #listBytes = 0

  /** Whether a stream can join. */
  hasRoomFor(fragment: ListedFragment): boolean {
    return this.#last < MAX_STREAM_NUMBER && this.#listBytes + bytesOf(fragment) <= MOST_LIST_BYTES
  }

  /** The number of a stream that joins. */
  next(fragment: ListedFragment): number {
    this.#last += 1
    this.#listBytes += bytesOf(fragment)
    return this.#last
  }
}

function bytesOf({ backupId, copy, fragment }: ListedFragment): number {
  return Buffer.byteLength(JSON.stringify({ ...longest, backupId, copy, fragment })) + 1
}
