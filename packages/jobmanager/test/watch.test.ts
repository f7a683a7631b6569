import type { JobEvent } from '@nb/contracts'
import t from 'tap'
import { driven, logOf, openSite, request, runJob } from './fixture.ts'

t.test('a slow reader misses intermediate states, but neither the last nor any line', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  const events = site.manager.watch({ lines: true })[Symbol.asyncIterator]()
  const first = events.next()
  const { jobId } = await site.manager.submit(request())
  const seen: JobEvent[] = [(await driven(site.clock, first)).value as JobEvent]
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  for (;;) {
    const { value } = (await events.next()) as { value: JobEvent }
    seen.push(value)
    if (value.kind === 'job' && value.job.status !== undefined) break
  }
  await events.return?.()
  const lines = seen.flatMap((event) => (event.kind === 'line' ? [event.line] : []))
  t.strictSame(lines, (await logOf(site, jobId)).slice(0, lines.length))
  t.match(seen.at(-1), { kind: 'job', job })
  t.ok(seen.filter(({ kind }) => kind === 'job').length < 4)
})

t.test('a job that leaves what is watched for is told once more', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  const states: string[] = []
  const reading = (async () => {
    for await (const event of site.manager.watch({ states: ['active'] })) {
      if (event.kind !== 'job') continue
      states.push(event.job.state)
      if (event.job.status !== undefined) return
    }
  })()
  await runJob(site)
  await driven(site.clock, reading)
  t.equal(states[0], 'active')
  t.equal(states.at(-1), 'done')
})

t.test('the end of the manager ends the watch, after all that was to be told', async (t) => {
  const site = await openSite({ script: () => ({ durationMs: Infinity }) })
  const statuses: (number | undefined)[] = []
  const reading = (async () => {
    for await (const event of site.manager.watch({}))
      if (event.kind === 'job') statuses.push(event.job.status)
  })()
  reading.catch(() => undefined)
  await site.manager.submit(request())
  await site.clock.advance(10_000)
  await site.stop()
  await t.rejects(reading, { code: 'manager-stopping' })
  t.equal(statuses.at(-1), 803)
})

t.test('events tell what happened, once each', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  const told: string[] = []
  site.manager.on('job:submitted', ({ jobId }) => told.push(`submitted ${jobId}`))
  site.manager.on('job:active', ({ jobId }) => told.push(`active ${jobId}`))
  site.manager.on('job:step', ({ line }) => told.push(`step ${line.step?.number}`))
  site.manager.on('job:finished', ({ jobId, status }) => told.push(`finished ${jobId} ${status}`))
  await runJob(site)
  t.equal(told.filter((text) => !text.startsWith('step')).join(), 'submitted 1,active 1,finished 1 0')
  t.equal(told.at(-1), 'finished 1 0')
  t.equal(told.filter((text) => text.startsWith('step')).length, 16)
})
