import type { Clock, Logger, MediaManager, ResourceChange } from '@nb/contracts'

/** What a watch tells. */
export interface MediaWatchListener {
  /** Resources changed. */
  readonly changed: (change: ResourceChange) => void
  /** The watch was interrupted: anything may have changed unseen. */
  readonly interrupted: () => void
}

/** Milliseconds between tries to watch again. */
const retryMs = 1000

/** Watches a media manager until the signal aborts, beginning again whenever the watch breaks. */
export async function watchMedia(
  { media, clock, logger }: { readonly media: MediaManager; readonly clock: Clock; readonly logger: Logger },
  listener: MediaWatchListener,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const change of media.watch({}, { signal })) listener.changed(change)
    } catch (error) {
      if (!signal.aborted) logger.error('the watch of the media manager broke: %o', error)
    }
    if (!signal.aborted) await pause(clock, signal)
    if (!signal.aborted) listener.interrupted()
  }
}

/** Waits without keeping the process alive; an abort ends it early. */
function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.setTimer(retryMs, end)
    signal.addEventListener('abort', end, { once: true })
  })
}
