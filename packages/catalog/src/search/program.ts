import { type CodeRange, firstStray, inverted, lastStray, type Pattern, refused } from './pattern.ts'

/** Symbols that a program reads: the bytes of UTF-8, and from here on bytes that are not UTF-8, the byte 0x80 first. */
export const strays = 256
/** So many symbols there are. */
export const symbolCount = 384
/** The most instructions of a program. */
const mostInstructions = 5000

/** One step: to read a symbol of a range; to go on at two places; to be at the begin or the end of a path; to have matched. */
export type Instruction =
  | { readonly kind: 'read'; readonly low: number; readonly high: number; next: number }
  | { readonly kind: 'fork'; next: number; other: number }
  | { readonly kind: 'begin' | 'end'; next: number }
  | { readonly kind: 'match' }

/** A pattern as instructions; it begins at `start`, and finds the pattern anywhere in a path. */
export interface Program {
  readonly instructions: readonly Instruction[]
  readonly start: number
}

/** Compiles a pattern. Throws `argument-invalid` for one that would become too long. */
export function compile(field: string, pattern: Pattern): Program {
  const compiler = new Compiler(field)
  const match = compiler.add({ kind: 'match' })
  const found = compiler.pattern(pattern, match)
  // Anything may come before.
  const fork: Instruction = { kind: 'fork', next: found, other: 0 }
  const start = compiler.add(fork)
  const skip = compiler.add({ kind: 'read', low: 0, high: symbolCount - 1, next: start })
  fork.other = skip
  return { instructions: compiler.instructions, start }
}

class Compiler {
  readonly instructions: Instruction[] = []
  readonly #field: string

  constructor(field: string) {
    this.#field = field
  }

  add(instruction: Instruction): number {
    if (this.instructions.length >= mostInstructions)
      throw refused(this.#field, 'is too big; repeat less, or fewer characters')
    return this.instructions.push(instruction) - 1
  }

  /** Adds a pattern that goes on at `next`; gives where it begins. */
  pattern(pattern: Pattern, next: number): number {
    switch (pattern.kind) {
      case 'one':
        // What is inverted twice is the same, without overlaps.
        return this.#one(inverted(inverted(pattern.of)), next)
      case 'row':
        return pattern.items.reduceRight((after, item) => this.pattern(item, after), next)
      case 'any-of':
        return this.#anyOf(pattern.items.map((item) => this.pattern(item, next)))
      case 'repeat':
        return this.#repeat(pattern, next)
      case 'begin':
      case 'end':
        return this.add({ kind: pattern.kind, next })
    }
  }

  #anyOf(places: readonly number[]): number {
    const last = places.at(-1)
    // Nothing at all can be read here.
    if (last === undefined) return this.add({ kind: 'read', low: 1, high: 0, next: 0 })
    return places.slice(0, -1).reduceRight((other, next) => this.add({ kind: 'fork', next, other }), last)
  }

  #repeat({ item, least, most }: Extract<Pattern, { kind: 'repeat' }>, next: number): number {
    let after = next
    if (most === Infinity) {
      const fork: Instruction = { kind: 'fork', next: 0, other: next }
      after = this.add(fork)
      fork.next = this.pattern(item, after)
    } else
      for (let more = least; more < most; more++) {
        const begin = this.pattern(item, after)
        if (begin === after) break
        after = this.add({ kind: 'fork', next: begin, other: next })
      }
    for (let once = 0; once < least; once++) {
      const begin = this.pattern(item, after)
      // Nothing, however often it is repeated.
      if (begin === after) break
      after = begin
    }
    return after
  }

  #one(ranges: readonly CodeRange[], next: number): number {
    const places: number[] = []
    for (const { low, high } of ranges) {
      for (const part of parts) {
        const from = Math.max(low, part.low)
        const to = Math.min(high, part.high)
        if (from > to) continue
        if (part.bytes === 0) {
          const shift = strays - firstStray
          places.push(this.add({ kind: 'read', low: from + shift, high: to + shift, next }))
        } else this.#sequences(from, to, part.bytes, next, places)
      }
    }
    return this.#anyOf(places)
  }

  /** Code points whose UTF-8 has so many bytes, as rows of ranges of bytes: split until the bytes range one by one. */
  #sequences(low: number, high: number, bytes: number, next: number, places: number[]): void {
    for (let level = 1; level < bytes; level++) {
      const mask = (1 << (6 * level)) - 1
      if ((low & ~mask) === (high & ~mask)) continue
      const cut = (low & mask) !== 0 ? (low | mask) + 1 : (high & mask) !== mask ? high & ~mask : undefined
      if (cut === undefined) continue
      this.#sequences(low, cut - 1, bytes, next, places)
      this.#sequences(cut, high, bytes, next, places)
      return
    }
    const first = Buffer.from(String.fromCodePoint(low))
    const last = Buffer.from(String.fromCodePoint(high))
    let after = next
    for (let at = first.length - 1; at >= 0; at--)
      after = this.add({ kind: 'read', low: first[at] as number, high: last[at] as number, next: after })
    places.push(after)
  }
}

/** Code points by the bytes of their UTF-8; without those that are none, with those that stand for bytes. */
const parts = [
  { low: 0, high: 0x7f, bytes: 1 },
  { low: 0x80, high: 0x7ff, bytes: 2 },
  { low: 0x800, high: 0xd7ff, bytes: 3 },
  { low: firstStray, high: lastStray, bytes: 0 },
  { low: 0xe000, high: 0xffff, bytes: 3 },
  { low: 0x10000, high: 0x10ffff, bytes: 4 },
] as const
