import type { ChannelTicket, DataChannel, DataChannels } from '@nb/contracts'

/** Opens the channels of the tickets, does the work, and leaves none open after a failure. */
export async function withChannels<T>(
  opener: DataChannels,
  tickets: Readonly<Record<string, ChannelTicket>>,
  work: (channels: Readonly<Record<string, DataChannel>>) => Promise<T>,
): Promise<T> {
  const channels: Record<string, DataChannel> = {}
  try {
    for (const [name, ticket] of Object.entries(tickets)) {
      channels[name] = await opener.connect({ ticket })
    }
    return await work(channels)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    for (const channel of Object.values(channels)) channel.abort(reason)
    throw error
  }
}
