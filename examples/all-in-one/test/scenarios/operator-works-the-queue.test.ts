import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { clientName } from '../../src/compose.ts'
import { boot } from '../support/boot.ts'
import { gatedFiles } from '../support/gated-files.ts'
import { scratch } from '../support/run-example.ts'
import { assertSound, manualPolicy } from '../support/site.ts'
import { terminalOf } from '../support/terminal.ts'

t.setTimeout(110_000)

t.test('jobs wait for one another, and an operator sees why and changes the order', async (t) => {
  const root = scratch('queue')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  writeFileSync(join(source, 'a'), randomBytes(100_000))
  const gate = gatedFiles()
  const server = await boot(state, { files: gate.files })
  t.teardown(() => server.stop())
  const { nb, values, until, stop } = await terminalOf(server, state)
  t.teardown(stop)
  await server.ports.scheduler.putPolicy({ policy: manualPolicy(source) })

  const reached = gate.close()
  const start = async (): Promise<string> =>
    (await nb('backup', 'manual', '--schedule', 'full')).out.replace('job ', '').trim()
  const first = await start()
  await reached
  const second = await start()
  const third = await start()
  await until(new RegExp(`\\b${third} +backup`), 'queue')

  const why = (await nb('why', second)).out
  t.match(
    why,
    new RegExp(`client-limit .* \\(1 of 1 in use\\), reason 2040\\n.*\\n +held by job ${first} for`),
  )
  const order = async (): Promise<unknown[]> =>
    (await values('queue')).map((one) => (one as { request: { jobId: string } }).request.jobId)
  t.same(await order(), [second, third], 'the older goes first')
  t.match(await nb('priority', third, '500'), { code: 0 })
  t.same(await order(), [third, second], 'the one of higher priority goes first')
  t.match((await nb('queue')).out, new RegExp(`1 +${third} +backup +500 .*held by ${first}`))

  t.match(await nb('suspend', second, '--reason', 'not today'), { code: 0, out: /suspend/ })
  await until(/state +suspended/, 'job', second)
  t.match((await nb('why', second)).out, new RegExp(`to let it go on: nb resume ${second}`))
  t.same(await order(), [third], 'a suspended job is off the queue')

  gate.open()
  await until(/^status +0: /m, 'job', first)
  await until(/^status +0: /m, 'job', third)
  t.match((await nb('job', second)).out, /state +suspended/)
  t.match(await nb('suspend', first), { code: 1, err: /state-conflict/ })
  t.match(await nb('resume', second), { code: 0 })
  const resumed = await until(/^status +0: /m, 'job', second)
  t.match(resumed, /not today/, 'the reason stands in the log')

  const again = (await nb('restart', first)).out
  t.match(again, new RegExp(`job ${first}: restarted as job \\d+\\n`))
  const [, restarted = ''] = /as job (\d+)/.exec(again) ?? []
  await until(/^status +0: /m, 'job', restarted)
  t.equal((await values('jobs', '--status', '0')).length, 4)
  t.same(await values('jobs', '--failed'), [])
  t.match(await nb('orphans'), { code: 0, err: /no orphans/ })
  t.match(await nb('purge', '--older-than', '0s'), { out: /^4 jobs removed/ })
  await assertSound(server, source, { snapshots: new Map(), reported: [], scratch: root })
})

t.test('a running backup is suspended at its checkpoint, and goes on from there', async (t) => {
  const root = scratch('suspend')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  for (let at = 100; at < 300; at++) writeFileSync(join(source, `file-${at}`), randomBytes(50_000))
  // A checkpoint ends a fragment: the job stands still in the second, behind its first checkpoint.
  const gate = gatedFiles(1)
  const reached = gate.close()
  const server = await boot(state, { files: gate.files })
  t.teardown(() => server.stop())
  const { nb, until, stop } = await terminalOf(server, state)
  t.teardown(stop)
  // A policy has a minute between checkpoints at least; a program may ask for less.
  const policy = { ...manualPolicy(source), checkpointIntervalMs: 1 }
  const [schedule] = policy.schedules
  assert.ok(schedule)
  const { jobId } = await server.ports.jobs.submit({
    requestId: 'by-a-program',
    type: 'backup',
    origin: 'immediate',
    policy,
    schedule,
    client: clientName,
    limits: {},
    lines: [],
  })
  await reached
  await until(/checkpoint +20/, 'job', jobId)
  const suspending = nb('suspend', jobId)
  gate.open()
  t.match(await suspending, { code: 0, out: /suspend/ })
  await until(/state +suspended/, 'job', jobId)
  const before = (await nb('job', jobId, '--attempt', '1')).out
  t.match(before, /with 157: suspended/)
  t.match(before, /warning: the session has ended with 157: suspended by an administrator\n/)
  t.notMatch(before, / error: /, 'a suspend that was wanted is no error')
  t.match(await nb('resume', jobId), { code: 0 })
  const job = await until(/^status +0: /m, 'job', jobId)
  t.match(job, /attempt +2\n/)
  t.match(job, / 1 +20.* 157 .*\n +2 +20.* 0 /, 'both tries are listed')
  await server.ports.jobs.cleanImages()
  await assertSound(server, source, { snapshots: new Map(), reported: [], scratch: root })
})
