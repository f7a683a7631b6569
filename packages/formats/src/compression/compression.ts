/** How the payload of a fragment is compressed: frames of Zstandard (RFC 8878), or members of gzip (RFC 1952). */
export type FrameFormat = 'zstd' | 'gzip'

/** Most bytes of the archive stream in one frame. */
export const MAX_FRAME_BYTES: number = 4 * 1024 * 1024

/** One piece of an archive stream, compressed by itself. */
export interface FrameFacts {
  /** Bytes that it takes. */
  readonly storedBytes: number
  /** Bytes of the archive stream that it decompresses to: whole tar blocks, at least one. */
  readonly streamBytes: number
  /** Whether the first of them is a member's first byte; where it is not known, no. */
  readonly startsAtMember: boolean
}

/** Most bytes that a frame of so many stream bytes takes: data that can't be compressed is stored, with little around it. */
export function maxStoredBytes(streamBytes: number): number {
  return streamBytes + Math.ceil(streamBytes / 128) + 512
}

/**
 * What is wrong with the sizes of a frame, `undefined` when nothing is.
 *
 * @param frame - what is told of it
 */
export function frameFault({
  storedBytes,
  streamBytes,
}: Pick<FrameFacts, 'storedBytes' | 'streamBytes'>): string | undefined {
  if (streamBytes === 0 || streamBytes % 512 !== 0 || streamBytes > MAX_FRAME_BYTES)
    return `A frame of ${streamBytes} bytes of the stream`
  return storedBytes === 0 || storedBytes > maxStoredBytes(streamBytes)
    ? `A frame of ${storedBytes} bytes for ${streamBytes} of the stream`
    : undefined
}
