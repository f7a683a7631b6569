import t from 'tap'
import { seededRandom } from '@nb/test-kit'
import { createMemoryStore } from '@nb/simulation'

t.test(
  'a store answers like a sorted list, with sublevels, ranges, limits and both directions',
  async (t) => {
    const random = seededRandom(3)
    const store = createMemoryStore()
    await store.open()
    const part = store.sublevel('part')
    await store.put('outside', 'x')
    const model = new Map<string, string>()
    const key = (): string => String(Math.floor(random() * 3000)).padStart(4, '0')
    for (let step = 0; step < 4000; step++) {
      const [name, value] = [key(), String(step)]
      if (random() < 0.7) {
        await part.put(name, value)
        model.set(name, value)
      } else {
        await part.del(name)
        model.delete(name)
      }
    }
    const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1))
    t.same(await part.iterator().all(), sorted)
    t.same(await part.iterator({ reverse: true }).all(), [...sorted].reverse())
    for (let count = 0; count < 200; count++) {
      const [low, high] = [key(), key()].sort() as [string, string]
      const inside = sorted.filter(([name]) => name > low && name <= high)
      t.same(await part.iterator({ gt: low, lte: high }).all(), inside)
      t.same(await part.iterator({ gte: low, lt: high, reverse: true, limit: 3 }).all(), [
        ...sorted
          .filter(([name]) => name >= low && name < high)
          .reverse()
          .slice(0, 3),
      ])
    }
    t.equal(await part.get('0000x'), undefined)
    t.equal(await part.has(sorted[0]?.[0] ?? ''), true)
    await part.batch([
      { type: 'put', key: 'new', value: '1' },
      { type: 'del', key: sorted[0]?.[0] ?? '' },
    ])
    t.same(await part.getMany(['new', sorted[0]?.[0] ?? '']), ['1', undefined])
    const seen: string[] = []
    for await (const name of part.keys({ limit: 5 })) {
      seen.push(name)
      await part.del(name)
    }
    t.equal(seen.length, 5)
    await part.clear()
    t.same(await part.keys().all(), [])
    t.same(await store.keys().all(), ['outside'])
    await store.close()
  },
)

t.test('a batch takes an encoding for all or for one, and all of it or nothing', async (t) => {
  const store = createMemoryStore()
  await store.open()
  const part = store.sublevel<string, { a: number }>('part', { valueEncoding: 'json' })
  await store.batch([{ type: 'put', key: 'a', value: { a: 1 } }], { valueEncoding: 'json' })
  t.equal(await store.get('a'), '{"a":1}')
  const own = { type: 'put', key: 'b', value: { a: 2 }, sublevel: part, valueEncoding: 'json' } as const
  await store.batch([own as never], { snapshot: undefined } as never)
  t.same(await part.get('b'), { a: 2 })
  const round: { self?: unknown } = {}
  round.self = round
  const bad: readonly [unknown, object?][] = [
    [{ type: 'put', key: 'c', value: 'x', valueEncoding: 'view' }],
    [{ type: 'put', key: 'c', value: round, valueEncoding: 'json' }],
    [{ type: 'put', key: 'c', value: 'x' }, { keyEncoding: 'view' }],
  ]
  for (const [operation, options] of bad) {
    await t.rejects(store.batch([{ type: 'del', key: 'a' }, operation as never], options as never), TypeError)
    t.equal(await store.get('a'), '{"a":1}', 'nothing of it is done')
  }
  await store.close()
  await t.rejects(store.batch([{ type: 'del', key: 'a' }]), { code: 'LEVEL_DATABASE_NOT_OPEN' })
})

t.test('a store that keeps nothing takes everything', async (t) => {
  const store = createMemoryStore({ keeps: 'nothing' })
  await store.open()
  const part = store.sublevel<string, object>('part', { valueEncoding: 'json' })
  await part.put('a', {})
  await part.put('b', {}, { keyEncoding: 'utf8' })
  await store.batch([{ type: 'put', key: 'c', value: 'x' }])
  await part.del('a')
  t.same(await part.keys().all(), [])
  t.equal(await part.get('b'), undefined)
  t.equal(await store.get('c'), undefined)
  await store.close()
})
