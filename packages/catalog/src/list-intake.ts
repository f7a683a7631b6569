import {
  asNbError,
  type CallOptions,
  type ChannelListener,
  type ChannelTicket,
  type DataChannel,
  type DataChannels,
  type FileListTotals,
  type Files,
  type Logger,
  NbError,
  readChannel,
} from '@nb/contracts'
import { FormatError } from '@nb/formats'
import { ListAppender } from './list-appender.ts'
import { corruptList, FactsAhead, type ListFacts } from './list-facts.ts'
import { orAborted } from './or-aborted.ts'

/** What an intake works with. */
export interface ListIntakeParts {
  readonly files: Files
  readonly channels: DataChannels
  readonly logger: Logger
  /** How long the ticket stays good, milliseconds. */
  readonly ticketTimeoutMs: number
  /** Called once, when the first batch has been appended. */
  readonly onFirstBatch: (entries: number) => void
}

/** Where a list goes. */
export interface ListPlace {
  readonly backupId: string
  /** The image's files file. */
  readonly path: string
  /** What of it is kept. @default nothing */
  readonly after?: FileListTotals
  /** The host that sends it. @default whoever has the ticket */
  readonly peer?: string
}

/**
 * Takes one file list from a channel and appends it to an image's files file, having checked the head and checksum
 * of each batch and nothing else.
 *
 * It begins waiting for its peer, then receives, then has ended: whole, or with the error of a damaged, foreign or broken
 * stream. A stream that broke leaves its whole batches; the next intake of the image begins the list anew, or goes on after
 * what it is told to keep.
 */
export class ListIntake {
  readonly ticket: ChannelTicket
  /** Resolves with what arrived once the peer has ended; rejects with `file-list-corrupt` or `channel-broken`. */
  readonly received: Promise<FileListTotals>
  readonly #listener: ChannelListener
  #state: 'open' | 'whole' | 'broken' = 'open'
  #channel: DataChannel | undefined
  #stopped: NbError | undefined
  #appender: ListAppender | undefined
  /** Of a list that comes whole. */
  #ahead: FactsAhead | undefined
  #wake: () => void = () => undefined
  #changed: Promise<void> = Promise.resolve()

  private constructor(parts: ListIntakeParts, place: ListPlace, listener: ChannelListener) {
    const { backupId } = place
    this.#listener = listener
    this.ticket = listener.ticket
    this.#change()
    this.#ahead = place.after === undefined ? new FactsAhead(parts.files, place.path) : undefined
    this.received = this.#receive(parts, place)
    this.received.then(
      () => {
        this.#state = 'whole'
        this.#change()
      },
      (error: unknown) => {
        this.#state = 'broken'
        this.#change()
        parts.logger('the file list of %s ended early: %o', backupId, error)
      },
    )
  }

  /** `open` while it waits or receives, then how it ended. */
  get state(): 'open' | 'whole' | 'broken' {
    return this.#state
  }

  /** Begins to wait for the peer. */
  static async begin(parts: ListIntakeParts, place: ListPlace): Promise<ListIntake> {
    const { peer } = place
    const timeoutMs = parts.ticketTimeoutMs
    const listener = await parts.channels.listen({ timeoutMs, ...(peer === undefined ? {} : { peer }) })
    return new ListIntake(parts, place, listener)
  }

  /**
   * Waits until so many bytes of the list are in the file, or it has ended. Gives the totals at the end of the last whole
   * batch then; `undefined` where the intake never began.
   */
  async arrived(bytes: number, signal: AbortSignal | undefined): Promise<FileListTotals | undefined> {
    while (this.#state === 'open' && (this.#appender?.whole.bytes ?? 0) < bytes) {
      await orAborted(this.#changed, signal)
    }
    return this.#appender?.whole
  }

  /**
   * What the list tells: most of it was read while it came. `undefined` where it did not come whole here, and to whoever asks
   * again. Throws `file-list-corrupt`.
   */
  async facts(options?: CallOptions): Promise<ListFacts | undefined> {
    const ahead = this.#state === 'whole' ? this.#ahead : undefined
    this.#ahead = undefined
    return ahead?.finish(options)
  }

  #change(): void {
    this.#wake()
    this.#changed = new Promise((resolve) => (this.#wake = resolve))
  }

  /** Ends it early. Resolves when nothing of it runs any more. */
  async abort(reason: string): Promise<void> {
    this.#stopped ??= new NbError('channel-broken', reason)
    await this.#listener.close()
    this.#channel?.abort(reason)
    await this.received.catch(() => undefined)
  }

  async #receive(parts: ListIntakeParts, { backupId, path, after }: ListPlace): Promise<FileListTotals> {
    const channel = await this.#listener.accept()
    this.#channel = channel
    try {
      if (this.#stopped !== undefined) throw this.#stopped
      const file = await parts.files.open(path, 'update')
      const appender = (this.#appender = new ListAppender(file, backupId, after))
      try {
        await appender.begin()
        let told = false
        for await (const chunk of readChannel(channel)) {
          await appender.push(chunk)
          this.#ahead?.follow(appender.whole.bytes)
          this.#change()
          if (!told && appender.whole.entries > (after?.entries ?? 0)) {
            told = true
            parts.onFirstBatch(appender.whole.entries)
          }
        }
        appender.finish()
      } catch (error) {
        await appender.dropTorn().catch((failure: unknown) => {
          parts.logger.error('a torn end of the file list of %s stays: %o', backupId, failure)
        })
        throw error
      } finally {
        await file.close()
      }
      await channel.end()
      return appender.whole
    } catch (error) {
      const failure = this.#stopped ?? asIntakeError(path, error)
      channel.abort(failure.message)
      throw failure
    }
  }
}

function asIntakeError(path: string, error: unknown): NbError {
  if (error instanceof FormatError) return corruptList(path, error)
  return asNbError(error, 'store-failed')
}
