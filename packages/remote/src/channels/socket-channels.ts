import { createConnection, createServer, type Server, type Socket } from 'node:net'
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
import { claimSocket, freshSocketPath } from '../socket/claim-socket.ts'
import { nobodyAnswers, ticketInvalid } from './channel-errors.ts'
import { orAborted } from './deferred.ts'
import { FramedChannel } from './framed-channel.ts'
import { answerTicket, presentTicket } from './handshake.ts'
import { createTicketOffice, type TicketOffice } from './ticket-office.ts'

const scheme = 'unix:'

/** What {@link createSocketChannels} works with. */
export interface SocketChannelsComponents {
  /** Times tickets and handshakes. */
  readonly clock: Clock
  /** @default debugLogger('nb:remote:channels') */
  readonly log?: Logger
}

/** Options of {@link createSocketChannels}. */
export interface SocketChannelsOptions {
  /** Where this side's socket is made, at its first `listen`; made with mode 0700 if missing. At most about 75 bytes. */
  readonly directory: string
}

/** Data channels between processes of one host. */
export interface SocketChannels extends DataChannels {
  /** Stops listening, voids its tickets and cuts its channels. Idempotent. */
  readonly close: () => Promise<void>
}

/**
 * Data channels over Unix sockets that only processes of this user can open. Every side that listens has one socket;
 * a ticket's token says which listener a connection is for. A writer is at most 4 MiB ahead of its reader.
 *
 * Errors: `ticket-invalid`; `server-unreachable` where the ticket's process is gone; `channel-broken`;
 * `state-conflict` for two reads or writes at once, a write after `end`, or `listen` after `close`.
 */
export function createSocketChannels(
  { clock, log = debugLogger('nb:remote:channels') }: SocketChannelsComponents,
  { directory }: SocketChannelsOptions,
): SocketChannels {
  const socketPath = freshSocketPath(directory)
  const office = createTicketOffice({ clock, address: `${scheme}${socketPath}` })
  const connections = new Set<Socket>()
  const keep = (socket: Socket): void => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  }
  const server = createServer((socket) => {
    keep(socket)
    admit(socket, office, clock).catch((error: unknown) => {
      log.error('a connection was refused: %o', error)
      socket.destroy()
    })
  })
  let listening: Promise<() => Promise<void>> | undefined
  let closed = false
  return {
    listen: async (options) => {
      throwIfAborted(options)
      if (closed) throw new NbError('state-conflict', 'these data channels are closed')
      await (listening ??= claimSocket(server, socketPath, async () => ({})))
      return office.issue(options)
    },
    connect: async ({ ticket }, options) => {
      throwIfAborted(options)
      const socket = createConnection(pathOf(ticket))
      keep(socket)
      const opening = open(socket, ticket, clock)
      return orAborted(opening, options?.signal, () => socket.destroy())
    },
    close: async () => {
      closed = true
      office.close('the data channels were closed')
      const unclaim = await listening
      listening = undefined
      for (const socket of connections) socket.destroy()
      if (unclaim === undefined) return
      await unclaim()
      await closeServer(server)
    },
  }
}

async function admit(socket: Socket, office: TicketOffice, clock: Clock): Promise<void> {
  socket.on('error', () => socket.destroy())
  await answerTicket(socket, clock, (token) => {
    const handOver = office.redeem(token)
    if (handOver === undefined) return undefined
    return () => handOver(new FramedChannel(socket, clock))
  })
}

async function open(socket: Socket, { address, token }: ChannelTicket, clock: Clock): Promise<DataChannel> {
  try {
    if ((await presentTicket(socket, clock, token)).open) return new FramedChannel(socket, clock)
  } catch (cause) {
    socket.destroy()
    throw nobodyAnswers(address, cause)
  }
  socket.destroy()
  throw ticketInvalid(address)
}

function pathOf({ address }: ChannelTicket): string {
  if (address.startsWith(scheme)) return address.slice(scheme.length)
  throw new NbError(
    'server-unreachable',
    `channels over Unix sockets can't reach ${address}; give both sides channels of the same kind`,
    { details: { address }, retryable: false },
  )
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) =>
    server.close((error) => (error === undefined ? resolve() : reject(error))),
  )
}
