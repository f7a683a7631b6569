import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Files, systemFiles } from '@nb/contracts'
import t from 'tap'
import { boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { assertSound, manualPolicy } from '../support/site.ts'
import { terminalOf } from '../support/terminal.ts'

t.setTimeout(110_000)

/** Files of a disk on which the first fragments can't be made. */
function failingFiles(failures: number): { readonly files: Files; readonly failed: () => number } {
  const files = systemFiles()
  let failed = 0
  return {
    failed: () => failed,
    files: {
      ...files,
      open: async (path, mode) => {
        if (path.endsWith('.nbf.tmp') && failed < failures) {
          failed += 1
          throw Object.assign(new Error('EIO: i/o error, open'), { code: 'EIO' })
        }
        return await files.open(path, mode)
      },
    },
  }
}

t.test('a backup that fails waits for its retry, and an operator sees its tries', async (t) => {
  const root = scratch('retry')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  writeFileSync(join(source, 'a'), 'a')
  const { files, failed } = failingFiles(1)
  const server = await boot(state, { files, settings: { tries: 2, retryDelayMs: 1500 } })
  t.teardown(() => server.stop())
  const { nb, values, until, stop } = await terminalOf(server, state)
  t.teardown(stop)
  await server.ports.scheduler.putPolicy({ policy: manualPolicy(source) })

  const jobId = (await nb('backup', 'manual', '--schedule', 'full')).out.replace('job ', '').trim()
  await until(/waiting-for-retry .*again at \d\d:/, 'jobs')
  t.equal(failed(), 1)
  t.match((await nb('why', jobId)).out, /the next begins 20.*\n.*nb cancel/)
  t.match((await nb('job', jobId)).out, /next attempt +20[^]*ATTEMPT +QUEUED[^]* 1 +20/)

  const job = await until(/^status +0: /m, 'job', jobId)
  t.match(job, /attempt +2\n/)
  const tries = await values('job', jobId, '--attempts')
  t.match(tries, [
    { number: 1, status: Number },
    { number: 2, status: 0 },
  ])
  t.ok((tries[0] as { status: number }).status > 1)
  const first = (await nb('job', jobId, '--attempt', '1')).out
  t.match(first, /^attempt 1 of job \d+, queued .*, ended .* with \d+: /)
  t.match(first, /EIO/, 'the first try tells what failed')
  t.notMatch((await nb('job', jobId, '--attempt', '2')).out, /EIO/)
  await server.ports.jobs.cleanImages()
  await assertSound(server, source, { snapshots: new Map(), reported: [], scratch: root })
})

t.test('a job that waits for its retry is cancelled, and one without tries left has failed', async (t) => {
  const root = scratch('retry-cancelled')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  writeFileSync(join(source, 'a'), 'a')
  const server = await boot(state, {
    files: failingFiles(2).files,
    settings: { tries: 2, retryDelayMs: 600_000 },
  })
  t.teardown(() => server.stop())
  const { nb, values, until, stop } = await terminalOf(server, state)
  t.teardown(stop)
  await server.ports.scheduler.putPolicy({ policy: manualPolicy(source) })
  const start = async (): Promise<string> =>
    (await nb('backup', 'manual', '--schedule', 'full')).out.replace('job ', '').trim()

  const waits = await start()
  await until(/waiting-for-retry/, 'jobs')
  t.match(await nb('cancel', waits), { code: 0 })
  await until(/^status +150: /m, 'job', waits)

  const last = await start()
  const job = await until(/^status +83: /m, 'job', last)
  t.match(job, /can be done +restart/, 'its client has had its two tries in twelve hours')
  t.match(await values('jobs', '--failed'), [{ id: last }, { id: waits }])
})
