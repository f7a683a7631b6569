import { Session } from 'node:inspector'
import type { Profiler } from 'node:inspector'

/**
 * Which parts of the sources under test have ever run, by V8's own counters. Blocks are compared character by character: V8
 * merges ranges that ran equally often, so that ranges themselves come and go.
 */
export class Coverage {
  readonly #session = new Session()
  readonly #covers: (url: string) => boolean
  readonly #seen = new Map<string, Uint8Array>()
  #characters = 0

  /** @param covers - whether a source counts, by its address */
  constructor(covers: (url: string) => boolean) {
    this.#covers = covers
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** Characters of source that have run. */
  get characters(): number {
    return this.#characters
  }

  /** Whether anything ran since the last look that never had run; with `keep`, it counts as seen from now on. */
  look(keep: boolean): boolean {
    let isNew = false
    for (const { url, functions } of this.#take()) {
      if (!this.#covers(url)) continue
      const ran = painted(functions)
      const seen = this.#seenOf(url, ran.length)
      for (let at = 0; at < ran.length; at++) {
        if (ran[at] === 0 || seen[at] === 1) continue
        isNew = true
        if (!keep) return true
        seen[at] = 1
        this.#characters++
      }
    }
    return isNew
  }

  /** Ends it. */
  stop(): void {
    this.#session.post('Profiler.stopPreciseCoverage')
    this.#session.disconnect()
  }

  #take(): readonly Profiler.ScriptCoverage[] {
    let taken: readonly Profiler.ScriptCoverage[] = []
    // Answers before it returns: the session is of this very thread.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error
      taken = answer.result
    })
    return taken
  }

  #seenOf(url: string, length: number): Uint8Array {
    const seen = this.#seen.get(url)
    if (seen !== undefined && seen.length >= length) return seen
    const longer = new Uint8Array(length)
    if (seen !== undefined) longer.set(seen)
    this.#seen.set(url, longer)
    return longer
  }
}

/** One byte for each character of a script: 1 where it ran. Functions and ranges come from outer to inner. */
function painted(functions: readonly Profiler.FunctionCoverage[]): Uint8Array {
  let length = 0
  for (const { ranges } of functions) for (const { endOffset } of ranges) length = Math.max(length, endOffset)
  const ran = new Uint8Array(length)
  for (const { ranges } of functions)
    for (const { startOffset, endOffset, count } of ranges)
      ran.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  return ran
}
