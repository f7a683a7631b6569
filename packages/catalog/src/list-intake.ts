import {
  asNbError,
  type ChannelListener,
  type ChannelTicket,
  type DataChannel,
  type DataChannels,
  type FileListTotals,
  type Files,
  type Logger,
  NbError,
  type OpenFile,
  readChannel,
} from '@nb/contracts'
import { FileListDecoder, FormatError } from '@nb/formats'
import { corruptList } from './list-facts.ts'

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

/**
 * Takes one file list from a channel and appends it to an image's files file, having checked the head and checksum
 * of each batch and nothing else.
 *
 * It begins waiting for its peer, then receives, then has ended: whole, or with the error of a damaged, foreign or broken
 * stream. A stream that broke leaves its whole batches; the next intake of the image begins the list anew.
 */
export class ListIntake {
  readonly ticket: ChannelTicket
  /** Resolves with what arrived once the peer has ended; rejects with `file-list-corrupt` or `channel-broken`. */
  readonly received: Promise<FileListTotals>
  readonly #listener: ChannelListener
  #state: 'open' | 'whole' | 'broken' = 'open'
  #channel: DataChannel | undefined
  #stopped: NbError | undefined

  private constructor(parts: ListIntakeParts, backupId: string, path: string, listener: ChannelListener) {
    this.#listener = listener
    this.ticket = listener.ticket
    this.received = this.#receive(parts, backupId, path)
    this.received.then(
      () => (this.#state = 'whole'),
      (error: unknown) => {
        this.#state = 'broken'
        parts.logger('the file list of %s ended early: %o', backupId, error)
      },
    )
  }

  /** `open` while it waits or receives, then how it ended. */
  get state(): 'open' | 'whole' | 'broken' {
    return this.#state
  }

  /** Begins to wait for the peer. */
  static async begin(parts: ListIntakeParts, backupId: string, path: string): Promise<ListIntake> {
    const listener = await parts.channels.listen({ timeoutMs: parts.ticketTimeoutMs })
    return new ListIntake(parts, backupId, path, listener)
  }

  /** Ends it early. Resolves when nothing of it runs any more. */
  async abort(reason: string): Promise<void> {
    this.#stopped ??= new NbError('channel-broken', reason)
    await this.#listener.close()
    this.#channel?.abort(reason)
    await this.received.catch(() => undefined)
  }

  async #receive(parts: ListIntakeParts, backupId: string, path: string): Promise<FileListTotals> {
    const channel = await this.#listener.accept()
    this.#channel = channel
    try {
      if (this.#stopped !== undefined) throw this.#stopped
      const file = await parts.files.open(path, 'update')
      const totals = await append(parts, channel, file, backupId).finally(() => file.close())
      await channel.end()
      return totals
    } catch (error) {
      const failure = this.#stopped ?? asIntakeError(path, error)
      channel.abort(failure.message)
      throw failure
    }
  }
}

async function append(
  parts: ListIntakeParts,
  channel: DataChannel,
  file: OpenFile,
  backupId: string,
): Promise<FileListTotals> {
  const decoder = new FileListDecoder()
  const totals = { bytes: 0, batches: 0, entries: 0 }
  let wholeBytes = 0
  let begun = false
  const sink = {
    onHeader: ({ images }: { readonly images: readonly string[] }) => {
      if (images[0] !== backupId)
        throw new FormatError('FILE_LIST_INVALID', 0, `It is the list of ${images[0]}, not of ${backupId}`)
    },
    onBatch: ({
      offset,
      byteLength,
      entryCount,
    }: {
      offset: number
      byteLength: number
      entryCount: number
    }) => {
      totals.batches += 1
      totals.entries += entryCount
      wholeBytes = offset + byteLength
    },
  }
  await file.truncate(0)
  try {
    for await (const chunk of readChannel(channel)) {
      decoder.push(chunk, sink)
      await file.write(chunk, totals.bytes)
      totals.bytes += chunk.length
      if (!begun && totals.batches > 0) {
        begun = true
        parts.onFirstBatch(totals.entries)
      }
    }
    decoder.finish()
  } catch (error) {
    await file.truncate(Math.min(wholeBytes, totals.bytes)).catch((failure: unknown) => {
      parts.logger.error('a torn end of the file list of %s stays: %o', backupId, failure)
    })
    throw error
  }
  return totals
}

function asIntakeError(path: string, error: unknown): NbError {
  if (error instanceof FormatError) return corruptList(path, error)
  return asNbError(error, 'store-failed')
}
