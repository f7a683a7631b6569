import {
  type CallOptions,
  type ChannelTicket,
  type CompressedFrame,
  type CopyToRead,
  throwIfAborted,
} from '@nb/contracts'
import { FRAME_HEAD_BYTES, encodeFrameHead } from '../compressed-stream.ts'
import type { SessionHost } from './session.ts'

/** Sends the archive stream of a copy, fragment after fragment; of a compressed one its frames as they are. */
export async function sendCopy(
  host: SessionHost,
  { jobId, allocation, backupId, copy, data }: CopyToRead & { readonly data: ChannelTicket },
  options?: CallOptions,
): Promise<{ readonly bytes: number }> {
  const channel = await host.channels.connect({ ticket: data }, options)
  let bytes = 0
  try {
    const medium = await host.storeOf(allocation.storageUnit).mount({ allocation, jobId }, options)
    try {
      for (const fragment of copy.fragments) {
        const reader = await medium.openFragment({ backupId, copy: copy.copy, fragment }, options)
        try {
          const chunks =
            fragment.storedBytes === undefined
              ? reader.read({ offset: 0, bytes: fragment.streamBytes }, options)
              : framed(reader.frames(options))
          for await (const chunk of chunks) {
            throwIfAborted(options)
            await channel.write(chunk)
          }
          bytes += fragment.streamBytes
        } finally {
          await reader.close()
        }
      }
    } finally {
      await medium.unmount()
    }
    await channel.end()
  } catch (error) {
    channel.abort((error as Error).message)
    throw error
  }
  return { bytes }
}

async function* framed(frames: AsyncIterable<CompressedFrame>): AsyncGenerator<Uint8Array, void, undefined> {
  const bytes = Buffer.alloc(FRAME_HEAD_BYTES)
  for await (const { stored, streamBytes, startsAtMember } of frames) {
    encodeFrameHead({ storedBytes: stored.length, streamBytes, startsAtMember }, bytes)
    yield bytes
    yield stored
  }
}
