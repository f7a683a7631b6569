import fc from 'fast-check'
import t from 'tap'
import { comparePaths, isWithin } from '../../src/index.ts'
import { absolutePath } from '../support/arbitraries.ts'
import { holds } from '../support/holds.ts'

/** The order as its definition says it: component by component, bytewise. */
function byComponents(a: Buffer, b: Buffer): number {
  const left = components(a)
  const right = components(b)
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const order = Buffer.compare(left[index] ?? Buffer.alloc(0), right[index] ?? Buffer.alloc(0))
    if (order !== 0) return order
  }
  return Math.sign(left.length - right.length)
}

function components(path: Buffer): Buffer[] {
  return path
    .toString('latin1')
    .split('/')
    .filter((part) => part !== '')
    .map((part) => Buffer.from(part, 'latin1'))
}

t.test('paths are ordered by components', (t) => {
  holds(
    t,
    1000,
    fc.property(absolutePath, absolutePath, (a, b) => Math.sign(comparePaths(a, b)) === byComponents(a, b)),
  )
  const sorted = ['/', '/a', '/a/z', '/a/z/y', '/a-b', '/a.b', '/ab', '/b']
  t.same(
    [...sorted].reverse().sort((a, b) => comparePaths(Buffer.from(a), Buffer.from(b))),
    sorted,
  )
  t.end()
})

t.test('what is within a directory', (t) => {
  const within = (path: string, directory: string): boolean =>
    isWithin(Buffer.from(path), Buffer.from(directory))
  t.ok(within('/a', '/a'))
  t.ok(within('/a/b', '/a'))
  t.ok(within('/a/b', '/'))
  t.notOk(within('/ab', '/a'))
  t.notOk(within('/', '/a'))
  t.end()
})
