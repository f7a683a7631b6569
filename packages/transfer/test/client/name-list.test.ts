import fc from 'fast-check'
import t from 'tap'
import { type NameList, NameCollector } from '../../src/client/name-list.ts'

function listOf(names: readonly Uint8Array[], collector = new NameCollector()): NameList {
  for (const name of names) {
    const source = Buffer.concat([Buffer.from('before'), name, Buffer.from('behind')])
    collector.add(source, 6, 6 + name.length)
  }
  return collector.take()
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
  const collector = new NameCollector()
  fc.assert(
    fc.property(names, (given) => {
      const list = listOf(given, collector)
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
      const few = kept.filter((name) => name.length % 2 === 0)
      t.same(
        all(few),
        wanted.filter((name) => name.length % 2 === 0),
      )
    }),
    { numRuns: 100 },
  )
})

t.test(
  'a directory whose names fill many pieces of memory is one list, and the next begins anew',
  async (t) => {
    const collector = new NameCollector()
    const many = Array.from({ length: 30_000 }, (_, number) =>
      Buffer.from(`${'x'.repeat(number % 100)}${(number * 7919) % 30_000}`),
    )
    const list = listOf(many, collector).sort()
    t.ok(Buffer.concat(all(list)).equals(Buffer.concat(sorted(many))))
    t.same(all(listOf([Buffer.from('a')], collector)), [Buffer.from('a')])
    t.equal(listOf([], collector).length, 0)
  },
)

t.test('names that are alike for long are sorted without going deep', async (t) => {
  const given = Array.from({ length: 255 }, (_, number) => Buffer.alloc(255 - number, 0x61))
  t.same(all(listOf(given).sort()), sorted(given))
})
