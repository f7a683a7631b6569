import type { Path } from '@nb/contracts'

/**
 * What the exclude and include lists say of an entry.
 * `take`: back it up. `skip`: leave it out, with all below. `descend`: leave it out itself, but look below, since
 * an include pattern may bring something back from there.
 */
export type Verdict = 'take' | 'skip' | 'descend'

/** How an entry stands to the lists, as it is handed down to what lies below it. */
export interface Standing {
  readonly verdict: Verdict
  /** What holds for the entries below: still under both lists, below an excluded or below a re-included directory. */
  readonly below: 'listed' | 'excluded' | 'included'
}

/** Decides entry by entry, from the top down. */
export interface Selection {
  /** False when nothing is excluded: `judge` then needs no names. */
  readonly active: boolean
  /**
   * @param names - the names along the entry's path, from the file system's root
   * @param isDirectory - whether it is a directory
   * @param above - the standing of the directory it is in; `undefined` for a root of the selection
   */
  judge(names: readonly Path[], isDirectory: boolean, above: Standing | undefined): Standing
}

const taken: Standing = { verdict: 'take', below: 'listed' }
const takenForGood: Standing = { verdict: 'take', below: 'included' }
const skipped: Standing = { verdict: 'skip', below: 'excluded' }
const passedThrough: Standing = { verdict: 'descend', below: 'excluded' }

/**
 * The field's exclude and include lists.
 *
 * A pattern that begins with `/` names a path from the root; any other names the end of a path, so `core` means
 * every entry of that name wherever it is. A pattern that ends in `/` means directories only. A directory that is
 * excluded is left out with all below it. `*` (any characters), `?` (one character) and `[…]`, `[!…]` (one of a
 * set) never match a `/`; a backslash takes the next character for itself. Empty patterns and those that begin
 * with `#` say nothing. An include pattern brings back what an exclude pattern took away, with all below it.
 */
export function createSelection(lists: {
  readonly exclude: readonly string[]
  readonly include: readonly string[]
}): Selection {
  const exclude = lists.exclude.map(compile).filter((pattern) => pattern !== undefined)
  const include = lists.include.map(compile).filter((pattern) => pattern !== undefined)
  if (exclude.length === 0) return { active: false, judge: () => taken }
  return {
    active: true,
    judge(names, isDirectory, above) {
      const inherited = above?.below ?? 'listed'
      if (inherited === 'included') return takenForGood
      const excluded =
        inherited === 'excluded' || exclude.some((pattern) => matches(pattern, names, isDirectory))
      if (!excluded) return taken
      if (include.some((pattern) => matches(pattern, names, isDirectory))) return takenForGood
      if (isDirectory && include.some((pattern) => mayMatchBelow(pattern, names))) return passedThrough
      return skipped
    },
  }
}

interface Pattern {
  /** From the root, or the end of any path. */
  readonly anchored: boolean
  readonly directoriesOnly: boolean
  readonly components: readonly ((name: Path) => boolean)[]
}

function compile(text: string): Pattern | undefined {
  if (text.trim() === '' || text.startsWith('#')) return undefined
  const components = text.split('/').filter((part) => part !== '')
  if (components.length === 0) return undefined
  return {
    anchored: text.startsWith('/'),
    directoriesOnly: text.endsWith('/'),
    components: components.map(compileComponent),
  }
}

function matches(pattern: Pattern, names: readonly Path[], isDirectory: boolean): boolean {
  if (pattern.directoriesOnly && !isDirectory) return false
  const { components } = pattern
  const offset = names.length - components.length
  if (offset < 0 || (pattern.anchored && offset !== 0)) return false
  // From the end: the last name tells most patterns apart.
  for (let i = components.length - 1; i >= 0; i--) {
    const name = names[offset + i]
    if (name === undefined || components[i]?.(name) !== true) return false
  }
  return true
}

function mayMatchBelow(pattern: Pattern, names: readonly Path[]): boolean {
  if (!pattern.anchored) return true
  if (names.length >= pattern.components.length) return false
  return names.every((name, i) => pattern.components[i]?.(name) === true)
}

function compileComponent(text: string): (name: Path) => boolean {
  if (!/[*?[\\]/.test(text)) return (name) => name === text
  const expression = new RegExp(`^${translate(text)}$`, 'su')
  return (name) => expression.test(name)
}

/**
 * What stands between two `*` is looked for once, and where it is found first it stays (a lookahead is never entered again), else a name of
 * 255 letters would be tried for years against a pattern of twenty `*`.
 */
function translate(text: string): string {
  const [first = '', ...rest] = piecesBetweenStars(text)
  const last = rest.pop()
  if (last === undefined) return first
  const middle = rest.filter((piece) => piece !== '')
  return `${first}${middle.map((piece, at) => `(?=(?<p${at}>.*?${piece}))\\k<p${at}>`).join('')}.*${last}`
}

/** Each is an expression for texts of one length. */
function piecesBetweenStars(text: string): string[] {
  const pieces: string[] = []
  let source = ''
  for (let at = 0; at < text.length;) {
    const char = String.fromCodePoint(text.codePointAt(at) as number)
    at += char.length
    if (char === '*') {
      pieces.push(source)
      source = ''
    } else if (char === '?') source += '.'
    else if (char === '[') {
      const set = readSet(text, at)
      source += set?.source ?? '\\['
      at = set?.end ?? at
    } else if (char === '\\' && at < text.length) {
      const literal = String.fromCodePoint(text.codePointAt(at) as number)
      source += escapeForExpression(literal)
      at += literal.length
    } else source += escapeForExpression(char)
  }
  return [...pieces, source]
}

/** A `[…]` set whose content starts at `start`; `undefined` when it is never closed, and the bracket is a plain one. */
function readSet(text: string, start: number): { readonly source: string; readonly end: number } | undefined {
  const negated = text[start] === '!' || text[start] === '^'
  const first = negated ? start + 1 : start
  // A `]` in the first place belongs to the set.
  const end = text.indexOf(']', first + 1)
  if (end < 0) return undefined
  const body = [...text.slice(first, end)].map((c) => (c === '-' ? c : escapeForExpression(c))).join('')
  const safe = orderedRanges(text.slice(first, end)) ? body : body.replaceAll('-', '\\-')
  return { source: `[${negated ? '^' : ''}${safe}]`, end: end + 1 }
}

/** Whether every `a-z` in the set runs upward; a set with one that does not is taken character by character. */
function orderedRanges(body: string): boolean {
  const chars = [...body]
  return chars.every((c, i) => {
    const from = chars[i - 1]
    const to = chars[i + 1]
    return (
      c !== '-' ||
      from === undefined ||
      to === undefined ||
      (from.codePointAt(0) ?? 0) <= (to.codePointAt(0) ?? 0)
    )
  })
}

function escapeForExpression(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char
}
