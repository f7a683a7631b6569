import type { PathMatcher } from './path-matcher.ts'
import { type Instruction, type Program, strays, symbolCount } from './program.ts'

/** States that are kept. When there are more all are forgotten, and made anew as they are needed. */
const mostStates = 2000
/** Numbers of instructions that all states together may hold, likewise. */
const mostKept = 500_000
const mostPathBytes = 65_535
// What stands in place of a state: not made yet; what has matched, whatever follows; what never will.
const unknown = -1
const matched = -2
const never = -3

/**
 * Runs a program over paths, all its possibilities at once: the states of a deterministic automaton are made when they are first reached,
 * so that a byte costs one step whatever the pattern is, and no pattern needs more than its own length of work a byte. What a path shares
 * with the one before is not read again.
 */
export class Automaton implements PathMatcher {
  readonly #instructions: readonly Instruction[]
  readonly #start: number
  /** Symbols that no instruction tells apart are of one class. */
  readonly #classOf = new Uint16Array(symbolCount)
  readonly #classes: number
  /** One symbol of each class. */
  readonly #symbolOf: readonly number[]
  /** By state and class, the state that follows. A state is the place of its first class here. */
  readonly #next: Int32Array
  /** Of each state: whether a path that ends here matches, 1, or not, 0; 2 unknown. */
  readonly #atEnd = new Uint8Array(mostStates)
  #sets: (readonly number[])[] = []
  #states = new Map<string, number>()
  #kept = 0
  /** The state before each byte of the path, as far as it was read. */
  readonly #stateAt = new Int32Array(mostPathBytes + 1)
  #known = 0
  #hasForgotten = false
  readonly #marks: Uint32Array
  #mark = 0

  constructor({ instructions, start }: Program) {
    this.#instructions = instructions
    this.#start = start
    this.#marks = new Uint32Array(instructions.length)
    const borders = new Set([0, strays])
    for (const instruction of instructions) {
      if (instruction.kind !== 'read' || instruction.low > instruction.high) continue
      borders.add(instruction.low)
      borders.add(instruction.high + 1)
    }
    const symbols: number[] = []
    for (let symbol = 0; symbol < symbolCount; symbol++) {
      if (borders.has(symbol)) symbols.push(symbol)
      this.#classOf[symbol] = symbols.length - 1
    }
    this.#symbolOf = symbols
    this.#classes = symbols.length
    this.#next = new Int32Array(mostStates * symbols.length).fill(unknown)
    this.#known = this.#begin()
  }

  matches(path: Uint8Array, pathBytes: number, sharedBytes: number): boolean {
    let at = Math.min(sharedBytes, this.#known)
    // Only behind an ASCII byte it is sure that no character is cut.
    while (at > 0 && (path[at - 1] as number) >= 0x80) at -= 1
    const stateAt = this.#stateAt
    const next = this.#next
    const classOf = this.#classOf
    let state = stateAt[at] as number
    while (at < pathBytes && state >= 0) {
      const byte = path[at] as number
      if (byte >= 0x80) {
        const length = characterBytes(path, at, pathBytes)
        if (length === 0) state = this.#step(state, strays + byte - 0x80)
        for (let index = 0; index < length; index++) state = this.#step(state, path[at + index] as number)
        at += Math.max(1, length)
      } else {
        const following = next[state + (classOf[byte] as number)] as number
        state = following === unknown ? this.#step(state, byte) : following
        at += 1
      }
      stateAt[at] = state
    }
    const isMatch = state < 0 ? state === matched : this.#isEnd(state)
    // What was noted before states were forgotten may stand for others now.
    this.#known = this.#hasForgotten ? this.#begin() : at
    return isMatch
  }

  #step(state: number, symbol: number): number {
    if (state < 0) return state
    const place = state + (this.#classOf[symbol] as number)
    const known = this.#next[place] as number
    if (known !== unknown) return known
    const symbolOfClass = this.#symbolOf[this.#classOf[symbol] as number] as number
    const reached: number[] = []
    this.#mark += 1
    for (const number of this.#setOf(state)) {
      const instruction = this.#instructions[number]
      if (instruction?.kind !== 'read') continue
      if (symbolOfClass >= instruction.low && symbolOfClass <= instruction.high)
        this.#follow(instruction.next, reached, 'inside')
    }
    const before = this.#sets.length
    const found = this.#stateOf(reached)
    // Where all were forgotten, `state` is no more.
    if (this.#sets.length >= before) this.#next[place] = found
    return found
  }

  /** All instructions that are reached without reading. */
  #follow(start: number, reached: number[], where: 'begin' | 'inside' | 'end'): void {
    const open = [start]
    for (let number = open.pop(); number !== undefined; number = open.pop()) {
      if (this.#marks[number] === this.#mark) continue
      this.#marks[number] = this.#mark
      const instruction = this.#instructions[number] as Instruction
      if (instruction.kind === 'fork') open.push(instruction.other, instruction.next)
      else if (instruction.kind === 'begin') {
        if (where === 'begin') open.push(instruction.next)
      } else {
        reached.push(number)
        if (instruction.kind === 'end' && where === 'end') open.push(instruction.next)
      }
    }
  }

  #setOf(state: number): readonly number[] {
    return this.#sets[state / this.#classes] ?? []
  }

  #stateOf(set: number[]): number {
    if (set.some((number) => this.#instructions[number]?.kind === 'match')) return matched
    if (set.length === 0) return never
    set.sort((a, b) => a - b)
    const key = set.join()
    const known = this.#states.get(key)
    if (known !== undefined) return known
    if (this.#sets.length >= mostStates || this.#kept > mostKept) this.#forget()
    this.#kept += set.length
    const number = this.#sets.push(set) - 1
    const state = number * this.#classes
    this.#states.set(key, state)
    this.#atEnd[number] = 2
    return state
  }

  #isEnd(state: number): boolean {
    const number = state / this.#classes
    if (this.#atEnd[number] === 2) {
      this.#mark += 1
      const reached: number[] = []
      for (const one of this.#setOf(state)) this.#follow(one, reached, 'end')
      const isMatch = reached.some((one) => this.#instructions[one]?.kind === 'match')
      this.#atEnd[number] = isMatch ? 1 : 0
    }
    return this.#atEnd[number] === 1
  }

  #forget(): void {
    this.#sets = []
    this.#states = new Map()
    this.#kept = 0
    this.#next.fill(unknown)
    this.#hasForgotten = true
  }

  /** Makes the state in which every path begins; gives how far the next path is known by it. */
  #begin(): number {
    this.#mark += 1
    const reached: number[] = []
    this.#follow(this.#start, reached, 'begin')
    this.#stateAt[0] = this.#stateOf(reached)
    this.#hasForgotten = false
    return 0
  }
}

/** Bytes of the UTF-8 character that begins here; 0 where none does. */
function characterBytes(path: Uint8Array, at: number, end: number): number {
  const lead = path[at] as number
  const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0
  if (length === 0 || at + length > end) return 0
  const second = path[at + 1] as number
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < least || second > most) return 0
  for (let index = 2; index < length; index++) if (((path[at + index] as number) & 0xc0) !== 0x80) return 0
  return length
}
