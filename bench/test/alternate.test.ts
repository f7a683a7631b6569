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

t.test('a warm-up run counts for nothing', async (t) => {
  const took = [1000, 2, 4]
  const run = async () => ({ wallMs: took.shift() ?? 0, cpuMs: 0, peakBytes: 0 })
  const medians = await alternate([{ name: 'a', run }], { rounds: 2, warmUp: true })
  t.equal(medians.get('a')?.wallMs, 3)
  t.same(took, [])
})
