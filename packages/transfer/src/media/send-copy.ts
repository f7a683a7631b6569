import { type CallOptions, type ChannelTicket, type CopyToRead, throwIfAborted } from '@nb/contracts'
import type { SessionHost } from './session.ts'

/** Sends the archive stream of a copy, fragment after fragment. */
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
          for await (const chunk of reader.read({ offset: 0, bytes: fragment.streamBytes }, options)) {
            throwIfAborted(options)
            await channel.write(chunk)
            bytes += chunk.length
          }
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
