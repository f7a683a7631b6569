/** Random numbers in [0, 1). */
export type Random = () => number

/** What mutations of one kind of input draw upon. */
export interface MutationSources {
  readonly random: Random
  /** Other inputs, to splice with. */
  readonly corpus: readonly Buffer[]
  /** Byte strings that mean something in the format: magics, keywords, numbers at their limits. */
  readonly dictionary: readonly Buffer[]
  /** Longest input that is made. */
  readonly maxBytes: number
}

const extremes32 = [
  0, 1, 2, 3, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x1ff, 0x200, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff,
  0x80000000, 0xfffffffe, 0xffffffff,
]
const extremes64 = [
  0n,
  1n,
  511n,
  512n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
]
const blockBytes = 512

/** A whole number from 0, below `limit`. */
export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit)
}

/** One of a row. */
export function oneOf<Value>(random: Random, values: readonly Value[]): Value | undefined {
  return values[below(random, values.length)]
}

type Mutation = (bytes: Buffer, sources: MutationSources) => Buffer

const inPlace =
  (change: (bytes: Buffer, at: number, sources: MutationSources) => void): Mutation =>
  (bytes, sources) => {
    if (bytes.length > 0) change(bytes, below(sources.random, bytes.length), sources)
    return bytes
  }

const flipBit = inPlace((bytes, at, { random }) => {
  bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8))
})
const anyByte = inPlace((bytes, at, { random }) => {
  bytes[at] = below(random, 256)
})
const addOrSubtract = inPlace((bytes, at, { random }) => {
  bytes[at] = ((bytes[at] ?? 0) + below(random, 33) - 16) & 0xff
})
const extreme16 = inPlace((bytes, at, { random }) => {
  if (at + 2 <= bytes.length) bytes.writeUInt16LE((oneOf(random, extremes32) ?? 0) & 0xffff, at)
})
const extreme32 = inPlace((bytes, at, { random }) => {
  if (at + 4 <= bytes.length) bytes.writeUInt32LE(oneOf(random, extremes32) ?? 0, at)
})
const extreme64 = inPlace((bytes, at, { random }) => {
  if (at + 8 <= bytes.length) bytes.writeBigUInt64LE(oneOf(random, extremes64) ?? 0n, at)
})
/** Numbers that are text: other digits where digits stand. */
const digits = inPlace((bytes, at, { random }) => {
  let start = at
  while (start < bytes.length && !isDigit(bytes[start])) start++
  const mode = below(random, 3)
  for (let index = start; index < bytes.length && isDigit(bytes[index]); index++)
    bytes[index] = mode === 0 ? 0x39 : mode === 1 ? 0x30 : 0x30 + below(random, 10)
})
const word = inPlace((bytes, at, { random, dictionary }) => {
  oneOf(random, dictionary)?.copy(bytes, at)
})
const fillRun = inPlace((bytes, at, { random }) => {
  const end = Math.min(at + 1 + below(random, 64), bytes.length)
  bytes.fill(oneOf(random, [0, 0xff, 0x20, 0x30, 0x2f, below(random, 256)]) ?? 0, at, end)
})
const copyWithin = inPlace((bytes, at, { random }) => {
  const from = below(random, bytes.length)
  bytes.copyWithin(at, from, from + 1 + below(random, 600))
})

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

const truncate: Mutation = (bytes, { random }) => bytes.subarray(0, below(random, bytes.length + 1))

const insertWord: Mutation = (bytes, { random, dictionary }) => {
  const at = below(random, bytes.length + 1)
  return Buffer.concat([
    bytes.subarray(0, at),
    oneOf(random, dictionary) ?? Buffer.alloc(1),
    bytes.subarray(at),
  ])
}

const removeRun: Mutation = (bytes, { random }) => {
  const at = below(random, bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(random, 64))])
}

const repeatRun: Mutation = (bytes, { random }) => {
  const at = below(random, bytes.length + 1)
  const run = bytes.subarray(at, at + 1 + below(random, 128))
  return Buffer.concat([bytes.subarray(0, at), run, bytes.subarray(at)])
}

/** The beginning of one input, then the end of another. */
const splice: Mutation = (bytes, { random, corpus }) => {
  const other = oneOf(random, corpus) ?? bytes
  return Buffer.concat([
    bytes.subarray(0, below(random, bytes.length + 1)),
    other.subarray(below(random, other.length + 1)),
  ])
}

/** Whole blocks removed, repeated or taken from another input: what stands in them stays well-formed. */
const blocks: Mutation = (bytes, { random, corpus }) => {
  const at = blockBytes * below(random, Math.ceil(bytes.length / blockBytes) + 1)
  const count = blockBytes * (1 + below(random, 4))
  const other = random() < 0.5 ? bytes : (oneOf(random, corpus) ?? bytes)
  const from = blockBytes * below(random, Math.ceil(other.length / blockBytes) + 1)
  const inserted = random() < 0.3 ? Buffer.alloc(0) : other.subarray(from, from + count)
  const skipped = random() < 0.5 ? 0 : count
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + skipped)])
}

const mutations: readonly Mutation[] = [
  flipBit,
  flipBit,
  anyByte,
  addOrSubtract,
  extreme16,
  extreme32,
  extreme64,
  digits,
  digits,
  word,
  word,
  fillRun,
  copyWithin,
  truncate,
  insertWord,
  removeRun,
  repeatRun,
  splice,
  blocks,
]

/** A changed copy of an input. */
export function mutate(input: Buffer, sources: MutationSources): Buffer {
  let bytes: Buffer = Buffer.from(input)
  const rounds = 1 + below(sources.random, oneOf(sources.random, [1, 2, 8]) ?? 1)
  for (let round = 0; round < rounds; round++) {
    const mutation = oneOf(sources.random, mutations)
    if (mutation !== undefined) bytes = mutation(bytes, sources)
    if (bytes.length > sources.maxBytes) bytes = bytes.subarray(0, sources.maxBytes)
  }
  return bytes
}
