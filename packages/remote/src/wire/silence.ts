/** How often a side says that it is alive, or is asked whether it is, milliseconds, unless another time is asked for. */
export const usualHeartbeatMs = 10_000

/** How many heartbeats may pass without a word of the other side. */
const mostSilentBeats = 4

/** Counts how long a peer is silent. */
export interface SilenceCounter {
  /** The peer said something just now. */
  readonly heard: () => void
  /** The peer said something since the last heartbeat. */
  readonly heardLately: () => void
  /** No more counting. Idempotent. */
  readonly stop: () => void
}

/**
 * Notices a peer that lost its network, hangs or was stopped. Its time is that of the network, not a `Clock`'s: a virtual one that jumps says nothing
 * about a real peer. Beats are counted, not milliseconds, so that a process that was busy itself does not take that for the
 * peer's silence.
 *
 * @param heartbeatMs - milliseconds, 1 or more
 * @param onBeat - at each heartbeat, while the peer is not taken for dead
 * @param onSilence - once, when it is, with the seconds that it said nothing
 */
export function countSilence(
  heartbeatMs: number,
  onBeat: () => void,
  onSilence: (seconds: number) => void,
): SilenceCounter {
  if (!(heartbeatMs >= 1)) throw new TypeError(`heartbeatMs must be 1 or more, not ${heartbeatMs}`)
  let silentBeats = 0
  const timer = setInterval(() => {
    silentBeats += 1
    if (silentBeats <= mostSilentBeats) {
      onBeat()
      return
    }
    clearInterval(timer)
    onSilence(((mostSilentBeats + 1) * heartbeatMs) / 1000)
  }, heartbeatMs)
  timer.unref()
  return {
    heard: () => (silentBeats = 0),
    heardLately: () => (silentBeats = 1),
    stop: () => clearInterval(timer),
  }
}
