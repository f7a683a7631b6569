import type { TLSSocket } from 'node:tls'
import {
  type ChannelTicket,
  type Clock,
  type DataChannel,
  type DataChannels,
  debugLogger,
  type Logger,
  NbError,
  throwIfAborted,
} from '@nb/contracts'
import { nobodyAnswers, ticketInvalid } from '../channels/channel-errors.ts'
import { orAborted } from '../channels/deferred.ts'
import { FramedChannel } from '../channels/framed-channel.ts'
import { answerTicket, presentTicket } from '../channels/handshake.ts'
import { keepAlive } from '../channels/heartbeat.ts'
import { wireCompressionUnsupported } from '../channels/wire-compression.ts'
import { createTicketOffice } from '../channels/ticket-office.ts'
import { usualHeartbeatMs } from '../wire/silence.ts'
import type { HostIdentity, PeerIdentity } from '../identity/identity.ts'
import { dial, protocols } from './dial.ts'
import { formatTlsAddress, parseTlsAddress, type TlsAddress } from './tls-address.ts'
import { whenRevoked } from './when-revoked.ts'

/** What {@link createTlsChannels} works with. */
export interface TlsChannelsComponents {
  readonly identity: HostIdentity
  /** Times tickets and handshakes. */
  readonly clock: Clock
  /** @default debugLogger('nb:remote:channels') */
  readonly log?: Logger
}

/** Options of {@link createTlsChannels}. */
export interface TlsChannelsOptions {
  /** Where others reach this host: `host`, `host:port` or `[v6]:port`; it stands in every ticket. */
  readonly address: string
  /** This host's name, as its certificate has it; who opens a ticket speaks to nobody else. */
  readonly name: string
  /** How often each side says that it is alive, milliseconds, 1 or more; after five times that without a word a channel breaks. @default 10000 */
  readonly heartbeatMs?: number
  /**
   * Compresses what goes over the channels that this side connects, in both directions: for a host behind a slow network. Who listens goes along
   * where its Node.js can, else nothing is compressed. @default false
   */
  readonly compress?: boolean
}

/** Data channels between hosts. They listen on the port of the server that they are given to. */
export interface TlsChannels extends DataChannels {
  /** Takes a connection of the server's port, and who made it; the server's own. */
  readonly admit: (socket: TLSSocket, peer: PeerIdentity) => void
  /** Stops listening, voids its tickets and cuts its channels. Idempotent. */
  readonly close: () => Promise<void>
}

/**
 * Data channels over TLS 1.3, one connection each, on the port that serves the calls: `serve` gets them as `channels`. Both
 * sides prove who they are before the ticket is shown, and each notices when the other is silent. A writer is at most 4 MiB ahead of its reader.
 *
 * Errors: `ticket-invalid`; `server-unreachable` where nobody answers at the ticket's address; `identity-invalid` where somebody else
 * does; `channel-broken`; `state-conflict` for two reads or writes at once, a write after `end`, or `listen` after `close`;
 * `argument-invalid` for an address that is none. Throws `not-supported` for `compress` on a Node.js without zstd.
 */
export function createTlsChannels(
  { identity, clock, log = debugLogger('nb:remote:channels') }: TlsChannelsComponents,
  { address, name, heartbeatMs = usualHeartbeatMs, compress = false }: TlsChannelsOptions,
): TlsChannels {
  const unable = compress ? wireCompressionUnsupported() : undefined
  if (unable !== undefined) throw unable
  const here = formatTicketPlace({ address: parseTlsAddress(address), name })
  const office = createTicketOffice({ clock, address: here })
  const connections = new Set<TLSSocket>()
  const keep = (socket: TLSSocket): TLSSocket => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
    socket.on('error', () => socket.destroy())
    return socket
  }
  const lively = (socket: TLSSocket, peer: string, compressed: boolean): DataChannel => {
    const channel = new FramedChannel(socket, clock, { peer, compressed })
    keepAlive(socket, heartbeatMs, (seconds) => {
      // The other side may hear it too, where only its words got lost.
      channel.abort(`${name} heard nothing of ${peer} for ${seconds} s`)
      socket.destroy()
    })
    // The one that was revoked hears it, too, and nothing else of it is looked at.
    whenRevoked(socket, identity, (revoked) => channel.abort(`the certificate of ${revoked} was revoked`))
    return channel
  }
  const open = async (
    dialled: Promise<TLSSocket>,
    peer: string,
    { address, token }: ChannelTicket,
  ): Promise<DataChannel> => {
    let socket: TLSSocket | undefined
    try {
      socket = await dialled
      const { open, compressed } = await presentTicket(socket, clock, token, compress)
      if (open) return lively(socket, peer, compressed)
    } catch (cause) {
      socket?.destroy()
      if (cause instanceof NbError && cause.code === 'identity-invalid') throw cause
      throw nobodyAnswers(address, cause)
    }
    socket.destroy()
    throw ticketInvalid(address)
  }
  let closed = false
  return {
    listen: async (options) => {
      throwIfAborted(options)
      if (closed) throw new NbError('state-conflict', 'these data channels are closed')
      return office.issue(options)
    },
    connect: async ({ ticket }, options) => {
      throwIfAborted(options)
      const place = parseTicketPlace(ticket)
      const expected = { name: place.name }
      const dialled = dial(place.address, protocols.data, identity, expected, options?.signal)
      const opening = open(dialled.then(keep), place.name, ticket)
      return orAborted(
        opening,
        options?.signal,
        () =>
          void dialled.then(
            (socket) => socket.destroy(),
            () => undefined,
          ),
      )
    },
    admit: (socket, peer) => {
      keep(socket)
      const handOver = (token: string): ((compressed: boolean) => void) | undefined => {
        const take = closed ? undefined : office.redeem(token, peer.name)
        return take === undefined ? undefined : (compressed) => take(lively(socket, peer.name, compressed))
      }
      answerTicket(socket, clock, handOver).catch((error: unknown) => {
        log.error('a connection of %s was refused: %o', socket.remoteAddress, error)
        socket.destroy()
      })
    },
    close: async () => {
      closed = true
      office.close('the data channels were closed')
      const cut = [...connections].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
      for (const socket of connections) socket.destroy()
      await Promise.all(cut)
    },
  }
}

interface TicketPlace {
  readonly address: TlsAddress
  readonly name: string
}

const placePattern = /^tls:(?<address>[^/]+)\/(?<name>[A-Za-z0-9._-]+)$/

function formatTicketPlace({ address, name }: TicketPlace): string {
  return `tls:${formatTlsAddress(address)}/${name}`
}

function parseTicketPlace({ address }: ChannelTicket): TicketPlace {
  const { address: at, name } = placePattern.exec(address)?.groups ?? {}
  if (at !== undefined && name !== undefined) return { address: parseTlsAddress(at), name }
  throw new NbError(
    'server-unreachable',
    `channels between hosts can't reach ${address}; give both sides channels of the same kind`,
    { details: { address }, retryable: false },
  )
}
