import { comparePaths, isWithin } from '@nb/formats'
import fc from 'fast-check'
import t from 'tap'
import { mergeRoots, normalizeRoot, splitPath } from '../../src/client/roots.ts'

const b = (text: string): Buffer => Buffer.from(text)

t.test('a root has one form', async (t) => {
  for (const [given, normal] of [
    ['/', '/'],
    ['//a///b/', '/a/b'],
    ['/a/./b/.', '/a/b'],
    ['/.', '/'],
  ] as const) {
    t.equal(normalizeRoot(b(given))?.toString(), normal)
  }
  for (const bad of ['', 'a', 'a/b', '/a/../b', '/..', '/a\0b'])
    t.equal(normalizeRoot(b(bad)), undefined, JSON.stringify(bad))
})

t.test('roots are sorted, given once, and none lies in another', async (t) => {
  const merged = mergeRoots(['/b', '/a/x', '/a', '/a-b', '/a', '/a/x/y'].map(b), { comparePaths, isWithin })
  t.strictSame(merged.roots.map(String), ['/a', '/a-b', '/b'])
  t.strictSame(merged.inner.map(String), ['/a/x', '/a/x/y'])
})

t.test('merging loses no root and keeps order', async (t) => {
  const path = fc
    .array(fc.constantFrom('a', 'b', 'a-', 'ab'), { maxLength: 4 })
    .map((names) => b(`/${names.join('/')}`))
  fc.assert(
    fc.property(fc.array(path, { minLength: 1, maxLength: 8 }), (paths) => {
      const { roots, inner } = mergeRoots(paths, { comparePaths, isWithin })
      for (const p of paths) t.ok(roots.some((root) => isWithin(p, root)))
      roots.slice(1).forEach((root, i) => t.ok(comparePaths(roots[i] as Buffer, root) < 0))
      for (const root of roots) t.equal(roots.filter((other) => isWithin(root, other)).length, 1)
      for (const p of inner) t.ok(paths.some((given) => given.equals(p)))
    }),
    { numRuns: 100 },
  )
})

t.test('names along a path', async (t) => {
  t.strictSame(splitPath(b('/')).map(String), [])
  t.strictSame(splitPath(b('/a/bc')).map(String), ['a', 'bc'])
})
