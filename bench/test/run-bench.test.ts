import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Bench } from '../src/bench.ts'
import { movingFigures } from '../src/figures.ts'
import { leftovers } from '../src/leftovers/leftovers.ts'
import { runBench } from '../src/run-bench.ts'

t.test('a bench gets a folder of its own, which is gone afterwards, also when it fails', async (t) => {
  const base = t.testdir({})
  leftovers.open(base)
  const folders: string[] = []
  const children: ChildProcess[] = []
  const bench: Bench = {
    name: 'sample',
    about: 'a sample',
    run: async ({ workDirectory, quick }) => {
      folders.push(workDirectory)
      writeFileSync(join(workDirectory, 'data'), 'x')
      children.push(leftovers.own(spawn('sleep', ['60'])))
      if (!quick) throw new Error('the disk is full')
      return [{ case: 'one', metric: 'size', value: 1, unit: 'B', goal: { of: 'value', atMost: 0 } }]
    },
  }
  const options = { tell: () => undefined }
  const rows = await runBench(bench, { ...options, quick: true })
  t.match(rows, [{ bench: 'sample', goal: 'value <= 0', holds: null }], 'a quick run judges nothing')
  await t.rejects(runBench(bench, { ...options, quick: false }), /disk is full/)
  t.ok(folders.every((folder) => folder.startsWith(base) && !existsSync(folder)))
  t.match(children, [{ signalCode: 'SIGTERM' }, { signalCode: 'SIGTERM' }], 'what it has started is stopped')
  await leftovers.end()
  t.same(readdirSync(base), [])
})

t.test(
  'figures of moved data: each peer’s time, processor time, and peak memory with its goal',
  async (t) => {
    const run = (wallMs: number) => ({ wallMs, cpuMs: wallMs / 2, peakBytes: wallMs * 1024 * 1024 })
    const runs = new Map([
      ['nb', run(300)],
      ['tar', run(200)],
      ['pax', run(400)],
    ] as const)
    const figures = movingFigures('big', runs, {
      ours: 'nb',
      peers: ['tar', 'pax'],
      goals: [{ peer: 'tar', mostRatio: 1.3 }],
    })
    t.same(
      figures.map(({ metric, value, peer, goal }) => [metric, value, peer?.name, peer?.value, goal?.of]),
      [
        ['wall time', 0.3, 'tar', 0.2, 'ratio'],
        ['wall time', 0.3, 'pax', 0.4, undefined],
        ['processor time', 0.15, 'tar', 0.1, undefined],
        ['processor time', 0.15, 'pax', 0.2, undefined],
        ['peak memory', 300, 'tar', 200, 'value'],
      ],
    )
    t.throws(() => movingFigures('big', runs, { ours: 'nb', peers: [], goals: [] }), TypeError)
  },
)
