import assert from 'node:assert/strict'
import { pathFromBytes } from '@nb/contracts'
import fc from 'fast-check'
import t from 'tap'
import { Automaton } from '../src/search/automaton.ts'
import { parseGlob } from '../src/search/parse-glob.ts'
import { parseRegex } from '../src/search/parse-regex.ts'
import { compile } from '../src/search/program.ts'

const glob = (text: string, ignoreCase = false): Automaton =>
  new Automaton(compile('glob', parseGlob(text, ignoreCase)))
const regex = (text: string, ignoreCase = false): Automaton =>
  new Automaton(compile('regex', parseRegex(text, ignoreCase)))

/** Which of some paths match, asked in order with what they share, as a list is read. */
function found(matcher: Automaton, paths: readonly (string | Buffer)[]): string[] {
  let before: Buffer = Buffer.alloc(0)
  return paths
    .map((path) => (typeof path === 'string' ? Buffer.from(path) : path))
    .filter((path) => {
      let shared = 0
      while (shared < path.length && path[shared] === before[shared]) shared++
      before = path
      return matcher.matches(path, path.length, shared)
    })
    .map((path) => path.toString('latin1'))
}

const paths = [
  '/',
  '/a',
  '/a/b.c',
  '/a/b.c/d',
  '/a/x/b.c',
  '/a/x/y/b.c',
  '/b.c',
  '/src/a.ts',
  '/w/src/a.ts',
  '/w/src/q/a.ts',
]

t.test('globs without a slash are of names', (t) => {
  t.same(found(glob('*.c'), paths), ['/a/b.c', '/a/x/b.c', '/a/x/y/b.c', '/b.c'])
  t.same(found(glob('b.c'), paths), ['/a/b.c', '/a/x/b.c', '/a/x/y/b.c', '/b.c'])
  t.same(
    found(glob('?'), paths),
    ['/a', '/a/b.c/d'].filter((path) => path !== '/'),
  )
  t.same(
    found(glob('[a-c]*'), paths),
    paths.filter((path) => /\/[abc][^/]*$/.test(path)),
  )
  t.same(found(glob('[!a-c]'), paths), ['/a/b.c/d'])
  t.same(found(glob('B.C', true), ['/x/b.c', '/x/B.c']), ['/x/b.c', '/x/B.c'])
  t.same(found(glob('\\*'), ['/*', '/a']), ['/*'])
  t.same(found(glob('[]]'), ['/]', '/a']), ['/]'])
  t.end()
})

t.test('globs with a slash are of whole paths, or of their ends', (t) => {
  t.same(found(glob('/a/*'), paths), ['/a/b.c'])
  t.same(found(glob('/a/**'), paths), ['/a/b.c', '/a/b.c/d', '/a/x/b.c', '/a/x/y/b.c'])
  t.same(found(glob('/a/**/b.c'), paths), ['/a/b.c', '/a/x/b.c', '/a/x/y/b.c'])
  t.same(found(glob('src/*.ts'), paths), ['/src/a.ts', '/w/src/a.ts'])
  t.same(found(glob('src/**/*.ts'), paths), ['/src/a.ts', '/w/src/a.ts', '/w/src/q/a.ts'])
  t.same(found(glob('**'), paths), paths)
  t.end()
})

t.test('bytes that are not UTF-8 are one character each, and can be named', (t) => {
  const strange = [
    Buffer.from('/\xe9', 'latin1'),
    Buffer.from('/\xff', 'latin1'),
    Buffer.from('/é'),
    Buffer.from('/éé'),
  ]
  t.same(
    found(glob('?'), strange),
    [strange[0], strange[1], strange[2]].map((path) => path?.toString('latin1')),
  )
  t.same(found(glob('\\xe9'), strange), ['/\xe9'])
  t.same(found(regex('^/\\xe9$'), strange), ['/\xe9'])
  t.same(found(regex('^/[\\x80-\\xff]$'), strange), ['/\xe9', '/\xff'])
  t.same(found(glob('é'), strange), [strange[2]?.toString('latin1')])
  t.same(found(glob('É', true), strange), [strange[2]?.toString('latin1')])
  t.same(found(regex('/..$'), strange), [strange[3]?.toString('latin1')])
  t.end()
})

t.test('what is no pattern is refused, and says why', (t) => {
  for (const text of ['', '[', '[a', 'a\\', 'dir/', '[z-a]', 'x'.repeat(1001)])
    t.throws(() => glob(text), { code: 'argument-invalid' }, text.slice(0, 20))
  for (const text of [
    '',
    '(',
    ')',
    '[a',
    'a\\',
    '*',
    'a**',
    '(?=a)',
    '(?<!a)',
    '\\1',
    '\\k',
    '\\bfoo',
    '\\p{L}',
    'a{2,1}',
    'a{1001}',
    '{',
    '^*',
    '\\u{110000}',
    '((a{1000}){1000})',
    '('.repeat(300),
  ])
    t.throws(() => regex(text), { code: 'argument-invalid' }, text.slice(0, 20))
  t.doesNotThrow(() => regex('(((){1000}){1000}){1000}'))
  t.end()
})

/** Patterns of a grammar that JavaScript has too. */
const { source } = fc.letrec<{ source: string; atom: string }>((tie) => ({
  source: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    tie('atom'),
    fc.tuple(tie('source'), tie('source')).map(([a, b]) => a + b),
    fc.tuple(tie('source'), tie('source')).map(([a, b]) => `(?:${a}|${b})`),
    fc
      .tuple(tie('source'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{0,}', '*?'))
      .map(([a, q]) => `(?:${a})${q}`),
  ),
  atom: fc.constantFrom(
    'a',
    'b',
    '/',
    '.',
    '[ab]',
    '[^a]',
    '\\w',
    '\\W',
    '\\d',
    'é',
    '[à-ü]',
    '^',
    '$',
    '\u{1f600}',
    '\\xe9',
    '[^/]',
  ),
}))
/** Paths of a list are never empty. */
const pathBytes = fc
  .array(fc.constantFrom('a', 'b', '/', 'é', 'ü', '1', '\u{1f600}', '\udce9', '\udcff', '\n'), {
    minLength: 1,
    maxLength: 8,
  })
  .map((chars) =>
    Buffer.concat(
      chars.map((char) =>
        /[\udc80-\udcff]/.test(char) && char.length === 1
          ? Buffer.from([char.charCodeAt(0) - 0xdc00])
          : Buffer.from(char),
      ),
    ),
  )

t.test('a regular expression finds what JavaScript finds, whatever the paths share', (t) => {
  fc.assert(
    fc.property(
      source,
      fc.array(pathBytes, { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      (text, list, ignoreCase) => {
        const sorted = [...list].sort((a, b) => a.compare(b))
        const expression = new RegExp(text.replaceAll('\\xe9', '\\udce9'), ignoreCase ? 'sui' : 'su')
        const expected = sorted
          .filter((path) => expression.test(pathFromBytes(path)))
          .map((path) => path.toString('latin1'))
        assert.deepEqual(found(regex(text, ignoreCase), sorted), expected)
      },
    ),
    { numRuns: 600 },
  )
  t.end()
})

t.test('no pattern takes long: those that make others run for ever', (t) => {
  const long = Buffer.from(`/${'a'.repeat(4000)}`)
  for (const text of [
    '(a+)+b',
    '(a|a)*b',
    '(a*)*b$',
    '(.*)(.*)(.*)(.*)x',
    'a{0,1000}a{0,1000}b',
    '(.|..|...)*z',
  ]) {
    t.equal(regex(text).matches(long, long.length, 0), false, text)
  }
  // So many states that they are forgotten again and again.
  const many = regex('a.{40}b')
  let count = 0
  for (let seed = 1, round = 0; round < 600; round++) {
    const path = Buffer.from(
      `/${Array.from({ length: 60 }, () => ((seed = (seed * 48271) % 2147483647) % 2 ? 'a' : 'b')).join('')}`,
    )
    const isMatch = many.matches(path, path.length, 1)
    if (isMatch !== /a.{40}b/.test(path.toString())) t.fail(path.toString())
    count += isMatch ? 1 : 0
  }
  t.ok(count > 100, `${count} of 600`)
  t.end()
})
