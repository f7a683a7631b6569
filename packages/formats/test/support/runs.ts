import type { Parameters } from 'fast-check'

/**
 * How often a property is tried, and from which seed: `NB_SEED` repeats a run, `NB_LONG` tries ten times as often.
 *
 * @param t - the test, to print the seed
 * @param numRuns - tries of an ordinary run
 */
export function runs<T>(t: { comment(text: string): unknown }, numRuns: number): Parameters<T> {
  const seed = Number(process.env['NB_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  const count = process.env['NB_LONG'] ? numRuns * 10 : numRuns
  t.comment(`seed ${seed}, ${count} runs`)
  return { numRuns: count, seed }
}
