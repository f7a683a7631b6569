import type { CallOptions } from './call-options.ts'

/** A plain, one-time key to a data channel: where it listens, and the secret that opens it. Never logged. */
export interface ChannelTicket {
  /** The kind of channel and its place, such as `local:` or `unix:/run/nb/data.sock`. */
  readonly address: string
  /** The secret; worth one connection. */
  readonly token: string
}

/**
 * Makes data channels: rows of bytes between two parties, in process, across processes or over TLS.
 *
 * Obligations: a ticket opens one connection and is void afterwards, after `close` of its listener, and after
 * the listener's time-out; opening a void one rejects with `ticket-invalid`.
 */
export interface DataChannels {
  /** Waits for one peer. The ticket travels to it over a port. */
  listen(options?: ListenOptions): Promise<ChannelListener>
  /** Opens the channel of a ticket. Rejects with `ticket-invalid` or `server-unreachable`. */
  connect(input: { readonly ticket: ChannelTicket }, options?: CallOptions): Promise<DataChannel>
}

/** Options of {@link DataChannels.listen}. */
export interface ListenOptions extends CallOptions {
  /** How long a ticket stays good without a connection, milliseconds. @default 60000 */
  readonly timeoutMs?: number
  /** The name of the host that may open it, where channels know who connects. @default whoever has the ticket */
  readonly peer?: string
}

/** The waiting side of a channel to be. */
export interface ChannelListener {
  readonly ticket: ChannelTicket
  /** The channel, once the peer has connected. Rejects with `channel-broken` when closed or timed out before. */
  accept(options?: CallOptions): Promise<DataChannel>
  /** Gives up waiting; idempotent, and without effect on an accepted channel. */
  close(): Promise<void>
}

/**
 * One end of a channel: both ends may write and read, each direction ends on its own.
 *
 * Obligations: bytes arrive in order and whole, chunk borders mean nothing; a `write` resolves when the chunk's
 * memory may be used again and not before the peer (or a bounded buffer) has room, so a slow reader slows the
 * writer; one `write` and one `read` at a time. After `abort` at either end every call at both ends rejects
 * with `channel-broken` carrying the reason in its message, also a `read` that had data left.
 */
export interface DataChannel {
  /** Hands over bytes. */
  write(chunk: Uint8Array, options?: CallOptions): Promise<void>
  /** The next bytes, never empty, valid until the next `read`; `undefined` after the peer's `end`. */
  read(options?: CallOptions): Promise<Uint8Array | undefined>
  /** No more writes from this end; resolves when everything has been handed over. Idempotent. */
  end(): Promise<void>
  /** Breaks the channel. Idempotent; after both ends ended it does nothing. */
  abort(reason: string): void
}

/** All chunks of a channel until the peer's end. Each is valid until the next is taken. */
export async function* readChannel(
  channel: DataChannel,
  options?: CallOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let chunk = await channel.read(options); chunk !== undefined; chunk = await channel.read(options))
    yield chunk
}
