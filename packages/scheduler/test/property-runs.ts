import { numberSetting } from '@nb/test-kit'
import tap, { type Test } from 'tap'

if (process.env['NB_LONG'] === '1') tap.setTimeout(3_600_000)

/** How many random cases, from which seed: `NB_LONG=1` runs the full count, `NB_SEED` repeats a run. */
export function propertyRuns(
  t: Test,
  reduced: number,
  full: number,
): { readonly numRuns: number; readonly seed: number; readonly isLong: boolean } {
  const isLong = process.env['NB_LONG'] === '1'
  const numRuns = isLong ? full : reduced
  const seed = numberSetting('NB_SEED', 20_260_101)
  t.comment(`${numRuns} cases (${full} with NB_LONG=1), seed ${seed}`)
  return { numRuns, seed, isLong }
}
