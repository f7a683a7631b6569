/** Random numbers that a seed repeats, on every machine (mulberry32). */
export interface Random {
  /** In [0, 1). */
  (): number
  /** A whole number from 0 to below `limit`. */
  readonly below: (limit: number) => number
  /** Around 0 with standard deviation 1. */
  readonly normal: () => number
}

/** Makes them from a seed of 32 bits. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return Object.assign(next, {
    below: (limit: number) => Math.floor(next() * limit),
    // Box and Muller; 1 - next() is never 0.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  })
}
