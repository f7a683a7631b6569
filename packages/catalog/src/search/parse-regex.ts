import {
  anything,
  byteCode,
  type CodeRange,
  codesOf,
  inverted,
  lastCode,
  type Pattern,
  refused,
  withBothCases,
} from './pattern.ts'

/** The most that `{n,m}` may repeat. */
const mostRepeats = 1000
const mostDepth = 200

const range = (low: string, high = low): CodeRange => ({
  low: low.codePointAt(0) as number,
  high: high.codePointAt(0) as number,
})
const classes: Readonly<Record<string, readonly CodeRange[]>> = {
  d: [range('0', '9')],
  w: [range('0', '9'), range('A', 'Z'), range('a', 'z'), range('_')],
  s: [range('\t', '\r'), range(' '), range('\u00a0'), range('\ufeff'), range('\u2028', '\u2029')],
}
const controls: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f', v: '\v' }

/**
 * A regular expression as a pattern: the syntax of JavaScript without what needs more than one pass over a path. It is looked for
 * anywhere in the whole path. Throws `argument-invalid`, for look-around, back references, `\b` and `\p` too.
 */
export function parseRegex(source: string, ignoreCase: boolean): Pattern {
  return new RegexParser(codesOf('regex', source), ignoreCase).parse()
}

class RegexParser {
  readonly #codes: readonly number[]
  #at = 0
  #depth = 0
  readonly #ignoreCase: boolean

  constructor(codes: readonly number[], ignoreCase: boolean) {
    this.#codes = codes
    this.#ignoreCase = ignoreCase
  }

  parse(): Pattern {
    const pattern = this.#alternatives()
    if (this.#at < this.#codes.length) throw refused('regex', 'has a ) without its (')
    return pattern
  }

  #peek(ahead = 0): string | undefined {
    const found = this.#codes[this.#at + ahead]
    return found === undefined ? undefined : String.fromCodePoint(found)
  }

  #eat(char: string): boolean {
    if (this.#peek() !== char) return false
    this.#at += 1
    return true
  }

  #alternatives(): Pattern {
    if (++this.#depth > mostDepth) throw refused('regex', `is nested more than ${mostDepth} deep`)
    const items = [this.#row()]
    while (this.#eat('|')) items.push(this.#row())
    this.#depth -= 1
    return items.length === 1 ? (items[0] as Pattern) : { kind: 'any-of', items }
  }

  #row(): Pattern {
    const items: Pattern[] = []
    for (let next = this.#peek(); next !== undefined && next !== '|' && next !== ')'; next = this.#peek())
      items.push(this.#repeated(this.#atom()))
    return { kind: 'row', items }
  }

  #repeated(item: Pattern): Pattern {
    const count = this.#count()
    if (count === undefined) return item
    if (item.kind === 'begin' || item.kind === 'end') throw refused('regex', 'repeats an anchor')
    // Whether it takes much or little does not change what is found.
    this.#eat('?')
    if (this.#count() !== undefined) throw refused('regex', 'repeats a repetition; put it in ( )')
    return { kind: 'repeat', item, ...count }
  }

  #count(): { readonly least: number; readonly most: number } | undefined {
    if (this.#eat('*')) return { least: 0, most: Infinity }
    if (this.#eat('+')) return { least: 1, most: Infinity }
    if (this.#eat('?')) return { least: 0, most: 1 }
    if (this.#peek() !== '{') return undefined
    const rest = String.fromCodePoint(...this.#codes.slice(this.#at, this.#at + 16))
    const found = /^\{(\d+)(?:(,)(\d*))?\}/.exec(rest)
    if (found === null) throw refused('regex', 'has a { that is no repetition; write \\{')
    this.#at += found[0].length
    const least = Number(found[1])
    const most = found[2] === undefined ? least : found[3] === '' ? Infinity : Number(found[3])
    if (most < least || least > mostRepeats || (most !== Infinity && most > mostRepeats))
      throw refused('regex', `repeats ${found[0]}; up to ${mostRepeats} times is possible`)
    return { least, most }
  }

  #atom(): Pattern {
    const char = this.#peek() as string
    this.#at += 1
    if (char === '(') return this.#group()
    if (char === '[') return { kind: 'one', of: this.#set() }
    if (char === '.') return anything
    if (char === '^') return { kind: 'begin' }
    if (char === '$') return { kind: 'end' }
    if (char === '\\') {
      return { kind: 'one', of: this.#cases(this.#escape()) }
    }
    if ('*+?{}'.includes(char)) throw refused('regex', `has a ${char} that repeats nothing; write \\${char}`)
    return { kind: 'one', of: this.#cases([range(char)]) }
  }

  #group(): Pattern {
    if (this.#eat('?')) {
      const named = this.#peek() === '<' && this.#peek(1) !== '=' && this.#peek(1) !== '!'
      if (named) while (this.#peek() !== undefined && this.#peek() !== '>') this.#at += 1
      if (!this.#eat(named ? '>' : ':'))
        throw refused('regex', 'looks ahead or behind, which is not possible here')
    }
    const inner = this.#alternatives()
    if (!this.#eat(')')) throw refused('regex', 'has a ( without its )')
    return inner
  }

  #set(): readonly CodeRange[] {
    const isNegated = this.#eat('^')
    const found: CodeRange[] = []
    while (!this.#eat(']')) {
      const low = this.#member()
      const [first] = low
      const isRange = this.#peek() === '-' && this.#peek(1) !== ']' && this.#peek(1) !== undefined
      if (!isRange || first === undefined || low.length > 1 || first.low !== first.high) {
        found.push(...low)
        continue
      }
      this.#at += 1
      const [last, ...others] = this.#member()
      if (last === undefined || others.length > 0 || last.low !== last.high || last.low < first.low)
        throw refused('regex', 'has a range that ends before it begins')
      found.push({ low: first.low, high: last.low })
    }
    return isNegated ? inverted(this.#cases(found)) : this.#cases(found)
  }

  #cases(ranges: readonly CodeRange[]): readonly CodeRange[] {
    return this.#ignoreCase ? withBothCases(ranges) : ranges
  }

  #member(): readonly CodeRange[] {
    const char = this.#peek()
    if (char === undefined) throw refused('regex', 'has a [ without its ]')
    this.#at += 1
    return char === '\\' ? this.#escape() : [range(char)]
  }

  #escape(): readonly CodeRange[] {
    const char = this.#peek()
    if (char === undefined) throw refused('regex', 'ends in a backslash')
    this.#at += 1
    const named = classes[char.toLowerCase()]
    if (named !== undefined && /[dwsDWS]/.test(char))
      return char === char.toLowerCase() ? named : inverted(named)
    const control = controls[char]
    if (control !== undefined) return [range(control)]
    if (char === 'x' || char === 'u') return [this.#numbered(char)]
    if (/[A-Za-z0-9]/.test(char)) throw refused('regex', `has \\${char}, which is not possible here`)
    return [range(char)]
  }

  /** `\xHH`, from 80 on a byte that is not UTF-8; `\uHHHH`, `\u{H…}`. */
  #numbered(char: string): CodeRange {
    const rest = String.fromCodePoint(...this.#codes.slice(this.#at, this.#at + 10))
    const form = char === 'x' ? /^([0-9A-Fa-f]{2})/ : /^(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{4}))/
    const found = form.exec(rest)
    if (found === null) throw refused('regex', `has \\${char} without its digits`)
    this.#at += found[0].length
    const digits = found[1] ?? found[2] ?? ''
    const code = char === 'x' ? byteCode(digits) : Number.parseInt(digits, 16)
    if (code > lastCode) throw refused('regex', `has \\u{${digits}}, which is no character`)
    return { low: code, high: code }
  }
}
