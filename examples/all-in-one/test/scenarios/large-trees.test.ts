import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { numberSetting } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { makeLargeFile, makeLargeTree } from '../support/large-tree.ts'
import { type ExampleRun, scratch, startExample } from '../support/run-example.ts'

const long = process.env['NB_LONG'] === '1'
const share = long ? 1 : 20
const seed = numberSetting('NB_SEED', 1)
const mostMemoryMib = 400
const mib = 1024 * 1024

t.setTimeout(long ? 3_600_000 : 110_000)

const hasRsync = spawnSync('rsync', ['--version']).status === 0

/** Runs the example to its end, looking at the most memory its process ever had. */
async function runMeasured(args: readonly string[]): Promise<ExampleRun & { readonly peakMib: number }> {
  const { child, ended } = startExample(args)
  let peakMib = 0
  const look = setInterval(() => {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(statusOf(child.pid))
    if (peak !== null) peakMib = Math.round(Number(peak[1]) / 1024)
  }, 50)
  const run = await ended
  clearInterval(look)
  return { ...run, peakMib }
}

function statusOf(pid: number | undefined): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return ''
  }
}

/** Seconds between the first and the last line of each job's steps. */
function phases(stdout: string): string {
  const seconds = (text: string | undefined): number => {
    const [hours = 0, minutes = 0, rest = 0] = (text ?? '').split(':').map(Number)
    return hours * 3600 + minutes * 60 + rest
  }
  const [, backup = '', restore = ''] = stdout.split(/^(?:backup of|restore to) /m)
  return [backup, restore]
    .map((part, index) => {
      const times = [...part.matchAll(/^ {2}(\d\d:\d\d:\d\d\.\d{3}) /gm)].map((match) => seconds(match[1]))
      const elapsed = (times.at(-1) ?? 0) - (times[0] ?? 0)
      return `${['backup', 'restore'][index]} ${((elapsed + 86_400) % 86_400).toFixed(1)} s`
    })
    .join(', ')
}

/** Backs up, restores, and compares by means that are not ours. */
async function roundTrip(test: Test, root: string): Promise<void> {
  const [source, copy] = [join(root, 'source'), join(root, 'copy')]
  const began = performance.now()
  const args = ['--once', '--state', join(root, 'state'), '--source', source, '--restore-to', copy]
  const run = await runMeasured(args)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  test.equal(run.code, 0, run.stderr)
  test.match(run.stdout, /equal: \d+ entries/)
  test.comment(`${phases(run.stdout)}, all ${seconds} s, peak memory ${run.peakMib} MiB`)
  test.ok(run.peakMib > 0 && run.peakMib < mostMemoryMib, `${run.peakMib} MiB are below ${mostMemoryMib}`)
  test.same(compareTrees(source, copy), [], 'types, devices, times to the nanosecond, blocks, links')
  if (!hasRsync) return void test.comment('SKIPPED: rsync is missing; apt-get install rsync')
  const options = ['-aHAXn', '-c', '-i', '--delete', '--numeric-ids', '--modify-window=-1']
  const found = execFileSync('rsync', [...options, `${source}/`, `${copy}/`], { encoding: 'utf8' })
  test.equal(found, '', 'rsync finds no difference')
}

t.test('a tree of many files', async (t) => {
  const root = scratch('many-files')
  t.teardown(() => rmSync(root, { recursive: true }))
  const made = makeLargeTree(join(root, 'source'), 100_000 / share, seed)
  t.comment(`seed ${seed}: ${JSON.stringify(made)}; the full count is 100000 (npm run test:long)`)
  if (made.attributed === 0) t.comment('SKIPPED: extended attributes; apt-get install attr')
  await roundTrip(t, root)
})

t.test('one large file', async (t) => {
  const root = scratch('large-file')
  t.teardown(() => rmSync(root, { recursive: true }))
  const bytes = Math.ceil(2048 / share) * mib
  mkdirSync(join(root, 'source'))
  makeLargeFile(join(root, 'source', 'file'), bytes, seed)
  t.comment(`seed ${seed}: ${bytes / mib} MiB; the full size is 2048 MiB (npm run test:long)`)
  await roundTrip(t, root)
})
