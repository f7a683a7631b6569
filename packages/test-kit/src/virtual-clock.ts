import { type Clock, sleepOn } from '@nb/contracts'

/** A clock that stands still until it is told to go: a month of schedules runs in a second. */
export interface VirtualClock extends Clock {
  /**
   * Lets `durationMs` milliseconds pass: due timers run in order of time, then of their making; after each the
   * promises it set off are given room to run.
   */
  advance(durationMs: number): Promise<void>
  /** Lets time pass until `done` answers true or nothing is left to wait for; throws after `limitMs` of virtual time. */
  advanceUntil(done: () => boolean, limitMs?: number): Promise<void>
  /** Timers that wait. */
  readonly pendingTimers: number
}

interface Timer {
  readonly at: number
  readonly order: number
  readonly action: () => void
}

/** Makes a virtual clock. `startAt` is milliseconds since the epoch. */
export function createVirtualClock(startAt: number = Date.UTC(2026, 0, 1)): VirtualClock {
  let now = startAt
  let order = 0
  const timers = new Set<Timer>()

  const setTimer: Clock['setTimer'] = (delayMs, action) => {
    const timer = { at: now + Math.max(0, delayMs), order: order++, action }
    timers.add(timer)
    return () => void timers.delete(timer)
  }
  const nextBefore = (limit: number): Timer | undefined => {
    let first: Timer | undefined
    for (const timer of timers) {
      if (timer.at > limit) continue
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer
    }
    return first
  }
  const runNext = async (limit: number): Promise<boolean> => {
    await settle()
    const timer = nextBefore(limit)
    if (timer === undefined) return false
    timers.delete(timer)
    now = Math.max(now, timer.at)
    timer.action()
    await settle()
    return true
  }
  return {
    now: () => now,
    setTimer,
    sleep: (delayMs, options) => sleepOn(setTimer, delayMs, options),
    advance: async (durationMs) => {
      const end = now + durationMs
      while (await runNext(end));
      now = end
    },
    advanceUntil: async (done, limitMs = 400 * 86_400_000) => {
      const end = now + limitMs
      await settle()
      while (!done()) {
        if (!(await runNext(end)))
          throw new Error(`nothing happened that was waited for (${timers.size} timers, ${limitMs} ms)`)
      }
    },
    get pendingTimers() {
      return timers.size
    },
  }
}

/** Lets promises, and stores that answer on the next tick, run until quiet. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
