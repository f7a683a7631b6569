import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { tool } from './run-tool.ts'

const january = ['--from', '2026-01-01', '--zone', 'Europe/Vienna']

t.test('thirty days of the built-in policy, in the zone asked for', async (t) => {
  const { code, out } = tool('due-times', ...january)
  const lines = out.trim().split('\n')
  t.equal(code, 0)
  t.equal(lines[0], 'Thursday, 1 January 2026 at 01:00:00 CET  localhost  weekly-full (full)')
  t.equal(lines[1], 'Thursday, 1 January 2026 at 20:00:00 CET  localhost  daily-incr (differential)')
  t.equal(lines.filter((line) => line.includes('weekly-full')).length, 5)
  t.ok(lines.length > 25, `${lines.length} runs`)
})

t.test('a policy of one’s own, for as many days as asked', async (t) => {
  const window = { weekday: 1, startSeconds: 3 * 3600, durationSeconds: 3600 }
  const schedule = { name: 'mondays', type: 'full', frequencyMs: 7 * 86_400_000, retentionLevel: 1 }
  const policy = {
    name: 'mine',
    active: true,
    clients: ['web1', 'web2'],
    selections: ['/srv'],
    storage: { kind: 'any' },
    schedules: [{ ...schedule, windows: [window] }],
  }
  const folder = t.testdir({ 'policy.json': JSON.stringify(policy), 'broken.json': '{' })
  const { code, out } = tool('due-times', join(folder, 'policy.json'), ...january, '--days', '14')
  t.equal(code, 0)
  t.same(
    out
      .trim()
      .split('\n')
      .map((line) => line.split('  ').slice(0, 2).join(' ')),
    ['web1', 'web2'].flatMap((client) =>
      [5, 12].map((day) => `Monday, ${day} January 2026 at 03:00:00 CET ${client}`),
    ),
  )
  writeFileSync(join(folder, 'bad.json'), JSON.stringify({ ...policy, clients: [] }))
  t.match(tool('due-times', join(folder, 'bad.json')), {
    code: 1,
    complaints: /clients.*argument-invalid, 20/,
  })
  t.match(tool('due-times', join(folder, 'broken.json')), { code: 1, complaints: /^due-times: / })
})

t.test('a policy file as a person writes it', async (t) => {
  const text = `
name: mine
clients: [web1]
selections: [/srv]
storage: any
schedules:
  - { name: mondays, type: full, every: 1 week, windows: { mon: 03:00 for 1h }, retention: 2 weeks }
`
  const folder = t.testdir({ 'mine.yaml': text, 'bad.yaml': text.replace('1 week', 'weekly') })
  const { code, out } = tool('due-times', join(folder, 'mine.yaml'), ...january, '--days', '7')
  t.equal(code, 0)
  t.match(out, /^Monday, 5 January 2026 at 03:00:00 CET {2}web1 {2}mondays \(full\)\n$/)
  t.match(tool('due-times', join(folder, 'bad.yaml')), {
    code: 1,
    complaints: /bad\.yaml:\d+:\d+: schedules/,
  })
})

t.test('days, times and zones that cannot be meant are refused', async (t) => {
  t.match(tool('due-times', '--days', '0'), { code: 2, complaints: /--days is a whole number, 1-3660/ })
  t.match(tool('due-times', '--from', 'soon'), { code: 2, complaints: /--from does not understand "soon"/ })
  t.match(tool('due-times', '--zone', 'Nowhere/Else'), { code: 2, complaints: /Nowhere\/Else/ })
})
