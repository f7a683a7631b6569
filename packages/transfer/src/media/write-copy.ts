import {
  type CallOptions,
  type ChannelListener,
  type CopyToWrite,
  type DataChannel,
  NbError,
  type WriteEvent,
  readChannel,
  throwIfAborted,
} from '@nb/contracts'
import { FormatError } from '@nb/formats'
import { BatchCutter } from './batch-cutter.ts'
import { FragmentRow } from './fragment-row.ts'
import { splitRule } from './fragment-split.ts'
import { KeptFileList } from './kept-file-list.ts'
import { compressedFlow, plainFlow } from './media-writer.ts'
import type { SessionHost } from './session.ts'
import { WriteVolumes } from './write-volumes.ts'

/** Progress is told each time so many bytes have been written. */
const TELL_BYTES = 16 * 1024 * 1024

/** Writes a further copy of an image. What does not end well leaves nothing. */
export async function* writeCopy(
  host: SessionHost,
  input: CopyToWrite,
  options?: CallOptions,
): AsyncGenerator<WriteEvent, void, undefined> {
  throwIfAborted(options)
  const { jobId, allocation, image, copy, list: ticket, peer, parts = 1 } = input
  const { backupId } = image
  const store = host.storeOf(allocation.storageUnit)
  const volumes = new WriteVolumes(host, { jobId, allocation }, options)
  let listener: ChannelListener | undefined
  let list: DataChannel | undefined
  let data: DataChannel | undefined
  let isWritten = false
  try {
    if (image.counts === undefined || image.state !== 'complete')
      throw new NbError('image-inconsistent', `image ${backupId} is not complete`, { details: { backupId } })
    const medium = await volumes.mount()
    // What an earlier try has left when its process was killed.
    await store.removeImage({ backupId, copy }, options)
    list = await host.channels.connect({ ticket }, options)
    const kept = new KeptFileList()
    const row = new FragmentRow({
      medium,
      ...(volumes.canGoOn ? { nextMedium: () => volumes.next() } : {}),
      image,
      copy: { copy, storageUnit: allocation.storageUnit, mediaServer: host.name },
      rule: splitRule(allocation.medium.maxFragmentBytes),
      kept,
      mostFileListBytes: host.mostFileListBytes,
      now: () => host.clock.now(),
    })
    const feed = new ListFeed(list, kept, image.counts.entries, () => row.relieve())
    const { streamBytes } = image.counts
    let told = 0
    let received = 0
    const flow = image.compression === undefined ? plainFlow : compressedFlow()
    for (let part = 1; part <= parts; part++) {
      listener = await host.channels.listen({
        timeoutMs: host.clientTimeoutMs,
        ...(peer === undefined ? {} : { peer }),
      })
      yield { kind: 'ready', data: listener.ticket }
      data = await listener.accept(options)
      for await (const chunk of readChannel(data, options)) {
        received += flow.received(chunk)
        if (received > streamBytes) throw otherStream(backupId, `more than ${streamBytes} bytes`)
        const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
        yield* volumes.during(flow.write(row, bytes))
        // Entries and data are in one order: each fragment gets about the part of the list that is of its data.
        yield* volumes.during(feed.feed(Math.min(row.streamBytes / streamBytes, 0.999)))
        if (row.streamBytes - told < TELL_BYTES) continue
        told = row.streamBytes
        yield { kind: 'progress', bytes: told }
      }
      await listener.close()
      if (part < parts) await data.end()
    }
    flow.finish()
    if (row.streamBytes !== streamBytes || !row.atBoundary)
      throw otherStream(backupId, `${row.streamBytes} of ${streamBytes} bytes`)
    yield* volumes.during(feed.feed(1))
    const written = yield* volumes.during(row.finish(image.counts))
    await data?.end()
    await volumes.unmount()
    isWritten = true
    yield { kind: 'written', copy: written }
  } catch (error) {
    if (error instanceof NbError && error.status === 129)
      await host.tellSpace({ storageUnit: allocation.storageUnit, full: true })
    throw error instanceof FormatError ? brokenList(backupId, error) : error
  } finally {
    await listener?.close()
    if (!isWritten) {
      for (const channel of [data, list]) channel?.abort('the copy was given up')
      await volumes.unmount()
      // Only what this call has begun: the number is of no other copy.
      if (volumes.isBegun) await store.removeImage({ backupId, copy })
    }
    if (volumes.isBegun) await host.tellSpace({ storageUnit: allocation.storageUnit })
  }
}

/** Hands a file list over to what is kept for the next trailer, as far as the data has come. */
class ListFeed {
  readonly #channel: DataChannel
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #kept: KeptFileList
  readonly #entries: number
  readonly #relieve: () => Promise<void>
  readonly #cutter = new BatchCutter()
  #ended = false

  /**
   * @param entries - how many the list has
   * @param relieve - called when more is kept
   */
  constructor(channel: DataChannel, kept: KeptFileList, entries: number, relieve: () => Promise<void>) {
    this.#channel = channel
    this.#chunks = readChannel(channel)[Symbol.asyncIterator]()
    this.#kept = kept
    this.#entries = entries
    this.#relieve = relieve
  }

  /** @param share - of the data that was written, 0–1; at 1 all of the list is handed over */
  async feed(share: number): Promise<void> {
    while (!this.#ended && (share >= 1 || this.#cutter.totals.entries < share * this.#entries))
      await this.#next()
  }

  async #next(): Promise<void> {
    const next: IteratorResult<Uint8Array, void> = await this.#chunks.next()
    this.#ended = next.done === true
    const whole = next.done === true ? this.#cutter.finish() : this.#cutter.push(next.value)
    if (this.#ended) await this.#channel.end()
    this.#kept.add(whole)
    await this.#relieve()
  }
}

function otherStream(backupId: string, what: string): NbError {
  return new NbError('image-inconsistent', `What came is not the stream of image ${backupId}: ${what}.`, {
    details: { backupId },
  })
}

function brokenList(backupId: string, cause: FormatError): NbError {
  return new NbError('file-list-corrupt', `The file list of image ${backupId} is damaged: ${cause.message}`, {
    details: { backupId },
    cause,
  })
}
