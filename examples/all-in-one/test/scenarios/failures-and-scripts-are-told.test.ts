import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { manualPolicy } from '../support/site.ts'
import { terminalOf } from '../support/terminal.ts'

t.setTimeout(110_000)

t.test('a command is told of a job that failed, and only of that', async (t) => {
  const root = scratch('on-failure')
  const [source, state, told] = [join(root, 'source'), join(root, 'state'), join(root, 'told')]
  mkdirSync(source)
  writeFileSync(join(source, 'a'), 'a')
  const server = await boot(state, {
    settings: { tries: 1, onFailure: `echo "$NB_JOB_ID $NB_STATUS $NB_POLICY" >> '${told}'; echo paged ann` },
  })
  t.teardown(() => server.stop())
  const { nb, until, stop } = await terminalOf(server, state)
  t.teardown(stop)
  const { scheduler } = server.ports
  await scheduler.putPolicy({ policy: manualPolicy(source) })
  await scheduler.putPolicy({ policy: { ...manualPolicy(join(root, 'none')), name: 'broken' } })
  t.match(await nb('backup', 'manual', '--wait'), { code: 0 })
  t.match(await nb('backup', 'broken', '--wait'), { code: 1, err: /status 71/ })
  const log = await until(/paged ann/, 'job', '2')
  t.match(log, /job-notifier/)
  t.equal(readFileSync(told, 'utf8'), '2 71 broken\n')
})

t.test("a client's scripts run around its backups; one that fails ends the backup with 73", async (t) => {
  const root = scratch('scripts')
  const [source, state, scripts] = [join(root, 'source'), join(root, 'state'), join(root, 'scripts')]
  mkdirSync(source)
  mkdirSync(scripts)
  const script = (name: string, text: string): void => {
    writeFileSync(join(scripts, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(scripts, name), 0o755)
  }
  script('start_notify', `echo database is quiet > '${join(source, 'dump')}'; echo dumped`)
  script('end_notify', `rm '${join(source, 'dump')}'`)
  script('start_notify.broken', 'echo no database here; exit 3')
  const server = await boot(state, { settings: { tries: 1, clientScripts: scripts } })
  t.teardown(() => server.stop())
  const { nb, stop } = await terminalOf(server, state)
  t.teardown(stop)
  const { scheduler } = server.ports
  await scheduler.putPolicy({ policy: manualPolicy(source) })
  await scheduler.putPolicy({ policy: { ...manualPolicy(source), name: 'broken' } })
  t.match(await nb('backup', 'manual', '--wait'), { code: 0 })
  t.match((await nb('job', '1')).out, /dumped/)
  t.match(await nb('list', join(source, 'dump')), { code: 0 }, 'what the script made is in the image')
  t.match(await nb('backup', 'broken', '--wait'), { code: 1, err: /status 73/ })
  t.match((await nb('job', '2')).out, /no database here/)
})
