import { seededRandom } from '@nb/test-kit'

/**
 * A row of random numbers in [0, 1) of its own for a seed and a name, such as `client web1`. What is drawn for one name
 * does not depend on what is drawn for others, so that two sites that differ in a drive meet the same clients away.
 */
export function chanceOf(seed: number, name: string): () => number {
  // FNV-1a: spreads names over the seeds of the generator.
  let hash = (0x811c9dc5 ^ seed) >>> 0
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0
  return seededRandom(hash)
}
