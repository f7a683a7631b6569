import type { JobLogLine } from '@nb/contracts'
import { collect, createScriptedJobs, createVirtualClock, nightlyPolicy } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { createScheduler } from '../../src/scheduler.ts'

const hour = 3_600_000

const site = () => {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1, 7))
  const scripted = createScriptedJobs(clock)
  const lines: { readonly jobId: string; readonly line: JobLogLine }[] = []
  const log = {
    append: async (input: { readonly jobId: string; readonly lines: readonly JobLogLine[] }) => {
      for (const line of input.lines) lines.push({ jobId: input.jobId, line })
    },
  }
  const store = new MemoryLevel<string, string>()
  const boot = async () => {
    const scheduler = createScheduler({ ...scripted, clock, log, store }, { timeZone: 'UTC' })
    await scheduler.start()
    return scheduler
  }
  return { clock, scripted, lines, boot }
}

t.test('a job that runs while the scheduler restarts is followed, not started again', async (t) => {
  const { clock, scripted, lines, boot } = site()
  const first = await boot()
  await first.putPolicy({ policy: nightlyPolicy() })
  await clock.advance(12 * hour)
  t.equal(scripted.submitted.length, 1)
  await first.stop()
  const second = await boot()
  await clock.advance(hour)
  t.equal(scripted.submitted.length, 1)
  scripted.finish('1', 0)
  await clock.advance(1000)
  t.match(lines, [{ jobId: '1', line: { component: 'scheduler', step: { flow: 'backup', number: 17 } } }])
  t.match(lines[0]?.line.text, /ended with 0.*next: incr at 2026-01-02T18:00:00/)
  await second.stop()
})

t.test('tries beyond those allowed are not told as a part of them', async (t) => {
  const { clock, scripted, lines, boot } = site()
  const scheduler = await boot()
  await scheduler.putPolicy({ policy: nightlyPolicy() })
  await clock.advance(12 * hour)
  scripted.finish('1', 84, { attempts: 3 })
  await clock.advance(1000)
  t.match(lines[0]?.line.text, /ended with 84.*; 3 tries used, 2 are allowed; /)
  await scheduler.stop()
})

t.test('a crash between the intent and the answer starts the job once', async (t) => {
  const { clock, scripted, boot } = site()
  const first = await boot()
  await first.putPolicy({ policy: nightlyPolicy() })
  await clock.advance(11 * hour - 1000)
  const submit = scripted.jobs.submit.bind(scripted.jobs)
  // The request arrives, its answer never does: the scheduler dies first.
  Object.assign(scripted.jobs, {
    submit: (...input: Parameters<typeof submit>) => submit(...input).then(() => new Promise(() => {})),
  })
  await clock.advance(2000)
  t.equal(scripted.submitted.length, 1)
  Object.assign(scripted.jobs, { submit })
  const second = await boot()
  await clock.advance(hour)
  t.equal(scripted.submitted.length, 1, 'the same request id finds the same job')
  t.match(await collect(second.tasks({})), [{ state: 'running', jobId: '1' }])
  await second.stop()
})

t.test('what was missed while down starts when a window is open again', async (t) => {
  const { clock, scripted, boot } = site()
  const first = await boot()
  await first.putPolicy({ policy: nightlyPolicy() })
  await first.stop()
  await clock.advance(14 * hour)
  t.equal(scripted.submitted.length, 0)
  const second = await boot()
  await clock.advance(1000)
  t.equal(scripted.submitted.length, 1)
  await second.stop()
})

t.test('when the job manager refuses, the task asks again later and loses nothing', async (t) => {
  const { clock, scripted, boot } = site()
  const scheduler = await boot()
  await scheduler.putPolicy({ policy: nightlyPolicy() })
  scripted.failNextSubmit('before')
  await clock.advance(11 * hour + 30_000)
  t.equal(scripted.submitted.length, 0)
  await clock.advance(60_000)
  t.equal(scripted.submitted.length, 1)
  await scheduler.stop()
})
