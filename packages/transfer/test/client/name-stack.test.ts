import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { NameList } from '../../src/client/name-list.ts'
import { NameStack } from '../../src/client/name-stack.ts'

function listOf(names: readonly Uint8Array[], stack = new NameStack()): NameList {
  stack.begin()
  for (const name of names) {
    const source = Buffer.concat([Buffer.from('before'), name, Buffer.from('behind')])
    stack.add(source, 6, 6 + name.length)
  }
  return stack.take()
}

const all = (list: NameList): Buffer[] => Array.from({ length: list.length }, (_, index) => list.at(index))

const sorted = (names: readonly Uint8Array[]): Buffer[] =>
  names.map((name) => Buffer.from(name)).sort((a, b) => Buffer.compare(a, b))

/** Names with much in common, all different. */
const names = fc
  .uniqueArray(fc.array(fc.constantFrom(1, 0x2f, 0x61, 0x62, 0xfe, 0xff), { minLength: 1, maxLength: 8 }), {
    maxLength: 200,
    selector: (bytes) => bytes.join(),
  })
  .map((many) => many.map((bytes) => Uint8Array.from(bytes)))

t.test('names are sorted by their bytes and found again', async (t) => {
  const stack = new NameStack()
  fc.assert(
    fc.property(names, (given) => {
      const list = listOf(given, stack)
      t.same(
        all(list),
        given.map((name) => Buffer.from(name)),
      )
      const wanted = sorted(given)
      const kept = list.sort()
      t.same(all(kept), wanted)
      wanted.forEach((name, index) => {
        if (kept.lengthAt(index) !== name.length || kept.firstAfter(name) !== index + 1)
          throw new Error(`${name.toString('hex')} is not found`)
      })
      const few = kept.keep((name) => name.length % 2 === 0)
      t.same(
        all(few),
        wanted.filter((name) => name.length % 2 === 0),
      )
    }),
    { numRuns: 100 },
  )
})

t.test(
  'a directory whose names fill many pieces of memory is one list, and the next lies above it',
  async (t) => {
    const stack = new NameStack()
    const many = Array.from({ length: 30_000 }, (_, number) =>
      Buffer.from(`${'x'.repeat(number % 100)}${(number * 7919) % 30_000}`),
    )
    const list = listOf(many, stack).sort()
    t.ok(Buffer.concat(all(list)).equals(Buffer.concat(sorted(many))))
    const above = listOf([Buffer.from('a')], stack)
    t.equal(listOf([], stack).length, 0)
    t.same(all(above), [Buffer.from('a')])
    t.ok(Buffer.concat(all(list)).equals(Buffer.concat(sorted(many))))
  },
)

t.test('names that are alike for long are sorted without going deep', async (t) => {
  const given = Array.from({ length: 255 }, (_, number) => Buffer.alloc(255 - number, 0x61))
  t.same(all(listOf(given).sort()), sorted(given))
})

t.test('names stay until they are released, whatever is read and released after them', (t) => {
  const steps = fc.array(fc.oneof(names, fc.constant('release'), fc.constant('broken off')), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(steps, (given) => {
      const stack = new NameStack()
      const open: { readonly list: NameList; readonly wanted: readonly Buffer[] }[] = []
      for (const step of given) {
        if (step === 'release') open.pop()?.list.release()
        else if (step === 'broken off') {
          stack.begin()
          stack.add(Buffer.from('half'), 0, 4)
        } else open.push({ list: listOf(step, stack).sort(), wanted: sorted(step) })
        for (const { list, wanted } of open) assert.deepEqual(all(list), wanted)
      }
    }),
    { numRuns: 100 },
  )
  t.end()
})

t.test('what many names took is given back when they are released', (t) => {
  const stack = new NameStack()
  const below = listOf([Buffer.from('below')], stack)
  const many = listOf(
    Array.from({ length: 600_000 }, (_, number) => Buffer.from(`name ${number}`)),
    stack,
  )
  t.ok(stack.chunks.length > 20 && stack.places.length > 600_000)
  many.release()
  t.ok(stack.chunks.length < 8 && stack.places.length < 600_000)
  t.equal(many.length, 0)
  t.same(all(below), [Buffer.from('below')])
  t.end()
})
