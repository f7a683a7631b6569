import t from 'tap'
import { type Figure, describeGoal, toRow } from '../src/rows.ts'

const figure: Figure = { case: 'big files', metric: 'wall time', value: 3, unit: 's' }
const beside = { ...figure, peer: { name: 'tar', value: 2 } }

t.test('a row has every field, with null where there is nothing to say', async (t) => {
  t.same(toRow('backup', figure, true), {
    bench: 'backup',
    case: 'big files',
    metric: 'wall time',
    value: 3,
    unit: 's',
    peer: null,
    peerValue: null,
    ratio: null,
    goal: null,
    holds: null,
  })
  t.same(Object.keys(toRow('backup', beside, true)), Object.keys(toRow('backup', figure, true)))
})

t.test('the ratio is ours by the peer’s, and a goal holds up to its bound', async (t) => {
  const row = (atMost: number, judged = true) =>
    toRow('backup', { ...beside, goal: { of: 'ratio', atMost } }, judged)
  t.match(row(1.3), { ratio: 1.5, goal: 'ratio <= 1.3', holds: false })
  t.match(row(1.5), { holds: true })
  t.match(row(1.3, false), { goal: 'ratio <= 1.3', holds: null }, 'a quick run judges nothing')
})

t.test('a goal can be on the figure itself, from both sides', async (t) => {
  const goal = { of: 'value', atLeast: 2, atMost: 4 } as const
  t.match(toRow('backup', { ...beside, goal }, true), { holds: true, goal: 'value >= 2 and <= 4' })
  t.match(toRow('backup', { ...beside, value: 5, goal }, true), { holds: false })
  t.equal(describeGoal({ of: 'ratio', atLeast: 0.8 }), 'ratio >= 0.8')
})

t.test('a goal on a ratio without a peer to divide by is not judged', async (t) => {
  const goal = { of: 'ratio', atMost: 1 } as const
  t.match(toRow('backup', { ...figure, goal }, true), { ratio: null, holds: null })
  t.match(toRow('backup', { ...beside, peer: { name: 'tar', value: 0 }, goal }, true), {
    ratio: null,
    holds: null,
  })
})
