import t from 'tap'
import { type Contender, alternate } from '../src/alternate.ts'

t.test('contenders take turns, each round begins with another, and medians are of each', async (t) => {
  const order: string[] = []
  const took: Record<string, number[]> = { a: [5, 1, 3], b: [10, 30, 20] }
  const contender = (name: 'a' | 'b'): Contender<'a' | 'b'> => ({
    name,
    run: async () => {
      order.push(name)
      const wallMs = took[name]?.shift() ?? 0
      return { wallMs, cpuMs: wallMs * 2, peakBytes: wallMs * 3 }
    },
    reset: async () => void order.push(`${name} reset`),
  })
  const told: string[] = []
  const medians = await alternate([contender('a'), contender('b')], {
    rounds: 3,
    settle: async () => void order.push('settled'),
    tell: (line) => told.push(line),
  })
  t.same(
    order.filter((each) => !each.endsWith('reset') && each !== 'settled'),
    ['a', 'b', 'b', 'a', 'a', 'b'],
  )
  t.same(
    order.slice(0, 6),
    ['settled', 'a', 'a reset', 'settled', 'b', 'b reset'],
    'everything is as it was, and at rest, before each',
  )
  t.same(Object.fromEntries(medians), {
    a: { wallMs: 3, cpuMs: 6, peakBytes: 9 },
    b: { wallMs: 20, cpuMs: 40, peakBytes: 60 },
  })
  t.equal(told.length, 6)
})

t.test('each follows on each other one as often, so that what one leaves behind meets all', async (t) => {
  for (const names of ['abc', 'abcd', 'abcde']) {
    const order: string[] = []
    const contenders = [...names].map((name) => ({
      name,
      run: async () => (order.push(name), { wallMs: 0, cpuMs: 0, peakBytes: 0 }),
    }))
    const rounds = 5
    await alternate(contenders, { rounds, warmUp: true })
    t.equal(order.length, (rounds + 1) * names.length)
    const pairs = new Map<string, number>()
    for (const [place, name] of order.entries()) {
      const before = order[place - 1]
      if (before !== undefined) pairs.set(before + name, (pairs.get(before + name) ?? 0) + 1)
    }
    t.ok(Math.max(...pairs.values()) <= Math.ceil((rounds + 1) / (names.length - 1)) + 1, names)
    for (let round = 0; round <= rounds; round++)
      t.equal(
        order
          .slice(round * names.length, (round + 1) * names.length)
          .sort()
          .join(''),
        names,
        'all take part in each round',
      )
  }
})

t.test('a warm-up run counts for nothing', async (t) => {
  const took = [1000, 2, 4]
  const run = async () => ({ wallMs: took.shift() ?? 0, cpuMs: 0, peakBytes: 0 })
  const medians = await alternate([{ name: 'a', run }], { rounds: 2, warmUp: true })
  t.equal(medians.get('a')?.wallMs, 3)
  t.same(took, [])
})
