import type { Random } from './random.ts'

const poolBytes = 16 * 1024 * 1024
const words =
  'accepted client closed connection disk error from granted job lease mounted opened read retry session slow started timeout volume waiting written'.split(
    ' ',
  )

/** Bytes that no codec makes smaller, and lines like those of a log; both from pools, so that making gigabytes is quick. */
export interface Content {
  /** Fills with noise. */
  readonly noise: (target: Buffer) => void
  /** Fills with log lines. */
  readonly log: (target: Buffer) => void
}

/** Makes content. `pool` is how much of each kind is made, bytes; the rest are pieces of it. */
export function createContent(random: Random, pool: number = poolBytes): Content {
  const noise = Buffer.allocUnsafe(pool)
  for (let at = 0; at + 4 <= pool; at += 4) noise.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
  const log = logPool(random, pool)
  const fillFrom = (source: Buffer) => (target: Buffer) => {
    for (let at = 0; at < target.length;) {
      const from = random.below(source.length)
      at += source.copy(target, at, from, Math.min(source.length, from + 256 * 1024))
    }
  }
  return { noise: fillFrom(noise), log: fillFrom(log) }
}

function logPool(random: Random, bytes: number): Buffer {
  const pool = Buffer.alloc(bytes)
  let time = 1_767_225_600_000
  for (let at = 0; at < bytes;) {
    time += random.below(2000)
    const message = Array.from({ length: 3 + random.below(8) }, () => words[random.below(words.length)]).join(
      ' ',
    )
    const host = `web${1 + random.below(40)}`
    at += pool.write(
      `${new Date(time).toISOString()} ${host} nb[${random.below(65536)}]: ${message} ${random.below(1e6)}\n`,
      at,
    )
  }
  return pool
}
