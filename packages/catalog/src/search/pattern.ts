import { NbError } from '@nb/contracts'

/** Code points from `low` to `high`, both included. U+DC80–U+DCFF stand for bytes that are not UTF-8, as in a `Path`. */
export interface CodeRange {
  readonly low: number
  readonly high: number
}

/** What a pattern says, whichever way it was written. */
export type Pattern =
  | { readonly kind: 'one'; readonly of: readonly CodeRange[] }
  | { readonly kind: 'row' | 'any-of'; readonly items: readonly Pattern[] }
  | { readonly kind: 'repeat'; readonly item: Pattern; readonly least: number; readonly most: number }
  | { readonly kind: 'begin' | 'end' }

/** The greatest code point. */
export const lastCode = 0x10ffff
/** What stands for the byte 0x80 where it is not UTF-8. */
export const firstStray = 0xdc80
/** What stands for the byte 0xff. */
export const lastStray = 0xdcff
/** The longest pattern, in characters. */
export const mostPatternLength = 1000
const surrogates: CodeRange = { low: 0xd800, high: 0xdfff }

/** Any character, `/` and line ends too; a byte that is not UTF-8 is one. */
export const anything: Pattern = { kind: 'one', of: [{ low: 0, high: lastCode }] }
/** Any number of them. */
export const anyRow: Pattern = { kind: 'repeat', item: anything, least: 0, most: Infinity }

/** One character. */
export function literal(code: number): Pattern {
  return { kind: 'one', of: [{ low: code, high: code }] }
}

/** All characters but these. */
export function inverted(ranges: readonly CodeRange[]): CodeRange[] {
  const sorted = [...ranges].sort((a, b) => a.low - b.low)
  const found: CodeRange[] = []
  let next = 0
  for (const { low, high } of sorted) {
    if (low > next) found.push({ low: next, high: low - 1 })
    next = Math.max(next, high + 1)
  }
  if (next <= lastCode) found.push({ low: next, high: lastCode })
  return found
}

/** Where letters have two cases; outside, a range is what it says. */
const cased: readonly CodeRange[] = [
  { low: 0x41, high: 0x7a },
  { low: 0xb5, high: 0x24f },
  { low: 0x370, high: 0x58f },
  { low: 0x1e00, high: 0x1fff },
]

/** The ranges with the other case of each letter. */
export function withBothCases(ranges: readonly CodeRange[]): CodeRange[] {
  const found = [...ranges]
  for (const range of ranges) {
    for (const letters of cased) {
      const high = Math.min(range.high, letters.high)
      for (let code = Math.max(range.low, letters.low); code <= high; code++) {
        const letter = String.fromCodePoint(code)
        for (const other of [letter.toLowerCase(), letter.toUpperCase()]) {
          const otherCode = other.codePointAt(0)
          if (otherCode === undefined || otherCode === code) continue
          if (String.fromCodePoint(otherCode) === other) found.push({ low: otherCode, high: otherCode })
        }
      }
    }
  }
  return found
}

/** What stands for a byte in a path. */
export function byteCode(hex: string): number {
  const byte = Number.parseInt(hex, 16)
  return byte < 0x80 ? byte : firstStray - 0x80 + byte
}

/** The code points of a pattern as it was typed. A lone surrogate must stand for a byte. */
export function codesOf(field: string, text: string): number[] {
  if (text === '') throw refused(field, 'is empty')
  if (text.length > mostPatternLength)
    throw refused(field, `has ${text.length} characters, more than ${mostPatternLength}`)
  const codes = Array.from(text, (char) => char.codePointAt(0) as number)
  const isStray = (code: number): boolean => code >= firstStray && code <= lastStray
  if (codes.some((code) => code >= surrogates.low && code <= surrogates.high && !isStray(code)))
    throw refused(field, 'holds half a character')
  return codes
}

/** The error of a pattern that is none. */
export function refused(field: string, why: string): NbError {
  return new NbError('argument-invalid', `${field} ${why}`, { details: { field } })
}
