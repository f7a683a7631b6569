import { systemClock } from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import { type HookCall, type HookEnd, type JobNotifier, createJobNotifier } from '../src/index.ts'
import { type Site, driven, openSite, reopen, request, runJob, textsOf, untilState } from './fixture.ts'

const failing = (jobId: string): object =>
  jobId === '1' ? {} : { status: 84, statusText: 'the disk is broken' }

async function openNotified(
  options: Partial<Parameters<typeof createJobNotifier>[1]> & {
    readonly run?: (call: HookCall) => Promise<never>
  },
) {
  const site = await openSite({ script: failing })
  const { run, ...rest } = options
  const notifier = createJobNotifier(
    // The command is a process of the host: its time is the host's.
    {
      jobs: site.manager,
      jobLog: site.jobStore,
      clock: systemClock(),
      ...(run === undefined ? {} : { run }),
    },
    { command: ['node', '-e', ''], ...rest },
  )
  await notifier.start()
  return { site, notifier }
}

const script = (body: string): readonly [string, ...string[]] => [process.execPath, '-e', body]

t.test('a command hears of a job that failed: facts in its environment, the job on its input', async (t) => {
  const { site, notifier } = await openNotified({
    command: script(
      'let s = "";process.stdin.on("data", (d) => (s += d)).on("end", () => {' +
        'const e = process.env, job = JSON.parse(s);' +
        'console.log([e.NB_JOB_ID, e.NB_STATUS, e.NB_STATUS_TEXT, e.NB_POLICY, e.NB_CLIENT, job.state, job.attempt].join("|"));' +
        'console.error("a word of warning")})',
    ),
  })
  t.teardown(() => site.stop())
  await runJob(site)
  await runJob(site)
  await notifier.settled()
  t.notMatch(await textsOf(site, '1'), /notify command/, 'a success is not told')
  const texts = await textsOf(site, '2')
  t.match(texts, /notify command: 2\|84\|the disk is broken\|daily\|web1\|done\|1/)
  t.match(texts, /notify command: a word of warning/)
  t.match(texts, /the notify command .* was told/)
  await notifier.stop()
  await runJob(site)
  await notifier.settled()
  t.notMatch(await textsOf(site, '3'), /notify command/, 'after its stop it tells nothing')
})

t.test('no shell looks at the command', async (t) => {
  const { site, notifier } = await openNotified({
    command: [...script('console.log(process.argv[1])'), '$(echo shell); `id`'],
  })
  t.teardown(() => site.stop())
  await runJob(site)
  await runJob(site)
  await notifier.stop()
  t.match(await textsOf(site, '2'), /notify command: \$\(echo shell\); `id`/)
})

t.test(
  'a command that fails, hangs or is not there says so in the job’s log, and harms nobody',
  async (t) => {
    for (const [command, timeoutMs, told] of [
      [script('process.exit(3)'), 60_000, /the notify command ended with code 3/],
      [script('setInterval(() => {}, 1000)'), 300, /did not end within 300 ms and was killed/],
      [['/no/such/program'], 60_000, /could not be run: \/no\/such\/program could not be started/],
    ] as const) {
      const { site, notifier } = await openNotified({ command: command as readonly [string], timeoutMs })
      await runJob(site)
      const job = await runJob(site)
      t.equal(job.status, 84, 'the job has ended without it')
      await notifier.stop()
      t.match(await textsOf(site, '2'), told)
      await site.stop()
    }
  },
)

t.test('all jobs, or only parents, or few at once', async (t) => {
  const calls: string[] = []
  let most = 0
  let now = 0
  const run = async ({ environment }: HookCall): Promise<never> => {
    calls.push(`${environment['NB_JOB_ID']} ${environment['NB_STATUS']} ${environment['NB_STREAM'] ?? '-'}`)
    most = Math.max(most, ++now)
    await new Promise((resolve) => setImmediate(resolve))
    now -= 1
    return { code: 0, timedOut: false, output: '' } as never
  }
  const { site, notifier } = await openNotified({ which: 'all', parts: false, atOnce: 1, run })
  t.teardown(() => site.stop())
  await runJob(site)
  const streams = ['a', 'b'].map((name) => ({ name, selections: request().policy.selections as never }))
  const { jobId } = await site.manager.submit(request({ streams }))
  await untilState(site, jobId, 'done')
  await site.clock.advance(1000)
  await notifier.settled()
  t.strictSame(calls, ['1 0 -', '2 84 -'])
  t.equal(most, 1)
  await notifier.stop()
})

t.test('jobs that the start of the server ends are told too', async (t) => {
  const site = await openSite({ units: [{ name: 'disk1', mediaServer: 'media1', slots: 1 }] })
  await site.manager.submit(request({ policy: { ...request().policy, name: 'holds the slot' } }))
  await site.clock.advance(0)
  const windowClosesAt = site.clock.now() + 1000
  const late = await site.manager.submit(request({ windowClosesAt }))
  const killed = await site.manager.register({
    requestId: 'restore-1',
    type: 'restore',
    origin: 'user',
    client: 'web1',
    policy: 'daily',
    lines: [],
  })
  await site.stop()
  await site.clock.advance(3_600_000)
  const told: string[] = []
  const run = async ({ environment: { NB_JOB_ID, NB_STATUS } }: HookCall): Promise<HookEnd> => {
    told.push(`${NB_JOB_ID} ${NB_STATUS}`)
    return { code: 0, timedOut: false, output: 'paged ann' }
  }
  let notifier: JobNotifier | undefined
  const next = await reopen(site, undefined, async ({ manager: jobs, jobStore: jobLog }) => {
    notifier = createJobNotifier({ jobs, jobLog, clock: systemClock(), run }, { command: ['page'] })
    await notifier.start()
  })
  await driven(next.clock, next.manager.wait(late))
  await driven(next.clock, next.manager.wait(killed))
  await notifier?.stop()
  t.ok(told.includes(`${late.jobId} 196`), told.join())
  t.ok(told.includes(`${killed.jobId} 63`), told.join())
  t.match(await textsOf(next, killed.jobId), /notify command: paged ann/)
  await next.stop()
})

t.test('a stop goes on telling for as long as one command may run, then says who was not told', async (t) => {
  const site = await openSite({ script: () => ({ status: 84, statusText: 'broken' }) })
  t.teardown(() => site.stop())
  const clock = createVirtualClock()
  const ends: (() => void)[] = []
  const run = (): Promise<HookEnd> =>
    new Promise((resolve) => ends.push(() => resolve({ code: 0, timedOut: false, output: '' })))
  const notifier = createJobNotifier(
    { jobs: site.manager, jobLog: site.jobStore, clock, run },
    { command: ['page'], atOnce: 1, timeoutMs: 5000 },
  )
  await notifier.start()
  for (let job = 0; job < 4; job++) await runJob(site)
  const stopped = notifier.stop()
  ends[0]?.()
  await clock.advance(4000)
  t.equal(ends.length, 2, 'the next is told although it stops')
  await clock.advance(2000)
  ends[1]?.()
  await stopped
  t.equal(ends.length, 2)
  t.match(await textsOf(site, '2'), /the notify command page was told/)
  for (const late of ['3', '4'])
    t.match(await textsOf(site, late), /the notify command page was not told: the server ended/)
})

t.test('options out of bounds', async (t) => {
  const components = { jobs: {} as Site['manager'], jobLog: { append: async () => {} }, clock: systemClock() }
  const of = (options: object) => () => createJobNotifier(components, { command: ['x'], ...options })
  t.throws(of({ timeoutMs: 99 }), TypeError)
  t.throws(of({ atOnce: 0 }), TypeError)
  t.throws(of({ command: [''] }), TypeError)
})
