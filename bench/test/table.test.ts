import t from 'tap'
import { toRow } from '../src/rows.ts'
import { formatTable, formatValue } from '../src/table.ts'

t.test('columns stand below one another: case, ours, peer, ratio, goal', async (t) => {
  const goal = { of: 'ratio', atMost: 1.3 } as const
  const figures = [
    { case: 'big', metric: 'time', value: 2.5, unit: 's', peer: { name: 'tar', value: 2 }, goal },
    { case: 'big', metric: 'memory', value: 180.4, unit: 'MiB', goal: { of: 'value', atMost: 100 } } as const,
    { case: 'small files', metric: 'time', value: 12, unit: 's' },
  ]
  const rows = figures.map((figure) => toRow('backup', figure, true))
  t.equal(
    formatTable([...rows, toRow('backup', { ...figures[0], case: 'quick' } as never, false)]),
    [
      'case               ours     peer          ratio  goal',
      'big, time          2.50 s   2.00 s (tar)  1.25   ratio <= 1.3  holds',
      'big, memory        180 MiB  –             –      value <= 100  MISSED',
      'small files, time  12.0 s   –             –',
      'quick, time        2.50 s   2.00 s (tar)  1.25   ratio <= 1.3  not judged',
    ].join('\n'),
  )
})

t.test('three digits that count', async (t) => {
  t.equal(formatValue(0, 's'), '0 s')
  t.equal(formatValue(0.012345, 's'), '0.0123 s')
  t.equal(formatValue(99.95, 'MB/s'), '100.0 MB/s'.replace('100.0', '100'))
  t.equal(formatValue(12345.6, ''), '12346')
})
