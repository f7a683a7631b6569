import assert from 'node:assert/strict'
import { type Path, type RestoreTarget, pathFromBytes, toPath } from '@nb/contracts'
import { comparePaths, isWithin } from '@nb/formats'
import { numberSetting } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { keepsOrder, pathMapping } from '../src/path-mapping.ts'

const numRuns = process.env['NB_LONG'] === '1' ? 20_000 : 1000
const seed = numberSetting('NB_SEED', Date.now() % 1_000_000)
if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)
t.comment(`seed ${seed}, ${numRuns} runs a property`)

/** Names of few letters, so that paths meet; one of them is not UTF-8. */
const name = fc
  .array(fc.constantFrom(0x61, 0x62, 0x2d, 0xff), { minLength: 1, maxLength: 2 })
  .map((bytes) => Buffer.from(bytes))
const path = fc
  .array(name, { minLength: 0, maxLength: 4 })
  .map((names) => Buffer.from(`/${names.map((each) => each.toString('latin1')).join('/')}`, 'latin1'))
const asPath = path.map((bytes) => pathFromBytes(bytes))

function target(changes: object): RestoreTarget {
  return { kind: 'directory', directory: toPath('/t'), ...changes }
}

function lands(changes: object, from: string): string {
  return pathMapping(target(changes))(Buffer.from(from)).toString()
}

t.test('strip takes whole components off the front', async (t) => {
  t.equal(lands({}, '/srv/a'), '/srv/a', 'without it the whole path is kept below the target')
  t.equal(lands({ strip: '/srv' }, '/srv/a/b'), '/a/b')
  t.equal(lands({ strip: '/srv' }, '/srv'), '/', 'the directory itself becomes the target')
  t.equal(lands({ strip: '/srv/' }, '/srv/a'), '/a', 'a slash at the end means nothing')
  t.throws(() => lands({ strip: '/srv' }, '/srvice/a'), {
    code: 'argument-invalid',
    message: /target.strip \/srv is not in front of \/srvice\/a/,
    details: { field: 'target.strip' },
  })
})

t.test('the longest rename wins, and what it renames takes along what is below', async (t) => {
  const rename = [
    { from: '/a', to: '/x' },
    { from: '/a/b', to: '/y/z' },
    { from: '/c', to: '/' },
  ]
  t.equal(lands({ rename }, '/a'), '/x')
  t.equal(lands({ rename }, '/a/d'), '/x/d')
  t.equal(lands({ rename }, '/a/b'), '/y/z')
  t.equal(lands({ rename }, '/a/b/e'), '/y/z/e')
  t.equal(lands({ rename }, '/ab'), '/ab')
  t.equal(lands({ rename }, '/c/f'), '/f', 'a directory can become the target')
  t.equal(lands({ rename: [{ from: '/', to: '/all' }] }, '/a'), '/all/a')
  t.throws(() => lands({ rename: [...rename, { from: '/a/', to: '/q' }] }, '/a'), {
    code: 'argument-invalid',
    message: /names \/a twice/,
  })
})

t.test('no place is outside the target, whatever is asked for', async (t) => {
  for (const bad of ['', 'a', './a', '/a/..', '/a/./b', '/a//b', '/../a', '/a\0b', '///']) {
    for (const changes of [
      { directory: bad },
      { strip: bad },
      { rename: [{ from: bad, to: '/a' }] },
      { rename: [{ from: '/a', to: bad }] },
    ])
      t.throws(() => pathMapping(target(changes)), { code: 'argument-invalid' }, JSON.stringify(changes))
  }
})

t.test('where a path lands is what strip and renames say, byte by byte', async () => {
  fc.assert(
    fc.property(
      path,
      asPath,
      fc.uniqueArray(asPath, { maxLength: 3 }),
      asPath,
      (from, strip, renamed, to) => {
        const mapping = pathMapping(target({ strip, rename: renamed.map((each) => ({ from: each, to })) }))
        const expected = reference(from.toString('latin1'), latin1(strip), renamed.map(latin1), latin1(to))
        if (expected === undefined) {
          assert.throws(() => mapping(from), { code: 'argument-invalid' })
          return
        }
        const found = mapping(from)
        assert.equal(found.toString('latin1'), expected)
      },
    ),
    { numRuns, seed },
  )
})

t.test('without renames the order of paths is kept, and what was within stays within', async () => {
  fc.assert(
    fc.property(path, path, asPath, (a, b, strip) => {
      const plain = target({ strip })
      if (!keepsOrder(plain)) throw new Error('it should keep the order')
      const front = Buffer.from(latin1(strip), 'latin1')
      if (!isWithin(a, front) || !isWithin(b, front)) return
      const mapping = pathMapping(plain)
      const [before, after] = [comparePaths(a, b), comparePaths(mapping(a), mapping(b))]
      if (Math.sign(before) !== Math.sign(after)) throw new Error(`${before} became ${after}`)
      if (isWithin(a, b) !== isWithin(mapping(a), mapping(b))) throw new Error('nesting changed')
    }),
    { numRuns, seed },
  )
})

/** The same in other words: on arrays of components. */
function reference(from: string, strip: string, renamed: readonly string[], to: string): string | undefined {
  const below = rest(components(from), components(strip))
  if (below === undefined) return undefined
  const longestFirst = [...renamed].sort((a, b) => components(b).length - components(a).length)
  for (const each of longestFirst) {
    const left = rest(below, components(each))
    if (left !== undefined) return `/${[...components(to), ...left].join('/')}`
  }
  return `/${below.join('/')}`
}

function rest(path: readonly string[], front: readonly string[]): string[] | undefined {
  return front.every((name, index) => path[index] === name) ? path.slice(front.length) : undefined
}

function components(path: string): string[] {
  return path.split('/').filter((each) => each !== '')
}

function latin1(path: Path): string {
  return [...path].map((char) => String.fromCharCode(((char.codePointAt(0) ?? 0) & 0xff) >>> 0)).join('')
}
