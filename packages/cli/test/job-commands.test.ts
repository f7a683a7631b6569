import t from 'tap'
import { fullUnit, type InMemoryServer, noon, startInMemoryServer } from './in-memory-server.ts'

let server: InMemoryServer
t.beforeEach(async () => {
  server = await startInMemoryServer()
})
t.afterEach(() => server.stop())

const hour = 3_600_000

t.test('nb jobs shows the parts of a job below it, and what stands still and until when', async (t) => {
  server.jobs.change('20', { children: 2, state: 'active' })
  server.jobs.change('21', {
    parentId: '20',
    stream: '/srv',
    state: 'waiting-for-retry',
    retryAt: noon + 600_000,
  })
  server.jobs.change('22', { parentId: '20', stream: '/home', state: 'done', status: 1 })
  server.jobs.change('23', { state: 'incomplete', incompleteUntil: noon + 3 * hour, attempt: 2 })
  server.jobs.change('24', { state: 'suspended', checkpointAt: noon - hour })
  server.jobs.change('25', { parentId: '7', state: 'active', cancelRequested: true })
  const { out } = await server.nb('jobs')
  const lines = out.trimEnd().split('\n').slice(1)
  t.same(
    lines.map((line) => line.trim().split(/ {2,}/).slice(0, 3)),
    [
      ['25', 'backup', 'active'],
      ['24', 'backup', 'suspended'],
      ['23', 'backup', 'incomplete'],
      ['20', 'backup', 'active'],
      ['22', '├ backup', 'done'],
      ['21', '└ backup', 'waiting-for-retry'],
    ],
    'a part whose parent is not listed stands by itself',
  )
  t.match(lines[0], /cancel asked for$/)
  t.match(lines[1], /checkpoint 11:00:00$/)
  t.match(lines[2], / 2 .*resumable until 15:00:00$/)
  t.match(lines[3], /parent of 2 jobs$/)
  t.match(lines[5], /\/srv .*again at 12:10:00$/)
})

t.test('nb jobs filters by everything an operator asks for', async (t) => {
  server.jobs.change('1', { state: 'done', status: 0, submittedAt: noon - 48 * hour, origin: 'scheduled' })
  server.jobs.change('2', { state: 'done', status: 196, submittedAt: noon - 20 * hour, origin: 'scheduled' })
  server.jobs.change('3', { state: 'done', status: 1, type: 'restore', origin: 'user' })
  server.jobs.change('4', { state: 'active', schedule: 'incr', parentId: '2' })
  server.jobs.change('5', { state: 'queued', type: 'verify' })
  const ids = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await server.nb('jobs', '--json', ...args)
    t.equal(code, 0, err)
    return out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { id: string }).id)
      .join(' ')
  }
  t.equal(await ids(), '5 4 3 2 1')
  t.equal(await ids('--state-is', 'active', '--state-is', 'queued'), '5 4')
  t.equal(await ids('--type', 'restore', '--type', 'verify'), '5 3')
  t.equal(await ids('--failed'), '2')
  t.equal(await ids('--status', '0', '--status', '196'), '2 1')
  t.equal(await ids('--origin', 'scheduled'), '2 1')
  t.equal(await ids('--parent', '2'), '4')
  t.equal(await ids('--schedule', 'incr'), '4')
  t.equal(await ids('--since', '24h'), '5 4 3 2')
  t.equal(await ids('--until', '24h'), '1')
  t.equal(await ids('--since', '2026-03-01'), '5 4 3', 'a day alone begins at midnight')
  t.equal(await ids('--until', '2026-03-01', '--limit', '1'), '2')
  for (const wrong of [
    ['--type', 'dance'],
    ['--status', 'x'],
    ['--status', ''],
    ['--origin', 'me'],
    ['--since', 'soon'],
    ['--since', '5 parsecs'],
  ])
    t.equal((await server.nb('jobs', ...wrong)).code, 2, wrong.join(' '))
})

t.test('nb job shows the tries of a job, and the log of one of them', async (t) => {
  server.jobs.change('12', { state: 'done', attempt: 2, status: 0, actions: ['restart'] }, 'first line')
  server.jobs.change('12', {}, 'second line')
  server.jobs.try('12', [
    {
      number: 1,
      startedAt: noon - hour,
      activeAt: noon - hour + 1000,
      endedAt: noon - 1000,
      status: 58,
      statusText: 'web1 does not answer',
      storageUnit: 'disk1',
      files: 1234,
      bytes: 4096,
      firstLine: 1,
    },
    { number: 2, startedAt: noon, files: 0, bytes: 0, firstLine: 2 },
  ])
  const whole = (await server.nb('job', '12')).out
  t.match(whole, /attempt +2\n/)
  t.match(whole, /can be done +restart\n/)
  t.match(
    whole,
    / 1 +2026-03-01 11:00:00 +2026-03-01 11:00:01 +2026-03-01 11:59:59 +58 +1,234 +4\.0 KiB +disk1/,
  )
  t.match(whole, /first line\n.*second line/)
  const first = (await server.nb('job', '12', '--attempt', '1')).out
  t.match(first, /^attempt 1 of job 12, queued .*, ended .* with 58: [^]*first line\n$/)
  t.notMatch(first, /second line/)
  const second = await server.nb('job', '12', '--attempt', '2', '--json')
  t.same(
    second.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
      .map((one) => ('number' in one ? one.number : (one as { text?: string }).text)),
    [2, 'second line'],
  )
  t.equal((await server.nb('job', '12', '--attempts', '--json')).out.trim().split('\n').length, 2)
  t.match(await server.nb('job', '12', '--attempt', '3'), { code: 1, err: /has no attempt 3.*--attempts/ })
})

t.test('nb job of one that waits for its retry tells when, and what can be done', async (t) => {
  server.jobs.change('12', {
    state: 'waiting-for-retry',
    retryAt: noon + 600_000,
    parentId: '11',
    stream: '/srv',
    actions: ['cancel', 'suspend'],
  })
  server.jobs.try('12', [{ number: 1, startedAt: noon, status: 58, files: 0, bytes: 0, firstLine: 1 }])
  const { out } = await server.nb('job', '12')
  t.match(out, /part of job +11\n/)
  t.match(out, /stream +\/srv\n/)
  t.match(out, /next attempt +2026-03-01 12:10:00\n/)
  t.match(out, /can be done +cancel, suspend\n/)
  t.match(out, /ATTEMPT +QUEUED/)
})

t.test(
  'suspend, resume, restart and priority do what they say, and tell what became of the job',
  async (t) => {
    server.jobs.change('1', { state: 'active' })
    server.jobs.change('2', { state: 'done', status: 0 })
    t.match(await server.nb('suspend', '1', '--reason', 'the drive is needed'), {
      code: 0,
      out: 'job 1: is suspended; its last checkpoint is of 2026-03-01 11:59:00\n',
    })
    t.match(await server.nb('resume', '1'), { code: 0, out: 'job 1: is queued, attempt 2\n' })
    t.match(await server.nb('priority', '1', '90000'), { code: 0, out: 'job 1: has priority 90000\n' })
    t.equal((await server.jobs.get({ jobId: '1' }))?.priority, 90000)
    t.match(await server.nb('restart', '2'), { code: 0, out: 'job 2: restarted as job 900\n' })
    t.match(JSON.parse((await server.nb('restart', '2', '--json')).out), { jobId: '2', restartedAs: '900' })
    t.match(await server.nb('restart', '2', '--wait'), { code: 0, out: /job 900 ended with status 0/ })
  },
)

t.test('what can not be done to a job is said with the reason, and the others are done', async (t) => {
  server.jobs.change('1', { state: 'active' })
  server.jobs.change('2', { state: 'done', status: 0 })
  const { code, out, err } = await server.nb('suspend', '2', '99', '1')
  t.equal(code, 1)
  t.match(out, /^job 1: is suspended/)
  t.match(err, /job 2 is done and can't be suspended \(state-conflict\)[^]*there is no job 99/)
  t.match(await server.nb('resume', '2'), { code: 1, err: /not suspended[^]*status 228/ })
  t.match(await server.nb('restart', '1'), { code: 1, err: /state-conflict/ })
  t.match(await server.nb('priority', '1', '100000'), {
    code: 2,
    err: /^nb: argument 'N' must be 0–99999 \(argument-invalid\)\n$/,
  })
  t.equal((await server.nb('priority', '1', 'high')).code, 2)
})

t.test('nb purge removes what ended longer ago than it was told', async (t) => {
  server.jobs.change('1', { state: 'done', status: 0, endedAt: noon - 31 * 24 * hour })
  server.jobs.change('2', { state: 'done', status: 0, endedAt: noon - 29 * 24 * hour })
  t.match(await server.nb('purge', '--older-than', '30d'), {
    code: 0,
    out: /^1 job removed that ended before 2026-01-30 1[123]:00:00\n$/,
  })
  t.equal(await server.jobs.get({ jobId: '1' }), undefined)
  t.equal((await server.nb('purge')).code, 2, 'never all of them by accident')
  t.equal((await server.nb('purge', '--older-than', 'long')).code, 2)
  t.match(await server.nb('purge', '--older-than', '1y', '--json'), { out: /^\{"purged":0,/ })
})

t.test('nb why of a job that stands still tells what comes by itself, and how to go on', async (t) => {
  server.jobs.change('5', { state: 'waiting-for-retry', retryAt: noon + 600_000, actions: ['cancel'] })
  t.match(
    (await server.nb('why', '5')).out,
    /\nattempt 1 has failed; the next begins 2026-03-01 12:10:00, in 10:00\nto end it: nb cancel 5\n$/,
  )
  server.jobs.change('5', { actions: ['cancel', 'suspend', 'set-priority'] })
  t.match(
    (await server.nb('why', '5')).out,
    /\nto end it: nb cancel 5\nto try again at once: nb suspend 5 && nb resume 5\nto hold it: nb suspend 5\n$/,
    'a priority changes nothing while it waits for its retry',
  )
  server.jobs.change('6', {
    state: 'incomplete',
    incompleteUntil: noon + hour,
    checkpointAt: noon - hour,
    actions: ['resume', 'cancel', 'set-priority'],
  })
  t.match(
    (await server.nb('why', '6')).out,
    /becomes done unless it is resumed by 2026-03-01 13:00:00[^]*checkpoint of 2026-03-01 11:00:00\nto let it go on: nb resume 6\nto end it: nb cancel 6\n$/,
  )
})

t.test('nb queue tells the order of service, who was passed by, and what each waits for', async (t) => {
  t.match(await server.nb('queue'), { code: 0, out: '', err: 'nothing waits\n' })
  for (const [jobId, priority, passedBy] of [
    ['8', 90000, 0],
    ['9', 0, 3],
  ] as const)
    server.broker.waiting.push({
      request: {
        requestId: jobId,
        jobId,
        jobType: 'backup',
        priority,
        client: 'web1',
        policy: 'nightly',
        limits: {},
        need: { kind: 'read', storageUnit: 'disk1' },
      },
      since: noon - 90_000,
      passedBy,
      blockers: [fullUnit, { ...fullUnit, kind: 'policy-limit', name: 'nightly', holders: [] }],
    })
  const { out } = await server.nb('queue')
  t.match(
    out,
    /1 +8 +backup +90000 +1:30 +nightly +web1 +0 +storage-unit-limit disk1, held by 7, and 1 more\n/,
  )
  t.match(out, /2 +9 +backup +0 +1:30 +nightly +web1 +3 +/)
  const reasons = (await server.nb('queue', '--reasons')).out
  t.match(reasons, /2\. job 9 with priority 0 waits for 1:30, passed by 3 times\n/)
  t.match(reasons, /policy-limit nightly \(2 of 2 in use\), reason 2040: goes on when one of its jobs ends/)
  const json = (await server.nb('queue', '--json', '--limit', '1')).out.trim().split('\n')
  t.equal(json.length, 1)
  t.match(JSON.parse(json[0] ?? ''), { passedBy: 0, blockers: [{ reason: 2040 }, {}] })
})
