import {
  asNbError,
  type CallOptions,
  type ChannelListener,
  type Clock,
  type ChannelTicket,
  type DataChannel,
  type DataChannels,
  type Logger,
} from '@nb/contracts'
import { comparePaths, FileListEncoder, type FileRecord, isWithin } from '@nb/formats'
import type { ListDamage } from './list-damage.ts'
import type { UnionTree } from './union-tree.ts'

/** What outflows work with. */
export interface ListOutflowParts {
  readonly channels: DataChannels
  readonly clock: Clock
  readonly damage: ListDamage
  readonly logger: Logger
  /** How long a ticket stays good, and how long a peer may take to end its side, milliseconds. */
  readonly ticketTimeoutMs: number
}

const chunkBytes = 256 * 1024
const root = Buffer.from('/')

/** The file lists that are on their way out. Each has its tree open until it was sent or its peer is gone. */
export class ListOutflows {
  readonly #parts: ListOutflowParts
  readonly #running = new Set<{ readonly work: Promise<void>; readonly stop: AbortController }>()

  constructor(parts: ListOutflowParts) {
    this.#parts = parts
  }

  /**
   * Sends the list of a tree to whoever opens the ticket: that of one image as it is stored, or encoded anew, with only
   * the entries of `paths` and below where given. Takes the tree over and closes it.
   *
   * @param peer - the host that may open it, whoever has the ticket where it is not given
   */
  async begin(
    tree: UnionTree,
    { paths, peer }: { readonly paths?: readonly Buffer[] | undefined; readonly peer?: string | undefined },
  ): Promise<ChannelTicket> {
    const listener = await this.#parts.channels
      .listen({ timeoutMs: this.#parts.ticketTimeoutMs, ...(peer === undefined ? {} : { peer }) })
      .catch((error: unknown) => tree.close().then(() => Promise.reject(asNbError(error))))
    const stop = new AbortController()
    const work = this.#send(listener, tree, paths, stop.signal)
    const running = { work, stop }
    this.#running.add(running)
    void work.finally(() => this.#running.delete(running))
    return listener.ticket
  }

  /** How many are on their way. */
  get size(): number {
    return this.#running.size
  }

  /** Ends all of them. */
  async stop(): Promise<void> {
    const running = [...this.#running]
    for (const { stop } of running) stop.abort()
    await Promise.all(running.map(({ work }) => work))
  }

  /** Never rejects: whoever reads the list learns of a failure by its broken channel. */
  async #send(
    listener: ChannelListener,
    tree: UnionTree,
    paths: readonly Buffer[] | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const options = { signal }
    let channel: DataChannel | undefined
    try {
      try {
        channel = await listener.accept(options)
        const raw = paths === undefined ? tree.raw(chunkBytes, options) : undefined
        for await (const chunk of raw ?? selected(tree, paths ?? [root], options))
          await channel.write(chunk, options)
        if (raw !== undefined) for (const image of tree.images) await this.#parts.damage.sound(image)
      } finally {
        await tree.close()
      }
      await channel.end()
      await this.#peerEnd(channel, signal)
    } catch (reason) {
      this.#parts.logger('a file list was not taken: %o', reason)
      channel?.abort(signal.aborted ? 'the catalog is stopping' : asNbError(reason).message)
    } finally {
      await listener.close()
    }
  }

  /** Waits for the peer to let go, so that ending the channel can't cut off what is still under way; not for ever. */
  async #peerEnd(channel: DataChannel, signal: AbortSignal): Promise<void> {
    const patience = new AbortController()
    const cancel = this.#parts.clock.setTimer(this.#parts.ticketTimeoutMs, () => patience.abort())
    try {
      while ((await channel.read({ signal: AbortSignal.any([signal, patience.signal]) })) !== undefined);
    } finally {
      cancel()
    }
  }
}

async function* selected(
  tree: UnionTree,
  paths: readonly Buffer[],
  options: CallOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { images, digestAlgorithm, recordOf } = tree.asOneList()
  const encoder = new FileListEncoder({
    images,
    ...(digestAlgorithm === undefined ? {} : { digestAlgorithm }),
  })
  yield encoder.header()
  for (const path of withoutNested(paths)) {
    const batches = tree.batches(path, options)
    if (batches !== undefined) {
      yield* passedOn(batches, encoder)
      continue
    }
    for await (const entry of tree.subtree(path, options)) {
      const batch = encoder.add(recordOf(entry))
      if (batch !== undefined) yield batch
    }
  }
  const rest = encoder.flush()
  if (rest !== undefined) yield rest
}

/** Batches as they are, and what is between them written anew. */
async function* passedOn(
  batches: AsyncIterable<Buffer | readonly FileRecord[]>,
  encoder: FileListEncoder,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const part of batches) {
    if (Buffer.isBuffer(part)) {
      const before = encoder.flush()
      if (before !== undefined) yield before
      yield part
      continue
    }
    for (const record of part) {
      const batch = encoder.add(record)
      if (batch !== undefined) yield batch
    }
  }
}

/** Paths in the order of the list, without those that lie in another. */
export function withoutNested(paths: readonly Buffer[]): Buffer[] {
  const kept: Buffer[] = []
  for (const path of [...paths].sort(comparePaths)) {
    const last = kept.at(-1)
    if (last === undefined || !isWithin(path, last)) kept.push(path)
  }
  return kept
}
