import fc from 'fast-check'
import tap from 'tap'
// By its file: what test-kit is built on cannot declare it.
import { numberSetting } from '../../../test-kit/src/number-setting.ts'

if (process.env['NB_LONG'] === '1') tap.setTimeout(3_600_000)

/** What of a test is used here. */
interface Reporter {
  pass(message: string): unknown
}

/**
 * Tries a property and reports it as one assertion. `NB_SEED` repeats a run, `NB_LONG` tries ten times as often.
 *
 * @param t - the test
 * @param numRuns - tries of an ordinary run
 * @param property - throws when it does not hold; the error tells seed and counterexample
 */
export function holds<T>(t: Reporter, numRuns: number, property: fc.IPropertyWithHooks<T>): void {
  const seed = numberSetting('NB_SEED', Math.floor(Math.random() * 2 ** 31))
  const count = process.env['NB_LONG'] === '1' ? numRuns * 10 : numRuns
  fc.assert(property, { numRuns: count, seed })
  t.pass(`held in ${count} runs, seed ${seed}`)
}
