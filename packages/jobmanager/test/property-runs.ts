import { numberSetting } from '@nb/test-kit'
import tap, { type Test } from 'tap'

if (process.env['NB_LONG'] === '1') tap.setTimeout(3_600_000)

/** How many random histories, from which seed: `NB_LONG=1` runs the full count, `NB_SEED` repeats a run. */
export function propertyRuns(t: Test, reduced: number): { readonly numRuns: number; readonly seed: number } {
  const numRuns = numberSetting('NB_RUNS', process.env['NB_LONG'] === '1' ? 10_000 : reduced)
  const seed = numberSetting('NB_SEED', 20_260_101)
  t.comment(`${numRuns} histories (10000 with NB_LONG=1), seed ${seed}`)
  return { numRuns, seed }
}
