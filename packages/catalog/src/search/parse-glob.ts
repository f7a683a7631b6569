import {
  anyRow,
  byteCode,
  type CodeRange,
  codesOf,
  inverted,
  literal,
  type Pattern,
  refused,
  withBothCases,
} from './pattern.ts'

const slash = 0x2f
const code = (char: string): number => char.codePointAt(0) as number
const inName: Pattern = { kind: 'one', of: inverted([{ low: slash, high: slash }]) }
const anyInName: Pattern = { kind: 'repeat', item: inName, least: 0, most: Infinity }
/** Whole directories, or none. */
const anyDirectories: Pattern = {
  kind: 'repeat',
  item: { kind: 'row', items: [anyRow, literal(slash)] },
  least: 0,
  most: 1,
}

/**
 * A glob as a pattern of whole paths. Without `/` it is of names; with `/` at its beginning of whole paths; with one elsewhere of
 * what a path ends with, from any directory on. Throws `argument-invalid`.
 */
export function parseGlob(glob: string, ignoreCase: boolean): Pattern {
  const cases = ignoreCase ? withBothCases : same
  const codes = codesOf('glob', glob)
  if (codes.at(-1) === slash) throw refused('glob', 'ends in a slash; paths do not')
  const items: Pattern[] = [{ kind: 'begin' }]
  if (codes[0] !== slash) items.push(anyRow, literal(slash))
  for (let at = 0; at < codes.length;) {
    const one = codes[at] as number
    if (one === code('*') && codes[at + 1] === code('*')) {
      const beginsComponent = at === 0 || codes[at - 1] === slash
      while (codes[at] === code('*')) at += 1
      if (beginsComponent && codes[at] === slash) {
        items.push(anyDirectories)
        at += 1
      } else items.push(anyRow)
    } else if (one === code('*')) {
      items.push(anyInName)
      at += 1
    } else if (one === code('?')) {
      items.push(inName)
      at += 1
    } else if (one === code('[')) at = readClass(codes, at, items, cases)
    else {
      const [plain, next] = readPlain(codes, at)
      items.push({ kind: 'one', of: cases([{ low: plain, high: plain }]) })
      at = next
    }
  }
  items.push({ kind: 'end' })
  return { kind: 'row', items }
}

/** One character, perhaps after a backslash; `\xHH` from 80 on is that byte. */
function readPlain(codes: readonly number[], at: number): [number, number] {
  const one = codes[at] as number
  if (one !== code('\\')) return [one, at + 1]
  const escaped = codes[at + 1]
  if (escaped === undefined) throw refused('glob', 'ends in a backslash')
  const hex = String.fromCodePoint(...codes.slice(at + 2, at + 4))
  if (escaped === code('x') && /^[0-9A-Fa-f]{2}$/.test(hex)) return [byteCode(hex), at + 4]
  return [escaped, at + 2]
}

function same(ranges: readonly CodeRange[]): readonly CodeRange[] {
  return ranges
}

function readClass(
  codes: readonly number[],
  start: number,
  items: Pattern[],
  cases: (ranges: readonly CodeRange[]) => readonly CodeRange[],
): number {
  let at = start + 1
  const isNegated = codes[at] === code('!') || codes[at] === code('^')
  if (isNegated) at += 1
  const ranges: CodeRange[] = []
  for (let first = true; first || codes[at] !== code(']'); first = false) {
    if (at >= codes.length) throw refused('glob', 'has a [ without its ]')
    const [low, next] = readPlain(codes, at)
    at = next
    const isRange = codes[at] === code('-') && codes[at + 1] !== undefined && codes[at + 1] !== code(']')
    const [high, behind] = isRange ? readPlain(codes, at + 1) : [low, at]
    at = behind
    if (high < low) throw refused('glob', 'has a range that ends before it begins')
    ranges.push({ low, high })
  }
  // A class never is a slash, whatever is in it.
  const none = { low: slash, high: slash }
  const kept = isNegated ? inverted([...cases(ranges), none]) : inverted([...inverted(cases(ranges)), none])
  items.push({ kind: 'one', of: kept })
  return at + 1
}
