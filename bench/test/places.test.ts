import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Bench } from '../src/bench.ts'
import { benches } from '../src/benches/index.ts'
import { describeFailure, explainFailure } from '../src/failures.ts'
import { Leftovers } from '../src/leftovers/leftovers.ts'
import { CommandFailed } from '../src/measured-process.ts'
import { checkJsonFile, checkRoom, openWorkDirectory } from '../src/places.ts'

t.test(
  'a work directory is made where it is not there; what can be none is an error of one line',
  async (t) => {
    const base = t.testdir({ file: '' })
    const leftovers = new Leftovers()
    openWorkDirectory(join(base, 'a', 'b'), leftovers)
    t.ok(existsSync(join(base, 'a', 'b')))
    await leftovers.end()
    t.notOk(existsSync(join(base, 'a')), 'what was made for it is gone')
    for (const [path, why] of [
      [join(base, 'file'), /file is no folder; name a folder/],
      [join(base, 'file', 'below'), /ENOTDIR|no folder/],
      ['/proc/nope/below', /ENOENT.*; name a folder/],
      ['/proc', /ENOENT|EACCES/],
    ] as const) {
      const expected = { name: 'UsageError', message: new RegExp(`^--work ${path}: .*`) }
      t.throws(() => openWorkDirectory(path, new Leftovers()), expected)
      t.throws(() => openWorkDirectory(path, new Leftovers()), { message: why })
    }
  },
)

t.test(
  'whether the file for JSON can be written is known before, and nothing is changed by asking',
  async (t) => {
    const folder = t.testdir({ there: 'rows' })
    checkJsonFile(join(folder, 'new.json'))
    t.notOk(existsSync(join(folder, 'new.json')))
    checkJsonFile(join(folder, 'there'))
    t.equal(readFileSync(join(folder, 'there'), 'utf8'), 'rows')
    t.throws(() => checkJsonFile(join(folder, 'none', 'x.json')), {
      name: 'UsageError',
      message: /^--json .*none\/x\.json: ENOENT.*; name a file in a folder that is there$/,
    })
    t.throws(() => checkJsonFile(folder), { message: /it is a folder/ })
  },
)

t.test(
  'too little room is told before anything runs, with how much is needed and how much is free',
  async (t) => {
    const folder = t.testdir({})
    const bench: Bench = {
      ...{ name: 'huge', about: 'much data', run: async () => [] },
      needs: ({ quick }) => (quick ? 1 : 2 ** 60),
    }
    checkRoom(folder, bench, { quick: true })
    t.throws(() => checkRoom(folder, bench, { quick: false }), {
      name: 'UsageError',
      message: /^--work .*: huge needs 1,099,511,627,776 MiB there and [\d,]+ MiB are free; .*with --quick$/,
    })
    for (const { name, needs } of benches) {
      const [quick = 0, whole = 0] = [true, false].map((each) => needs?.({ quick: each }) ?? 0)
      t.ok(quick <= whole && whole <= 9 * 2 ** 30, `${name}: the help says 9 GiB`)
    }
  },
)

t.test('an error of the system or of a command is told without a stack, one of ours with it', async (t) => {
  const folder = t.testdir({})
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const told = (error: Error): string => describeFailure(explainFailure(error, folder))
  t.match(told(full), /^the disk was full.*MiB free at .*with --work DIR: ENOSPC.*write$/)
  t.match(told(new CommandFailed('tar: x: No space left on device\nmore')), /was full.*device$/)
  t.equal(told(new CommandFailed('tar ended with 2: no')), 'tar ended with 2: no')
  t.match(told(new TypeError('a mistake')), /a mistake\n +at /)
})
