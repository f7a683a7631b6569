import type { VirtualClock } from './virtual-clock.ts'

/**
 * Lets virtual time pass until the promise is settled, then gives what it gave. Throws when nothing is left to wait for, or
 * after `limitMs` of virtual time (an hour unless told otherwise).
 */
export async function driven<T>(clock: VirtualClock, promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
  let settled = false
  const mark = (): void => void (settled = true)
  promise.then(mark, mark)
  await clock.advanceUntil(() => settled, limitMs)
  return promise
}
