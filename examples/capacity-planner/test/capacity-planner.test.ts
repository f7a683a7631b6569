import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const program = fileURLToPath(new URL('../src/main.ts', import.meta.url))

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly complaints: string
}

const plan = (...parameters: readonly string[]): Ran => planOf('', ...parameters)

/** The same with something on standard input. */
function planOf(input: string, ...parameters: readonly string[]): Ran {
  const run = spawnSync(process.execPath, ['--conditions=@nb/source', program, ...parameters], {
    encoding: 'utf8',
    input,
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  return { code: run.status, out: run.stdout, complaints: run.stderr }
}

t.test(
  'the small sample has a drive too few: it tells which backups miss, why, and what one more changes',
  (t) => {
    const page = join(t.testdir(), 'plan.html')
    const { code, out, complaints } = plan('--days', '5', '--html', page)
    t.equal(code, 0, complaints)
    t.match(out, /^Small office: 5 days, seed 1\n/)
    t.match(out, /\nMissed windows: \d+ of \d+ \(\d+\.\d %\)/)
    t.match(out, /\n {2}files +weekly +4 +\d +\d +0 +0 +waited for /)
    t.match(out, /\nWith one more drive in tape1\n/)
    t.match(complaints, /^as it is: day 1 of 5, /m)
    t.match(complaints, /^one more drive in tape1: day 5 of 5, /m)
    const html = readFileSync(page, 'utf8')
    t.match(html, /^<!doctype html>\n<html lang="en">/)
    t.notMatch(html, /https?:|<script|<link|<img|url\(/, 'it needs nothing from elsewhere')
    const charts = html.match(/<svg role="img"/g)?.length ?? 0
    t.equal(charts, 5)
    t.equal(html.match(/<title id=/g)?.length, charts, 'each chart has a title')
    t.equal(html.match(/<desc id=/g)?.length, charts, 'and a description')
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    t.equal(new Set(ids).size, ids.length)
    t.notMatch(html, /NaN|undefined|Infinity/)
    t.end()
  },
)

t.test('the same seed plans the same', (t) => {
  const json = (seed: string): string => plan('--days', '2', '--json', '--quiet', '--seed', seed).out
  const first = json('4')
  t.equal(json('4'), first)
  const { summary, oneMore } = JSON.parse(first) as {
    summary: { jobs: number }
    oneMore: { library: string }
  }
  t.ok(summary.jobs >= 60)
  t.equal(oneMore.library, 'tape1')
  t.end()
})

t.test('what is asked wrongly is refused with 2, a site that can not be meant with 1', (t) => {
  t.match(plan('--help'), { code: 0, out: /^Plays a month/ })
  t.match(plan('--sample', 'small'), { code: 0, out: /\nlibraries:\n/ })
  t.match(plan('--days', '0'), { code: 2, complaints: /--days is a whole number, 1-3650, not "0"/ })
  t.match(plan('--sample', 'tiny'), { code: 2, complaints: /small or large/ })
  t.match(plan('--drives', '3'), { code: 2, complaints: /--drives/ })
  t.match(plan('nowhere.yaml'), { code: 2, complaints: /nowhere\.yaml can't be read/ })
  const file = join(t.testdir({ 'site.yaml': 'name: x\n' }), 'site.yaml')
  t.match(plan(file), { code: 1, complaints: /site\.yaml:1: clients is missing/ })
  t.end()
})

t.test('a site comes on standard input, is called so in complaints, and one day of it is a day', (t) => {
  t.match(planOf('name: x\n', '-'), { code: 1, complaints: /^standard input:1: clients is missing/ })
  const { code, out } = planOf(plan('--sample', 'small').out, '-', '--days', '1', '--quiet')
  t.equal(code, 0)
  t.match(out, /^Small office: 1 day, seed 1\n/)
  t.end()
})

t.test('a page that cannot be written is told before a month is played', (t) => {
  const page = join(t.testdir(), 'none', 'plan.html')
  const { code, out, complaints } = plan('--html', page)
  t.equal(code, 2)
  t.equal(out, '')
  t.match(complaints, /^capacity-planner: --html .*plan\.html can't be written: ENOENT/)
  t.end()
})
