// An enemy who may write into a restore's target acts between any two of its system calls: nothing outside the target may change.
import { execFileSync } from 'node:child_process'
import {
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { numberSetting } from '@nb/test-kit'
import t from 'tap'
import type { IfExists } from '../../src/client/extractor/installer.ts'
import { loadPosix, type Posix } from '../../src/posix/posix.ts'
import { encodePlan, extractBytes, framedRanges, planFor } from './extract-in-thread.ts'
import { freshDirectory } from './fresh-directory.ts'
import { makeTree, seeded } from './make-tree.ts'
import { Enemy } from './racing-enemy.ts'
import { readInThread } from './read-in-thread.ts'

const latin1 = (path: Uint8Array): string => Buffer.from(path).toString('latin1')

const isLong = process.env['NB_LONG'] === '1'
const attacks = isLong ? 3000 : 12
const firstSeed = numberSetting('NB_SEED', 20_260_101)
if (isLong) t.setTimeout(3_600_000)

const posix = loadPosix()
const skip = typeof posix === 'string' ? `native calls are missing: ${posix}` : false

t.test(
  'an enemy who acts between any two system calls of a restore',
  { skip, timeout: 3_600_000 },
  async (t) => {
    t.comment(`${attacks} restores under attack (3000 with NB_LONG=1), seeds from ${firstSeed}`)
    const directory = freshDirectory(t)
    const source = join(directory, 'source')
    mkdirSync(source)
    makeTree(source, { seed: 1, files: 20, deep: false })
    const { records, archive } = readInThread([source])
    const plan = planFor(records, source)
    const planBytes = encodePlan(plan, 1)
    const data = framedRanges(plan, [archive])
    const names = plan.map(({ path }) => latin1(path).slice(1)).filter((path) => path !== '')
    const sum = { acts: 0, failed: 0, given: 0 }
    for (let seed = firstSeed; seed < firstSeed + attacks; seed++) {
      const random = seeded(seed)
      const outside = join(directory, `outside-${seed}`)
      const target = join(directory, `target-${seed}`)
      makeOutside(outside, source)
      const before = facts(outside)
      mkdirSync(target)
      if (random() < 0.3) execFileSync('cp', ['-a', `${source}/.`, target])
      const enemy = new Enemy({ random, target, outside, names, away: join(directory, `away-${seed}`) })
      const ifExists = (['overwrite', 'skip', 'fail'] as const)[Math.floor(random() * 3)] as IfExists
      try {
        const { totals } = extractBytes(target, planBytes, data, {
          ifExists,
          posix: enemy.between(posix as Posix),
          observe: (_moment, path) => enemy.watch(latin1(path)),
        })
        sum.failed += totals.failed
      } catch (error) {
        t.match(error, { name: 'NbError' }, `seed ${seed}: given up with an error of its own`)
        sum.given += 1
      }
      sum.acts += enemy.acts
      const after = facts(outside)
      if (JSON.stringify(after) !== JSON.stringify(before)) {
        t.strictSame(
          after,
          before,
          `seed ${seed}, ${ifExists}: nothing outside changed; ${enemy.said.slice(-8).join('; ')}`,
        )
        break
      }
      execFileSync('rm', ['-rf', outside, target, join(directory, `away-${seed}`)])
    }
    t.comment(`${sum.acts} acts; ${sum.failed} entries refused, ${sum.given} restores given up`)
    t.ok(sum.acts > attacks * 10, 'the enemy was there')
  },
)

/** What must not change: a treasure, and a tree with the names of the image, so that whoever is led there finds them. */
function makeOutside(outside: string, source: string): void {
  mkdirSync(outside)
  for (const entry of readdirSync(source, { withFileTypes: true, encoding: 'latin1' })) {
    const path = join(outside, entry.name)
    if (!entry.isDirectory()) continue
    mkdirSync(path)
    for (const inner of readdirSync(join(source, entry.name), { encoding: 'buffer' })) {
      const full = Buffer.concat([Buffer.from(`${path}/`), inner])
      writeFileSync(full, 'not yours')
      utimesSync(full, 1, 1)
    }
  }
  writeFileSync(join(outside, 'treasure'), 'treasure', { mode: 0o640 })
  utimesSync(join(outside, 'treasure'), 1, 1)
  if (process.getuid?.() === 0) chownSync(join(outside, 'treasure'), 4242, 4242)
}

/** All that a restore could change of what lies below a directory. */
function facts(directory: string): Record<string, string> {
  const found: Record<string, string> = {}
  const visit = (path: Buffer): void => {
    const stat = lstatSync(path, { bigint: true })
    const { mode, uid, gid, size, mtimeNs } = stat
    const content = stat.isFile()
      ? readFileSync(path, 'latin1')
      : stat.isSymbolicLink()
        ? readlinkSync(path)
        : ''
    found[latin1(path)] = [mode, uid, gid, size, mtimeNs, content].join(' ')
    if (!stat.isDirectory()) return
    for (const name of readdirSync(path, { encoding: 'buffer' }))
      visit(Buffer.concat([path, Buffer.from('/'), name]))
  }
  visit(Buffer.from(directory))
  const attributes = execFileSync('getfattr', ['-R', '-P', '-d', '-m', '-', '--absolute-names', directory])
  return { ...found, attributes: attributes.toString('latin1') }
}
