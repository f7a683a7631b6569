import type { OpenFile } from '@nb/contracts'

/**
 * Has a long file brought to the disk while it is still being written, so that the sync at its end finds little to do. One
 * sync at a time runs beside the writes, and the next is due after so many further bytes.
 *
 * It promises nothing: only the sync at the end makes a file durable. But a sync that fails is kept, since a system tells
 * an error of writing back once, and the sync at the end might not hear of it.
 */
export class EarlyWriteback {
  readonly #file: Pick<OpenFile, 'sync'>
  readonly #everyBytes: number
  #bytes = 0
  #running: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  /** @param everyBytes - bytes written after which a sync is begun, unless one is running */
  constructor(file: Pick<OpenFile, 'sync'>, everyBytes: number) {
    this.#file = file
    this.#everyBytes = everyBytes
  }

  /** Notes that bytes were written. Throws what an earlier sync failed with. */
  wrote(byteLength: number): void {
    this.#throwFailure()
    this.#bytes += byteLength
    if (this.#bytes < this.#everyBytes || this.#running !== undefined) return
    this.#bytes = 0
    this.#running = this.#sync()
  }

  /** Waits for a sync that is running. Rejects with what one failed with. */
  async settled(): Promise<void> {
    await this.#running
    this.#throwFailure()
  }

  /** Waits for a sync that is running, however it ends, so that the file can be closed. */
  async abandoned(): Promise<void> {
    await this.#running
  }

  async #sync(): Promise<void> {
    try {
      await this.#file.sync()
    } catch (error) {
      this.#failure ??= { error }
    }
    this.#running = undefined
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
