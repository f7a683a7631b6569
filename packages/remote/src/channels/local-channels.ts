import {
  type ChannelTicket,
  type Clock,
  type DataChannel,
  type DataChannels,
  NbError,
  throwIfAborted,
} from '@nb/contracts'
import { ticketInvalid } from './channel-errors.ts'
import { Pipe } from './pipe.ts'
import { createTicketOffice } from './ticket-office.ts'

const localAddress = 'local:'

/** What {@link createLocalChannels} works with. */
export interface LocalChannelsComponents {
  /** Times the tickets. */
  readonly clock: Clock
}

/**
 * Data channels between parts of one process, without a copy: the reader gets the writer's very chunk, and the
 * `write` resolves when the reader asks for the next. A party that answers what it has read must therefore ask
 * for more before it waits for its own `write`.
 *
 * A cancelled `write` breaks the channel (nobody could tell whether its bytes count); a cancelled `read` does not.
 * Errors: `ticket-invalid`, `channel-broken`, `server-unreachable` (a ticket of another kind of channel), and
 * `state-conflict` for two reads or writes at once or a write after `end`.
 */
export function createLocalChannels({ clock }: LocalChannelsComponents): DataChannels {
  const office = createTicketOffice({ clock, address: localAddress })
  return {
    listen: async (options) => office.issue(options),
    connect: async ({ ticket }, options) => {
      throwIfAborted(options)
      refuseOtherKinds(ticket)
      const handOver = office.redeem(ticket.token)
      if (handOver === undefined) throw ticketInvalid(localAddress)
      const [here, there] = createLocalPair()
      handOver(there)
      return here
    },
  }
}

/** Two ends of a channel inside this process, already connected. */
export function createLocalPair(): [DataChannel, DataChannel] {
  const there = new Pipe()
  const back = new Pipe()
  return [channelEnd(back, there), channelEnd(there, back)]
}

function channelEnd(incoming: Pipe, outgoing: Pipe): DataChannel {
  const abort = (reason: string): void => {
    if (incoming.finished && outgoing.finished) return
    incoming.fail(reason)
    outgoing.fail(reason)
  }
  return {
    write: (chunk, options) => outgoing.write(chunk, () => abort('a write was cancelled'), options),
    read: (options) => incoming.read(options),
    end: () => outgoing.end(),
    abort,
  }
}

function refuseOtherKinds(ticket: ChannelTicket): void {
  if (ticket.address === localAddress) return
  throw new NbError(
    'server-unreachable',
    `channels inside one process can't reach ${ticket.address}; give both sides channels of the same kind`,
    { details: { address: ticket.address }, retryable: false },
  )
}
