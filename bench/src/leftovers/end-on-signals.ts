import { constants } from 'node:os'
import type { Leftovers } from './leftovers.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** npm sends on what a terminal has sent to all of a group: what comes so soon after the first is the same once more. */
const sameMs = 500

/**
 * Has the process end in good order on signals, with 128 and the signal's number, as a shell tells it; a second one ends it at once. Both
 * say so, and what is left. An error that nobody has caught ends it in the same way, with 1.
 */
export function endOnSignals(leftovers: Leftovers, tell: (line: string) => void): void {
  let first: number | undefined
  const end = (code: number, why: string): void => {
    if (first === undefined) {
      first = performance.now()
      tell(`${why}: stopping what was started and removing what was made; once more ends at once`)
      void leftovers.end().finally(() => leave(code, leftovers, tell))
    } else if (performance.now() - first > sameMs) {
      leave(code, leftovers, tell)
    }
  }
  for (const signal of signals) process.on(signal, () => end(128 + constants.signals[signal], signal))
  process.on('uncaughtException', (error) => {
    // What was under way fails when its processes are stopped.
    if (leftovers.isEnding) return
    tell(error.stack ?? error.message)
    end(1, 'an error')
  })
  // Who has read it is gone; what is to be stopped and removed is not.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}

/** Ends the process, and says what is left. */
export function leave(code: number, leftovers: Leftovers, tell: (line: string) => void): never {
  const { left } = leftovers
  if (left.length > 0)
    tell(`left: ${left.join(', ')}; the next run with the same --work stops and removes it`)
  process.exit(code)
}
