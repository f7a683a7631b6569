import { type Clock, type DataChannels, debugLogger, type Logger } from '@nb/contracts'
import type { HostIdentity } from '../identity/identity.ts'
import { serve } from '../serve.ts'
import { createTlsChannels, type TlsChannels } from '../tls/tls-channels.ts'
import { everyCall, twinAddress, twinHosts } from './twin-hosts.ts'

/** What {@link createChannelTwins} works with. */
export interface ChannelTwinsComponents {
  /** Times tickets. */
  readonly clock: Clock
  /** What the one host is called, for tickets that are for a host of this name. @default 'near' */
  readonly nearName?: string
  /** @default debugLogger('nb:remote:twin') */
  readonly log?: Logger
}

/** The data channels of two hosts. */
export interface ChannelTwins {
  /** Those of the one. */
  readonly near: DataChannels
  /** Those of the other: a ticket of either is good at the other. */
  readonly far: DataChannels
  /** Cuts what is open; resolves when nothing of it is left. */
  readonly close: () => Promise<void>
}

/**
 * The data channels of two hosts in one process: each listens on a TCP port of 127.0.0.1, and what one writes the other reads from a connection
 * of TLS 1.3, with certificates that are good for nothing else. What does its work over them can do it between hosts.
 */
export async function createChannelTwins({
  clock,
  nearName = 'near',
  log = debugLogger('nb:remote:twin'),
}: ChannelTwinsComponents): Promise<ChannelTwins> {
  const hosts = await twinHosts(nearName)
  const near = await listening(nearName, hosts.near, clock, log)
  const far = await listening('far', hosts.far, clock, log)
  return {
    near: near.channels,
    far: far.channels,
    close: async () => void (await Promise.all([near.stop(), far.stop()])),
  }
}

/** Tickets tell the port, which is known once it is listened on. */
async function listening(
  name: string,
  identity: HostIdentity,
  clock: Clock,
  log: Logger,
): Promise<{ readonly channels: TlsChannels; readonly stop: () => Promise<void> }> {
  const admitting: Pick<TlsChannels, 'admit' | 'close'> = {
    admit: (socket, peer) => channels.admit(socket, peer),
    close: () => channels.close(),
  }
  const { port, stop } = await serve(
    {},
    { ...{ port: 0, host: twinAddress, identity, access: everyCall, channels: admitting, log } },
  )
  const channels = createTlsChannels({ identity, clock, log }, { address: `${twinAddress}:${port}`, name })
  return { channels, stop }
}
