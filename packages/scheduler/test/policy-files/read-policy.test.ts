import { toPath } from '@nb/contracts'
import t from 'tap'
import { describeProblem } from '../../src/policy-files/file-problem.ts'
import { printPolicy, updatePolicyText } from '../../src/policy-files/print-policy.ts'
import { parsePolicy, readPolicy } from '../../src/policy-files/read-policy.ts'

const hour = 3_600_000
const web = `# The web servers, every night.
clients: [web1, web2] # two of them
selections:
  - /srv
  - /etc
storage: {unit: disk1}
schedules:
  - name: weekly
    type: full
    every: 1 week
    windows:
      sat, sun: 00:00 for 24h
    retention: 1 month
  - name: nightly
    type: differential
    every: 1 day
    windows:
      mon-fri: 20:00 for 8h   # into the morning
    retention: level 1
  - name: month-end
    type: full
    calendar:
      weekdays: [last fri]
      days-of-month: [last]
      retry-after-run-day: yes
    exclude:
      dates: [2026-12-25]
    windows:
      - fri 18:00-06:00
      - daily 01:30 for 90 min
    retention: for ever
`

t.test('a file as an administrator writes it', async (t) => {
  const policy = parsePolicy(web, { file: '/etc/nb/policies/web.yaml' })
  t.equal(policy.name, 'web', 'the name of the file, where it does not tell another')
  t.match(policy, {
    active: true,
    clients: ['web1', 'web2'],
    selections: [toPath('/srv'), toPath('/etc')],
    storage: { kind: 'unit', name: 'disk1' },
  })
  const [weekly, nightly, monthEnd] = policy.schedules
  t.match(weekly, { frequencyMs: 168 * hour, retentionLevel: 3 })
  t.strictSame(weekly?.windows, [
    { weekday: 6, startSeconds: 0, durationSeconds: 86_400 },
    { weekday: 0, startSeconds: 0, durationSeconds: 86_400 },
  ])
  t.equal(nightly?.windows.length, 5)
  t.match(nightly, {
    retentionLevel: 1,
    windows: [{ weekday: 1, startSeconds: 72_000, durationSeconds: 28_800 }],
  })
  t.strictSame(monthEnd?.calendar, {
    weekdays: [{ weekday: 5, week: 'last' }],
    daysOfMonth: ['last'],
    retryAfterRunDay: true,
  })
  t.strictSame(monthEnd?.exclude, { dates: ['2026-12-25'] })
  t.match(monthEnd?.windows[0], { weekday: 5, startSeconds: 64_800, durationSeconds: 43_200 })
  t.equal(monthEnd?.windows.length, 8)
  t.equal(monthEnd?.retentionLevel, 9)
})

t.test('a period stands for the level that has it in the table of the site', async (t) => {
  const retentionLevels = [
    { level: 3, periodMs: 40 * 24 * hour },
    { level: 7, periodMs: 31 * 24 * hour },
  ]
  t.equal(parsePolicy(web, { retentionLevels }).schedules[0]?.retentionLevel, 7)
})

const problemsOf = (from: string | RegExp, to: string, file = 'web.yaml'): string[] => {
  const text = web.replace(from, to)
  if (text === web) throw new Error('nothing replaced')
  return readPolicy(text, { file }).problems.map(describeProblem)
}

t.test('every mistake is told with file, line, column, field and what is allowed', async (t) => {
  const cases: [string | RegExp, string, RegExp][] = [
    [
      'every: 1 day',
      'every: daily',
      /^web.yaml:16:12: schedules\[1\].every must be a duration such as "1 day"/,
    ],
    [
      'every: 1 day',
      'evry: 1 day',
      /^web.yaml:16:5: schedules\[1\].evry is no known key; did you mean "every"\?/,
    ],
    ['every: 1 day', 'frequency: 1 day', /did you mean "every"\?/],
    ['every: 1 week', 'every: 30 s', /^web.yaml:10:12: .*from 1 minute to 366 days, not "30 s"/],
    ['mon-fri', 'mon-fry', /^web.yaml:18:16: .* must have weekdays such as .* not "mon-fry"/],
    [
      '20:00 for 8h',
      '25:00 for 8h',
      /^web.yaml:18:16: schedules\[1\].windows.mon-fri must be "20:00 for 8h"/,
    ],
    [
      '20:00 for 8h',
      '20:00 for 0s',
      /^web.yaml:18:16: schedules\[1\].windows.mon-fri must be open for 1 second to 7 days, not "20:00 for 0s"/,
    ],
    [
      '20:00 for 8h',
      '[20:00 for 1h, 22:00 for 8 days]',
      /windows.mon-fri\[1\] must be open .* "22:00 for 8 days"/,
    ],
    ['90 min', '169h', /^web.yaml:30:9: schedules\[2\].windows\[1\] must be open .*"daily 01:30 for 169h"/],
    [
      'storage:',
      'effective: 2026-02-30T00:00:00Z\nstorage:',
      /^web.yaml:6:12: effective must be a moment such as/,
    ],
    [
      'storage:',
      "exclude: [a, '']\nstorage:",
      /^web.yaml:6:14: exclude\[1\] must be a pattern of paths, not empty/,
    ],
    ['last fri', '6th fri', /^web.yaml:23:18: schedules\[2\].calendar.weekdays\[0\] must be "fri"/],
    ['2026-12-25', '2026-02-30', /^web.yaml:27:15: schedules\[2\].exclude.dates\[0\] must be a date/],
    ['level 1', 'level 101', /^web.yaml:19:16: schedules\[1\].retention must be a retention level 0–100/],
    ['- /etc', '- etc', /^web.yaml:5:5: selections\[1\] must be an absolute path/],
    ['- /etc', '- NEW_STREAM', /^web.yaml:5:5: selections\[1\] is NEW_STREAM, which needs multiple streams/],
    ['{unit: disk1}', '{disk: disk1}', /^web.yaml:6:11: storage.disk is no known key/],
    ['{unit: disk1}', '{unit: "di sk"}', /^web.yaml:6:17: storage.unit must be 1–255 letters/],
    ['type: full', 'type: ful', /^web.yaml:9:11: schedules\[0\].type must be one of full, differential/],
    ['    every: 1 week\n', '', /^web.yaml:8:5: schedules\[0\] needs "every" .* or "calendar"/],
    ['    retention: 1 month\n', '', /^web.yaml:8:5: schedules\[0\].retention is missing/],
    ['name: nightly', 'name: weekly', /schedules names twice "weekly"/],
    ['clients: [web1, web2]', 'clients: [web1, web1]', /^web.yaml:2:10: clients names twice "web1"/],
    ['clients: [web1, web2]', 'clients: web1', /^web.yaml:2:10: clients must be a list, not "web1"/],
    ['selections:', 'selections: [', /^web.yaml:\d+:\d+: /],
    ['storage:', 'clients: [x]\nstorage:', /^web.yaml:6:1: this key is there twice/],
    ['# The web', '---\n{}\n---\n# The web', /more than one document/],
  ]
  for (const [from, to, expected] of cases) {
    const problems = problemsOf(from, to)
    t.match(problems[0], expected, `${String(from)} → ${to}`)
  }
})

t.test('all mistakes of a file are told at once', async (t) => {
  const text = web
    .replace('every: 1 week', 'every: x')
    .replace('last fri', 'x fri')
    .replace('storage:', 'stroage:')
  const { policy, problems } = readPolicy(text, { file: 'web.yaml' })
  t.equal(policy, undefined)
  t.strictSame(
    problems.map(({ line, field, meant }) => [line, field, meant]),
    [
      [6, 'stroage', 'storage'],
      [10, 'schedules[0].every', undefined],
      [23, 'schedules[2].calendar.weekdays[0]', undefined],
    ],
  )
  t.throws(() => parsePolicy(text, { file: 'web.yaml' }), {
    code: 'argument-invalid',
    status: 20,
    details: { file: 'web.yaml', line: 6, column: 1, field: 'stroage', meant: 'storage', problems: 3 },
  })
})

t.test('a key that resembles none is told with those that are known', async (t) => {
  t.match(problemsOf('storage:', 'xyzzy:')[0], /xyzzy is no known key; known are: name, active, /)
})

t.test('a quoted true is a text, in YAML and in JSON', async (t) => {
  t.match(
    problemsOf('retry-after-run-day: yes', "retry-after-run-day: 'true'")[0],
    /^web.yaml:25:28: schedules\[2\].calendar.retry-after-run-day must be true or false without quotes, not "true"$/,
  )
  t.match(
    readPolicy('{"multiple-streams": "true"}').problems.map(({ message }) => message),
    [/is missing/, /is missing/, /is missing/, /without quotes/],
  )
})

t.test(
  'a file that is no policy at all tells twenty faults, in short lines that move no cursor',
  async (t) => {
    const bytes = Uint8Array.from({ length: 3000 }, (_, at) => (at * 7919 + (at >> 3) * 31) % 256)
    const binary = `k: \u001b[2J\n${Buffer.from(bytes).toString('utf8')}`
    const keys = Array.from({ length: 50 }, (_, at) => `"key\\n${at}${'y'.repeat(1000)}": 1`).join('\n')
    for (const text of [binary, keys]) {
      const error = t.throws(() => parsePolicy(text, { file: 'web.yaml' })) as Error & { details: object }
      const lines = error.message.split('\n')
      t.match(lines.at(-1), /^web.yaml: and \d+ more$|^web.yaml:\d+:\d+: /)
      t.ok(lines.length <= 21, `${lines.length} lines`)
      t.ok(
        lines.every((line) => line.length < 1000),
        'no long line',
      )
      t.notMatch(error.message, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    }
    t.match(readPolicy(keys).problems.length, 53)
  },
)

t.test('a JSON file has lines and columns too', async (t) => {
  const json = printPolicy(parsePolicy(web), { format: 'json' }).replace('"1 day"', '"1 dya"')
  const [problem] = readPolicy(json, { file: 'web.json' }).problems
  t.equal(problem?.field, 'schedules[1].every')
  t.equal(json.split('\n')[(problem?.line ?? 0) - 1]?.trim(), '"every": "1 dya",')
})

t.test('a change of the policy changes no other letter of its file', (t) => {
  const text = `# ours
clients:   [vm]     # the only one
selections: [ /srv, "/etc" ]

# until the new disk is there
storage: {unit: disk1}
priority: 3 # low
active: true

schedules:
- {name: full, type: full, every: 1 day, windows: { daily: 00:00 for 24h }, retention: 2 weeks}
# the end
`
  const before = parsePolicy(text)
  const change = (more: object, drop?: 'priority') => {
    const policy = { ...before, ...more }
    if (drop !== undefined) delete policy[drop]
    return updatePolicyText(text, policy, { file: 'policy' })
  }
  t.equal(change({ active: false }), text.replace('active: true', 'active: false'))
  t.equal(change({}, 'priority'), text.replace('priority: 3 # low\n', ''))
  t.equal(change({ maxJobs: 2 }), `${text}max-jobs: 2\n`)
  t.equal(
    change({ clients: ['a', 'b'] }),
    text.replace('clients:   [vm]     # the', 'clients:\n  - a\n  - b     # the'),
  )
  t.equal(
    change({ storage: { kind: 'any' }, active: false }),
    text.replace('{unit: disk1}', 'any').replace('active: true', 'active: false'),
  )
  t.end()
})

t.test('a change of the policy keeps comments and the form of what stays', async (t) => {
  const before = parsePolicy(web)
  const text = updatePolicyText(web, { ...before, priority: 500, clients: ['web3'] }, { file: 'policy' })
  t.match(text, /^# The web servers, every night.\n/)
  t.match(text, '# into the morning')
  t.match(text, 'mon-fri: 20:00 for 8h')
  t.match(text, /^priority: 500$/m)
  t.match(parsePolicy(text), { priority: 500, clients: ['web3'] })
  t.equal(updatePolicyText(web, before, { file: 'policy' }), web, 'nothing changed: not a byte')
})

t.test('a printed file tells the period of its levels', async (t) => {
  const text = printPolicy(parsePolicy(web), { retentionLevels: [{ level: 3, periodMs: 31 * 24 * hour }] })
  t.match(text, /retention: 3 # 1 month/)
})

t.test(
  'copies that are written at once, each with its storage, retention and what its failure means',
  async (t) => {
    const copies = (text: string) => `${web.split('schedules:')[0]}schedules:
  - name: weekly
    type: full
    every: 1 week
    windows: []
    retention: 1 month
    copies:
${text}`
    const policy = parsePolicy(
      copies(`      - on-failure: continue
      - {storage: {unit: disk2}, volume-pool: Offsite, retention: 1 year, on-failure: fail-all-copies}
`),
    )
    t.strictSame(policy.schedules[0]?.copies, [
      { onFailure: 'continue' },
      {
        storage: { kind: 'unit', name: 'disk2' },
        volumePool: 'Offsite',
        retentionLevel: 8,
        onFailure: 'failAllCopies',
      },
    ])
    const problems = (text: string) => readPolicy(copies(text)).problems.map(describeProblem).join('\n')
    t.match(problems('      - {}\n'), /must be 2 to 4 copies, not 1; leave it out for one/)
    t.match(problems('      - {on-failure: stop}\n      - {}\n'), /continue or fail-all-copies/)
    t.match(
      problems('      - {storage: {unit: d}}\n      - {storage: {unit: d}}\n'),
      /name storage unit d twice; each copy needs a place of its own/,
    )
    t.match(problems('      - {unit: d}\n      - {}\n'), /storage/)
  },
)
