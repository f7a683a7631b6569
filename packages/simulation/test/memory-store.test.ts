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
