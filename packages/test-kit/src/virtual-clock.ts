import { type Clock, sleepOn } from '@nb/contracts'
import { type HeapTimer, TimerHeap } from './timer-heap.ts'

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

/** How a virtual clock behaves. */
export interface VirtualClockOptions {
  /**
   * Turns of the event loop that are given after each timer, 0–1000. One turn lets everything run that waits only for
   * promises and ticks, however long the chain: enough where all is in memory. What waits for the host, such as files or
   * message ports, needs more. 0 waits for promises alone, and is the fastest.
   * @default 40
   */
  readonly settleTurns?: number
}

/**
 * Makes a virtual clock. `startAt` is milliseconds since the epoch.
 * @throws TypeError when `settleTurns` is out of bounds
 */
export function createVirtualClock(
  startAt: number = Date.UTC(2026, 0, 1),
  { settleTurns = 40 }: VirtualClockOptions = {},
): VirtualClock {
  if (!Number.isSafeInteger(settleTurns) || settleTurns < 0 || settleTurns > 1000)
    throw new TypeError(`settleTurns must be a whole number from 0 to 1000, not ${settleTurns}`)
  let now = startAt
  let order = 0
  const timers = new TimerHeap()

  const setTimer: Clock['setTimer'] = (delayMs, action) => {
    const timer: HeapTimer = { at: now + Math.max(0, delayMs), order: order++, action, place: -1 }
    timers.add(timer)
    return () => timers.remove(timer)
  }
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  // Ticks come when no promise has anything to run.
  const tick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))
  /** Lets promises, and stores that answer on a later turn, run until quiet. */
  const settle = async (): Promise<void> => {
    if (settleTurns === 0) await tick()
    for (let turns = 0; turns < settleTurns; turns++) await turn()
  }
  /** Runs the next timer; false when there is none up to `limit`. It is to settle after. */
  const runNext = (limit: number): boolean => {
    const timer = timers.first
    if (timer === undefined || timer.at > limit) return false
    timers.remove(timer)
    now = Math.max(now, timer.at)
    timer.action()
    return true
  }
  return {
    now: () => now,
    setTimer,
    sleep: (delayMs, options) => sleepOn(setTimer, delayMs, options),
    advance: async (durationMs) => {
      const end = now + durationMs
      await settle()
      for (let run = 1; runNext(end); run++) {
        // The host gets its turn all the same, if rarely.
        if (settleTurns === 0) await (run % 1000 === 0 ? turn() : tick())
        else await (settleTurns === 1 ? turn() : settle())
      }
      now = end
    },
    advanceUntil: async (done, limitMs = 400 * 86_400_000) => {
      const end = now + limitMs
      await settle()
      while (!done()) {
        if (!runNext(end))
          throw new Error(`nothing happened that was waited for (${timers.size} timers, ${limitMs} ms)`)
        await settle()
      }
    },
    get pendingTimers() {
      return timers.size
    },
  }
}
