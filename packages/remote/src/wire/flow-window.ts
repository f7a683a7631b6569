import { createDeferred, type Deferred, orAborted } from '../channels/deferred.ts'

/** How many items a server may send ahead of their reader where the transport itself has no back-pressure. */
export const windowItems = 64

/** The request header under which a reader names its stream, when it will tell how far it has read. */
export const streamHeader = 'nb-stream'

/** The procedure by which a reader asks for more items of its stream. */
export const morePath: readonly string[] = ['flow', 'more']

/** One stream's room: the sender takes from it before each item, the reader's requests fill it up again. */
export class FlowWindow {
  #room = windowItems
  #waiting: Deferred<void> | undefined

  /** Resolves when one more item may be sent. */
  async take(signal: AbortSignal | undefined): Promise<void> {
    while (this.#room === 0) {
      this.#waiting ??= createDeferred<void>()
      await orAborted(this.#waiting.promise, signal, () => {})
    }
    this.#room -= 1
  }

  /** Takes room for one more item if there is any. */
  tryTake(): boolean {
    if (this.#room === 0) return false
    this.#room -= 1
    return true
  }

  /** The reader has read so many. It can't ask for more than a window. */
  more(items: number): void {
    this.#room = Math.min(windowItems, this.#room + items)
    this.#waiting?.resolve()
    this.#waiting = undefined
  }
}

/** The windows of one connection. */
export class FlowWindows {
  readonly #windows = new Map<string, FlowWindow>()

  open(streamId: string): FlowWindow {
    const window = new FlowWindow()
    this.#windows.set(streamId, window)
    return window
  }

  close(streamId: string): void {
    this.#windows.delete(streamId)
  }

  /** A stream that has ended meanwhile needs no more. */
  more(streamId: string, items: number): void {
    this.#windows.get(streamId)?.more(items)
  }
}
