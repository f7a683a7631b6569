import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { clientName } from '../../src/compose.ts'
import { boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { terminalOf } from '../support/terminal.ts'

t.setTimeout(110_000)

t.test('a policy file that is put into the folder runs, an edit counts, and a mistake is told', async (t) => {
  const root = scratch('policy-files')
  const [source, state, policies] = [join(root, 'source'), join(root, 'state'), join(root, 'policies')]
  mkdirSync(source)
  mkdirSync(policies)
  writeFileSync(join(source, 'a'), 'a')
  const warnings: string[] = []
  const server = await boot(state, {
    settings: { policyDirectory: policies, policyPollMs: 100 },
    warn: (text) => warnings.push(text),
  })
  t.teardown(() => server.stop())
  const { nb, values, until, stop } = await terminalOf(server, state)
  t.teardown(stop)
  t.match(await nb('policies'), { code: 0, err: 'no policies\n' })

  const file = join(policies, 'home.yaml')
  const text = `
# What Ann works on.
name: home
active: true
clients: [${clientName}]
selections: [${source}]
storage: any
schedules:
  - name: full
    type: full
    every: 1 day
    windows: { daily: 00:00 for 24h }
    retention: 2 weeks
`
  writeFileSync(file, text)
  const started = await until(/home/, 'jobs')
  t.match(started, /backup +\S+ .*home +full/, 'it is due, so it runs')
  await until(/^status +0: /m, 'job', '1')
  t.match((await nb('next', 'home')).out, /home +\S+ +full +waiting/)
  t.match((await nb('preview', 'home', '--to', '3d')).out, /full +full/)

  writeFileSync(file, text.replace('every: 1 day', 'every: every day'))
  for (let turn = 0; turn < 1000 && warnings.length === 0; turn++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  t.match(warnings[0], /home\.yaml:\d+:\d+: schedules\[0\]\.every /)
  t.match((await nb('policy', 'show', 'home')).out, /full +full +every 1d/, 'what it said before stays')

  writeFileSync(file, text.replace('active: true', 'active: false'))
  await until(/home +no/, 'policies')
  t.match(await nb('backup', 'home'), { code: 1, err: /status 247/ })
  t.match(await nb('policy', 'activate', 'home'), { code: 0 })
  // For a moment it stands under another name, until the new one is in its place.
  const present = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')
  for (let turn = 0; turn < 1000 && !present().includes('active: true'); turn++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  const written = readFileSync(file, 'utf8')
  t.match(written, /# What Ann works on\.[^]*active: true/, 'the change is in the file, comments stay')

  t.match(await nb('retention', 'set', '4', '90d'), { code: 0 })
  writeFileSync(join(policies, 'retention-levels.yaml'), '5: 1 year\n')
  await until(/ 5 +1y/, 'retention')
  writeFileSync(join(policies, 'other.yaml'), text.replace('name: home', 'name: other'))
  await until(/other/, 'policies')
  rmSync(file)
  await until(/^POLICY[^\n]*\nother[^\n]*\n$/, 'policies')
  t.equal((await values('images')).length > 0, true, 'its images stay')
  t.notOk(existsSync(file))
})

t.test('a policy folder that was not there is told, and a policy that names what is not there', async (t) => {
  const root = scratch('policy-folder')
  const [state, policies] = [join(root, 'state'), join(root, 'new', 'policies')]
  const warnings: string[] = []
  const server = await boot(state, {
    settings: { policyDirectory: policies, policyPollMs: 100 },
    warn: (text) => warnings.push(text),
  })
  t.teardown(() => server.stop())
  t.same(warnings, [`policy folder ${policies} was not there; it is made, without any policy`])
  writeFileSync(
    join(policies, 'off-site.yaml'),
    `
name: off-site
active: false
clients: [elsewhere]
selections: [/home]
storage: { unit: disk9 }
schedules:
  - { name: full, type: full, every: 1 day, windows: { daily: 00:00 for 24h }, retention: 2 weeks }
`,
  )
  for (let turn = 0; turn < 1000 && warnings.length < 3; turn++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  t.same(warnings.slice(1), [
    'policy off-site: client elsewhere is not known here',
    'policy off-site: there is no storage unit disk9',
  ])
})
