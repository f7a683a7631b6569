import { createHash, randomBytes } from 'node:crypto'
import {
  type ChannelListener,
  type Clock,
  type DataChannel,
  type ListenOptions,
  throwIfAborted,
} from '@nb/contracts'
import { channelBroken } from './channel-errors.ts'
import { createDeferred, orAborted } from './deferred.ts'

const defaultTimeoutMs = 60_000

/** Issues one-time tickets and matches those who present them with those who wait. */
export interface TicketOffice {
  /** A listener with a ticket of its own. Rejects with `AbortError`; throws `TypeError` for a bad time-out. */
  issue(options?: ListenOptions): ChannelListener
  /**
   * Voids the ticket of this token and gives the function that hands the channel to its listener, or `undefined`
   * when there is no such ticket (any more), or it is another's than this host's: then it stays good for that one.
   */
  redeem(token: string, peer?: string): ((channel: DataChannel) => void) | undefined
  /** Closes every listener that still waits. */
  close(reason: string): void
}

/** What an office works with. */
export interface TicketOfficeComponents {
  readonly clock: Clock
  /** The address every ticket carries. */
  readonly address: string
}

/** Makes an office. Tokens are 256 random bits and found by their hash, so that lookups tell nothing about them. */
export function createTicketOffice({ clock, address }: TicketOfficeComponents): TicketOffice {
  const waiting = new Map<string, Waiting>()
  return {
    issue: (options) => {
      throwIfAborted(options)
      const timeoutMs = options?.timeoutMs ?? defaultTimeoutMs
      if (!(timeoutMs > 0)) throw new TypeError(`timeoutMs must be more than 0, not ${timeoutMs}`)
      const token = randomBytes(32).toString('base64url')
      const key = keyOf(token)
      const entry = new Waiting(options?.peer, () => waiting.delete(key))
      entry.cancelTimer = clock.setTimer(timeoutMs, () =>
        entry.giveUp(`nobody connected within ${timeoutMs} ms`),
      )
      waiting.set(key, entry)
      return {
        ticket: { address, token },
        accept: (acceptOptions) => entry.accept(acceptOptions?.signal),
        close: async () => entry.close(),
      }
    },
    redeem: (token, peer) => {
      const entry = waiting.get(keyOf(token))
      if (entry === undefined || !entry.isFor(peer)) return undefined
      entry.void()
      return (channel) => entry.handOver(channel)
    },
    close: (reason) => {
      for (const entry of [...waiting.values()]) entry.giveUp(reason)
    },
  }
}

const keyOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

/** A listener's state: waiting → connected → accepted, or given up from either of the first two. */
class Waiting {
  readonly #peer: string | undefined
  readonly #forget: () => void
  readonly #channel = createDeferred<DataChannel>()
  #connected: DataChannel | undefined
  #accepted = false
  #closed = false
  cancelTimer: () => void = () => {}

  constructor(peer: string | undefined, forget: () => void) {
    this.#peer = peer
    this.#forget = forget
  }

  /** Whether this host may open it; where hosts have no names, whoever knows the token. */
  isFor(peer: string | undefined): boolean {
    return peer === undefined || this.#peer === undefined || this.#peer === peer
  }

  async accept(signal: AbortSignal | undefined): Promise<DataChannel> {
    signal?.throwIfAborted()
    const channel = await orAborted(this.#channel.promise, signal, () => {})
    this.#accepted = true
    return channel
  }

  /** The ticket opens nothing from now on. */
  void(): void {
    this.cancelTimer()
    this.#forget()
  }

  handOver(channel: DataChannel): void {
    if (this.#closed) {
      channel.abort('the listener was closed')
      return
    }
    this.#connected = channel
    this.#channel.resolve(channel)
  }

  giveUp(reason: string): void {
    this.#closed = true
    this.void()
    this.#channel.reject(channelBroken(reason))
  }

  close(): void {
    if (!this.#accepted) this.#connected?.abort('the listener was closed')
    this.giveUp('the listener was closed')
  }
}
