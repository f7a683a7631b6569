import { type CallOptions, NbError, throwIfAborted } from '@nb/contracts'
import type { TapeIdentity } from '@nb/formats'
import { checkMultiplexedFileOptions, createMultiplexedFile } from './create-multiplexed-file.ts'
import type { TapeFileStart } from './file-blocks.ts'
import type {
  EndedFile,
  JoiningFragment,
  MultiplexedFile,
  MultiplexedFileComponents,
  MultiplexedFileOptions,
} from './multiplexed-file.ts'
import type { StreamWriter } from './stream-writer.ts'

/** Where the next tape file begins, and of which volume. */
export interface GroupPlace extends TapeIdentity {
  readonly file: number
  readonly object: number
}

/**
 * The jobs that share a volume in a drive. Their fragments go to one multiplexed file, and to the next one when that has ended: because no
 * stream was left in it for a moment, or because it takes no more. A fragment that comes when the file takes no more waits until those in
 * it have ended. Once the end of the medium is near, or the medium failed, no fragment joins any more.
 */
export class MultiplexGroup {
  readonly #components: MultiplexedFileComponents
  readonly #options: Required<MultiplexedFileOptions>
  readonly #onEnded: (ended: EndedFile) => Promise<void> | void
  #place: TapeFileStart
  #file: MultiplexedFile | undefined
  #settled: Promise<void> = Promise.resolve()
  #isFull = false
  #failure: NbError | undefined

  /**
   * @param place - where the drive stands; proven
   * @param onEnded - hears of each file that ended, before the next one begins
   */
  constructor(
    components: MultiplexedFileComponents,
    place: GroupPlace,
    options: MultiplexedFileOptions,
    onEnded: (ended: EndedFile) => Promise<void> | void,
  ) {
    this.#components = components
    this.#options = checkMultiplexedFileOptions(options)
    this.#place = place
    this.#onEnded = onEnded
  }

  /**
   * Begins a fragment. Rejects with `media-end` where the medium has no room for another one, with what the medium failed with, and as
   * writing does. Aborted, it waits no more; what has joined is discarded.
   */
  async join(input: JoiningFragment, options?: CallOptions): Promise<StreamWriter> {
    for (;;) {
      throwIfAborted(options)
      if (this.#failure !== undefined) throw this.#failure
      if (this.#isFull) throw this.#noRoom()
      this.#file ??= this.#begin()
      if (this.#file.accepts(input.fragment)) break
      await orAborted(this.#settled, options)
    }
    const writer = await this.#file.join(input)
    if (options?.signal?.aborted === true) await writer.discard()
    throwIfAborted(options)
    return writer
  }

  /** Resolves when the open file has ended, its streams having left or been discarded; tells where the next file would begin. */
  async settled(): Promise<GroupPlace> {
    if (this.#file?.isUnused === false) await this.#settled
    return this.#place
  }

  #begin(): MultiplexedFile {
    const file = createMultiplexedFile(this.#components, this.#place, this.#options)
    this.#settled = file.ended.then(async (ended) => {
      const { end, object, earlyWarning, failure } = ended
      this.#isFull ||= earlyWarning
      this.#failure ??= failure
      if (end === 'whole') this.#place = { ...this.#place, file: this.#place.file + 1, object }
      await this.#onEnded(ended)
      this.#file = undefined
    })
    this.#settled.catch((error: unknown) => {
      this.#failure ??= error instanceof NbError ? error : this.#noRoom()
    })
    return file
  }

  #noRoom(): NbError {
    const { volume, file } = this.#place
    return new NbError('media-end', `Volume ${volume} has no room for another fragment: its end is near.`, {
      details: { volumeId: volume, file },
    })
  }
}

async function orAborted(settled: Promise<void>, options: CallOptions | undefined): Promise<void> {
  const signal = options?.signal
  if (signal === undefined) return settled
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    settled.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
