import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Schedule, toPath } from '@nb/contracts'
import t from 'tap'
import { clientName } from '../../src/compose.ts'
import { boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { terminalOf } from '../support/terminal.ts'

t.setTimeout(110_000)

const always = [{ weekday: 0, startSeconds: 0, durationSeconds: 604_800 }]

t.test('a user backs up and archives what is theirs, while a schedule for it is open', async (t) => {
  const root = scratch('user')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(join(source, 'old'), { recursive: true })
  writeFileSync(join(source, 'thesis'), 'a thesis')
  writeFileSync(join(source, 'old', 'draft'), 'a draft')
  const server = await boot(state)
  t.teardown(() => server.stop())
  const { nb, values, until, stop } = await terminalOf(server, state)
  t.teardown(stop)
  const asked = (type: 'user-backup' | 'user-archive', windows: Schedule['windows']): Schedule => {
    return { name: type, type, windows, retentionLevel: 1 }
  }
  const policyOf = (...schedules: readonly Schedule[]) => {
    const selections = [toPath('/nothing/by/itself')]
    return {
      name: 'home',
      active: true,
      clients: [clientName],
      selections,
      storage: { kind: 'any' },
      schedules,
    } as const
  }
  const backup = (...args: readonly string[]) => nb('backup', ...args, '--wait')

  t.match(await backup('--user', join(source, 'thesis'), '--client', clientName), {
    code: 1,
    err: /status 198/,
  })
  const closed = await server.ports.scheduler.putPolicy({ policy: policyOf(asked('user-backup', [])) })
  t.match(await backup('--user', join(source, 'thesis')), { code: 1, err: /status 199/ })
  await server.ports.scheduler.putPolicy({
    policy: policyOf(asked('user-backup', always), asked('user-archive', always)),
    generation: closed.generation,
  })

  t.match(await backup('--user', join(source, 'thesis')), { code: 0, out: /status 0/ })
  t.match(await values('jobs', '--origin', 'user'), [
    { type: 'backup', scheduleType: 'user-backup', status: 0 },
  ])
  t.match(await backup('--archive', join(source, 'old')), { code: 0, out: /status 0/ })
  t.match(await values('jobs', '--type', 'archive'), [{ scheduleType: 'user-archive', status: 0 }])
  t.notOk(existsSync(join(source, 'old', 'draft')), 'what was archived is gone from the client')
  t.ok(existsSync(join(source, 'thesis')), 'and nothing else')
  const target = join(root, 'back')
  const draft = join(source, 'old', 'draft')
  t.match(await nb('restore', draft, '--to', target, '--strip', source, '--wait'), { code: 0 })
  await until(/draft/, 'list', join(source, 'old'))
  t.ok(existsSync(join(target, 'old', 'draft')), 'it comes back by a restore')
})
