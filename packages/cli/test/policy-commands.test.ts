import { PassThrough } from 'node:stream'
import { type Job, type Scheduler, toPath } from '@nb/contracts'
import t from 'tap'
import { createOutput, nextCommand, policyActivateCommand } from '../src/index.ts'
import { type InMemoryServer, noon, runIn, startInMemoryServer } from './in-memory-server.ts'

let server: InMemoryServer
t.beforeEach(async () => {
  server = await startInMemoryServer()
})
t.afterEach(() => server.stop())

t.test('nb policy show tells rhythm, windows and days as a person says them', async (t) => {
  const night = { startSeconds: 22 * 3600, durationSeconds: 8 * 3600 }
  await server.scheduler.putPolicy({
    policy: {
      name: 'files',
      active: false,
      effectiveAt: noon,
      clients: ['web1'],
      selections: ['NEW_STREAM', toPath('/srv'), 'ALL_LOCAL_DRIVES'],
      multipleStreams: true,
      checkpointIntervalMs: 0,
      exclude: ['*.tmp'],
      storage: { kind: 'group', name: 'disks' },
      volumePool: 'offsite',
      priority: 100,
      maxJobs: 4,
      schedules: [
        {
          name: 'weekly',
          type: 'full',
          frequencyMs: 7 * 86_400_000,
          windows: [1, 2, 3, 4, 5].map((weekday) => ({ weekday, ...night })),
          retentionLevel: 3,
          multiplexing: 4,
          exclude: { dates: ['2026-12-25'] },
        },
        {
          name: 'monthly',
          type: 'full',
          calendar: {
            weekdays: [{ weekday: 0, week: 'last' }],
            daysOfMonth: [1, 'last'],
            retryAfterRunDay: true,
          },
          windows: [{ weekday: 0, startSeconds: 0, durationSeconds: 604_800 }],
          retentionLevel: 8,
        },
        { name: 'own', type: 'user-backup', windows: [], retentionLevel: 1 },
      ],
    },
  })
  const { code, out } = await server.nb('policy', 'show', 'files')
  t.equal(code, 0)
  t.match(out, /active +no\n/)
  t.match(out, /effective from +2026-03-01 12:00:00\n/)
  t.match(out, /selections +NEW_STREAM \/srv ALL_LOCAL_DRIVES\n/)
  t.match(out, /checkpoints +none\n/)
  t.match(out, /storage +group disks\n/)
  t.match(out, /most jobs at once +4\n/)
  t.match(out, /weekly +full +every 1w +Mon-Fri 22:00 for 8h +3 +2026-12-25 +4\n/)
  t.match(out, /monthly +full +on the last Sun, the 1st, the last day, made up for on later days +always +8 /)
  t.match(out, /own +user-backup +when a user asks +never +1 /)
  t.match(JSON.parse((await server.nb('policy', 'show', 'files', '--json')).out), { generation: 1 })
  t.match(await server.nb('policy', 'show', 'none'), { code: 1, err: /there is no policy none; nb policies/ })
})

t.test('nb policy activate, deactivate and remove change just that', async (t) => {
  t.match(await server.nb('policy', 'deactivate', 'nightly'), {
    code: 0,
    out: 'policy nightly: is inactive, generation 2\n',
  })
  t.match(await server.scheduler.getPolicy({ name: 'nightly' }), { active: false, clients: ['web1', 'web2'] })
  t.match(await server.nb('policy', 'deactivate', 'nightly'), { out: /generation 2\n/ }, 'twice is once')
  t.match(await server.nb('policy', 'activate', 'none', 'nightly'), {
    code: 1,
    out: 'policy nightly: is active, generation 3\n',
    err: /policy-unknown/,
  })
  t.match(await server.nb('policy', 'remove', 'nightly'), { code: 0, out: 'policy nightly: removed\n' })
  t.match(await server.nb('policies'), { code: 0, err: 'no policies\n' })
  t.equal((await server.nb('policy')).code, 2)
  t.equal((await server.nb('policy', 'dance')).code, 2)
})

t.test('a policy that someone else changed meanwhile is kept, and the conflict is told', async (t) => {
  const { scheduler } = server
  const behind: Scheduler = {
    ...scheduler,
    getPolicy: async (input) => {
      const policy = await scheduler.getPolicy(input)
      return policy && { ...policy, generation: 0 }
    },
  }
  const stderr = new PassThrough()
  const output = createOutput({ stdout: new PassThrough(), stderr, now: () => noon }, { json: false })
  const code = await policyActivateCommand(
    { scheduler: behind },
    { names: ['nightly'], active: false },
    output,
  )
  t.equal(code, 1)
  t.match(String(stderr.read()), /policy nightly is at generation 1, not 0 \(generation-conflict\)/)
  t.match(await scheduler.getPolicy({ name: 'nightly' }), { active: true, generation: 1 })
})

t.test('nb next tells what runs when, in which window, and why nothing does', async (t) => {
  const { out } = await server.nb('next')
  const [, first, second] = out.split('\n')
  t.match(first, /^2026-03-01 13:00:00 +2026-03-01 14:00:00 +nightly +web1 +full +waiting /)
  t.match(second, /^- +- +nightly +web2 +- +blocked +- +58 +tried 2 times in 12 hours$/)
  t.equal((await server.nb('next', 'nightly', '--json')).out.trim().split('\n').length, 2)
})

t.test('nb next tells whether the job of a run waits, and of a policy that is not there', async (t) => {
  const { scheduler, jobs } = server
  const [jobId = ''] = (await scheduler.runNow({ policy: 'nightly', client: 'web1' })).jobIds
  const running: Scheduler = {
    ...scheduler,
    async *tasks() {
      yield { policy: 'nightly', client: 'web1', state: 'running', jobId }
    },
  }
  const stateAt = async (change: Partial<Job>): Promise<string> => {
    jobs.change(jobId, change)
    const stdout = new PassThrough()
    const output = createOutput({ stdout, stderr: new PassThrough(), now: () => noon }, { json: false })
    t.equal(await nextCommand({ scheduler: running, jobs }, {}, output), 0)
    return String(stdout.read())
  }
  t.match(await stateAt({ state: 'queued' }), / web1 .* queued /)
  t.match(await stateAt({ state: 'active' }), / web1 .* running /)
  t.match(await server.nb('next', 'none'), { code: 1, err: /there is no policy none; .*policy-unknown/ })
})

t.test('nb preview tells that a policy is not active', async (t) => {
  t.equal((await server.nb('preview', 'nightly')).err, '')
  await server.nb('policy', 'deactivate', 'nightly')
  t.match(await server.nb('preview', 'nightly'), {
    code: 0,
    err: 'policy nightly is not active: nothing of it starts until nb policy activate nightly\n',
  })
})

t.test('nb jobs and nb images of a policy that is not there tell so', async (t) => {
  t.match(await server.nb('jobs', '--policy', 'nope'), {
    code: 0,
    err: 'no jobs; there is no policy nope: nb policies lists them\n',
  })
  t.match(await server.nb('images', '--policy', 'nope'), {
    code: 0,
    err: 'no images; there is no policy nope: nb policies lists them\n',
  })
  t.match(await server.nb('images', '--policy', 'nightly', '--client', 'nobody'), { err: 'no images\n' })
})

t.test('nb preview tells a week, or the span it is told', async (t) => {
  const starts = async (...args: string[]): Promise<string[]> => {
    const { code, out, err } = await server.nb('preview', 'nightly', ...args)
    t.equal(code, 0, err)
    return out
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.slice(0, 19))
  }
  t.equal((await starts()).length, 7)
  t.same(await starts('--from', '2026-12-24', '--to', '2026-12-26'), [
    '2026-12-24 00:00:00',
    '2026-12-25 00:00:00',
  ])
  t.same(await starts('--to', '12h'), ['2026-03-01 12:00:00'])
  t.match((await server.nb('preview', 'nightly', '--to', '12h')).out, / DUE\n.* at once\n$/)
  const cut = await server.nb('preview', 'nightly', '--to', '30d', '--limit', '2')
  t.equal(cut.out.trimEnd().split('\n').length, 3)
  t.match(cut.err, /--limit 0 shows all/)
  t.match(await server.nb('preview', 'none'), { code: 1, err: /policy-unknown/ })
  t.match(await server.nb('preview', 'nightly', '--to', '2026-01-01'), {
    code: 2,
    err: /ends before it begins/,
  })
})

t.test('nb retention lists the levels and sets one; the fixed ones stay', async (t) => {
  t.match(
    (await server.nb('retention')).out,
    / 0 +1w\n +1 +2w\n[^]* 3 +31d\n[^]*9-24 +for ever\n +25 +at once\n/,
  )
  t.match(await server.nb('retention', 'set', '3', '60d'), { code: 0, out: /level 3: .* kept 60d\n/ })
  t.match(await server.nb('retention', 'set', '4', 'ever'), { code: 0, out: /kept for ever\n/ })
  t.match(await server.nb('retention', 'set', '1', '15d'), {
    err: /^this holds for nightly \(full\)\nno level is kept 2 weeks any more: in policy files .*"2 weeks" stays level 1/,
  })
  t.match(await server.nb('retention', 'set', '1', '2 weeks'), {
    err: /^this holds for nightly \(full\)\nno level is kept 15 days/,
  })
  t.match((await server.nb('retention')).out, / 3 +60d\n +4 +for ever\n/)
  t.match(await server.nb('retention', 'set', '26', '1 week'), { code: 0, out: /level 26: .*kept 1w\n/ })
  t.match(await server.nb('retention', 'set', '27', '1 month'), { code: 0, out: /level 27: .*kept 31d\n/ })
  t.match(await server.nb('retention', 'set', '28', 'for ever'), { code: 0, out: /kept for ever\n/ })
  t.match(await server.nb('retention', 'set', '26', 'a while'), { code: 2, err: /'1 month'/ })
  t.match(await server.nb('retention', 'set', '9', '1d'), {
    code: 2,
    err: /^nb: argument 'LEVEL' 9 is fixed \(argument-invalid\)\n$/,
  })
  t.equal((await server.nb('retention', 'set', '3', 'long')).code, 2)
  t.equal((await server.nb('retention', 'set', '3', '2000y')).code, 2)
  t.equal((await server.nb('retention', '--json')).out.trim().split('\n').length, 101)
})

t.test('a user backs up and archives paths of their own', async (t) => {
  t.match(await server.nb('backup', '--user', 'thesis', '/srv/a', '--client', 'web1'), {
    code: 0,
    out: 'job 600\n',
  })
  t.match(server.userRequests[0], {
    type: 'user-backup',
    client: 'web1',
    paths: ['/work-dir/thesis', '/srv/a'],
    requestedBy: 'nb backup',
  })
  await server.nb('backup', '--archive', '/srv/old', '--client', 'web1', '--policy', 'p', '--schedule', 's')
  t.match(server.userRequests[1], { type: 'user-archive', policy: 'p', schedule: 's' })
  t.match(await server.nb('backup', '--user', '/srv', '--policy', 'closed', '--client', 'web1'), {
    code: 1,
    err: /outside-window[^]*status 199[^]*remedy: /,
  })
  for (const wrong of [
    ['--user', '--archive', '/srv'],
    ['one', 'two'],
    ['nightly', '--policy', 'x'],
    ['--user'],
  ])
    t.equal((await server.nb('backup', ...wrong)).code, 2, wrong.join(' '))
  t.equal(server.userRequests.length, 2)
})

t.test('nb status explains a number without a server', async (t) => {
  t.match(await runIn({}, ['status', '196']), {
    code: 0,
    out: /^status 196: .*window closed.*\n.+\n$/,
    err: '',
  })
  t.match(JSON.parse((await runIn({}, ['api', 'jobs'])).out), { openapi: '3.1.0', tags: [{ name: 'jobs' }] })
  t.match(await runIn({}, ['status', '9999']), { code: 1, err: /no status 9999/ })
  t.match(await runIn({}, ['status']), { code: 0, out: /\n +150 +/ })
  t.match(JSON.parse((await runIn({}, ['status', '0', '--json'])).out), { status: 0 })
})
