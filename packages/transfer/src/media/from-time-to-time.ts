import type { Clock, Lifecycle } from '@nb/contracts'

/** How often a media server reports where nothing else is said, milliseconds. */
export const defaultReportMs = 60_000

/**
 * Does something at the start and then every so often until it is stopped. Start and stop wait for what is under way.
 *
 * @param intervalMs - 1000–3600000
 * @param act - never rejects
 * @throws TypeError for an interval out of these bounds
 */
export function fromTimeToTime(
  clock: Clock,
  intervalMs: number,
  act: () => Promise<unknown>,
): Required<Lifecycle> {
  if (!Number.isInteger(intervalMs) || intervalMs < 1000 || intervalMs > 3_600_000)
    throw new TypeError(`intervalMs must be a whole number from 1000 to 3600000, not ${intervalMs}`)
  let cancel: (() => void) | undefined
  let acting: Promise<unknown> = Promise.resolve()
  const turn = (): void => {
    cancel = clock.setTimer(intervalMs, turn)
    acting = act()
  }
  return {
    start: async () => {
      if (cancel === undefined) turn()
      await acting
    },
    stop: async () => {
      cancel?.()
      cancel = undefined
      await acting
    },
  }
}
