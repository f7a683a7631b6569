import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type InMemoryServer, startInMemoryServer } from './in-memory-server.ts'

let server: InMemoryServer
t.beforeEach(async () => {
  server = await startInMemoryServer()
})
t.afterEach(() => server.stop())

t.test('a policy is exported, edited and imported again', async (t) => {
  const to = t.testdir()
  t.match(await server.nb('policy', 'export', 'nightly'), {
    code: 0,
    out: /^# generation 1 of nightly\nname: nightly\n[^]*type: full/,
  })
  t.match(await server.nb('policy', 'export', '--all', '--to', join(to, 'new')), {
    code: 0,
    out: /^policy nightly: .*new\/nightly\.yaml\n$/,
  })
  const file = join(to, 'new', 'nightly.yaml')
  t.match(await server.nb('policy', 'import', file), {
    code: 0,
    out: 'policy nightly: unchanged, generation 1\n',
  })
  writeFileSync(file, readFileSync(file, 'utf8').replace('active: true', 'active: false'))
  t.match(await server.nb('policy', 'import', file, '--preview'), {
    code: 0,
    out: 'policy nightly: would be changed (active), generation 1\n',
  })
  t.match(await server.scheduler.getPolicy({ name: 'nightly' }), { active: true })
  t.match(await server.nb('policy', 'import', file), {
    code: 0,
    out: 'policy nightly: changed (active), generation 2\n',
  })
  t.match(await server.scheduler.getPolicy({ name: 'nightly' }), { active: false, generation: 2 })
})

t.test('an import over a change of someone else is refused, with the way on, unless forced', async (t) => {
  const file = join(t.testdir(), 'nightly.yaml')
  writeFileSync(file, (await server.nb('policy', 'export', 'nightly')).out.replace('web2', 'web3'))
  await server.nb('policy', 'deactivate', 'nightly')
  const { code, out, err } = await server.nb('policy', 'import', file)
  t.equal(code, 1)
  t.equal(out, '')
  t.match(
    err,
    /exported at generation 1 of policy nightly, which was changed \(it is generation 2 now\) since/,
  )
  t.match(err, /export it again and repeat the edit, or overwrite with --force \(generation-conflict\)/)
  t.match(await server.nb('policy', 'import', file, '--force'), {
    code: 0,
    out: /changed \(active, clients\)/,
  })
  await server.nb('policy', 'remove', 'nightly')
  t.match(await server.nb('policy', 'import', file), {
    code: 1,
    err: /which was removed since \(.*\): let it be, or make it anew with --force \(generation-conflict\)/,
  })
  t.match(await server.nb('policy', 'import', file, '--force'), { code: 0, out: /added, generation 4/ })
})

t.test('a file that says what is there already is no conflict, however often it is imported', async (t) => {
  const file = join(t.testdir(), 'nightly.yaml')
  writeFileSync(file, (await server.nb('policy', 'export', 'nightly')).out.replace('web2', 'web3'))
  t.match(await server.nb('policy', 'import', file), { code: 0, out: /changed \(clients\), generation 2\n/ })
  t.match(await server.nb('policy', 'import', file), {
    code: 0,
    out: 'policy nightly: unchanged, generation 2\n',
  })
})

t.test('a policy that was removed and made anew is not overwritten by an old export', async (t) => {
  const file = join(t.testdir(), 'nightly.yaml')
  const text = (await server.nb('policy', 'export', 'nightly')).out
  writeFileSync(file, text.replace('web2', 'web3'))
  await server.nb('policy', 'remove', 'nightly')
  const anew = `${file}.anew.yaml`
  writeFileSync(anew, text.replace(/^#.*\n/, ''))
  t.match(await server.nb('policy', 'import', anew), {
    code: 0,
    out: 'policy nightly: added, generation 2\n',
  })
  t.match(await server.nb('policy', 'import', file), {
    code: 1,
    err: /exported at generation 1 of policy nightly, which was changed \(it is generation 2 now\) since/,
  })
  t.match((await server.scheduler.getPolicy({ name: 'nightly' }))?.clients, ['web1', 'web2'])
})

t.test('a copy of an export under another name is added, and replaces no other policy unseen', async (t) => {
  const file = join(t.testdir(), 'copy.yaml')
  const text = (await server.nb('policy', 'export', 'nightly')).out
  const copy = text.replace('name: nightly', 'name: weekly')
  writeFileSync(file, copy)
  t.match(await server.nb('policy', 'import', file), { code: 0, out: 'policy weekly: added, generation 1\n' })
  writeFileSync(file, copy.replace('web2', 'web3'))
  t.match(await server.nb('policy', 'import', file), {
    code: 1,
    err: /generation 1 of policy nightly, and policy weekly is there already: give the copy another name, or/,
  })
  t.match(await server.nb('policy', 'import', file, '--force'), { code: 0, out: /changed \(clients\)/ })
  await server.nb('policy', 'remove', 'weekly')
  t.match(await server.nb('policy', 'import', file), { code: 0, out: /added, generation 3/ })
})

t.test('an export whose first line names no policy, as older ones, is of the policy it holds', async (t) => {
  const file = join(t.testdir(), 'old.yaml')
  const text = (await server.nb('policy', 'export', 'nightly')).out.replace(' of nightly', '')
  writeFileSync(file, text)
  t.match(await server.nb('policy', 'import', file), { code: 0, out: /nightly: unchanged/ })
  await server.nb('policy', 'deactivate', 'nightly')
  t.match(await server.nb('policy', 'import', file), { code: 1, err: /which was changed/ })
  writeFileSync(file, text.replace('name: nightly', 'name: weekly'))
  t.match(await server.nb('policy', 'import', file), { code: 0, out: /weekly: added/ })
})

t.test('an export of another server is told as such, and taken where nothing is in its way', async (t) => {
  const file = join(t.testdir(), 'elsewhere.yaml')
  const text = (await server.nb('policy', 'export', 'nightly')).out.replace('generation 1', 'generation 9')
  writeFileSync(file, text.replace('web2', 'web3'))
  const { code, err } = await server.nb('policy', 'import', file)
  t.equal(code, 1)
  t.match(err, /generation 9 of policy nightly, which is only at generation 1 here: it comes from another/)
  t.match(
    err,
    /compare it with nb policy export nightly, then overwrite with --force \(generation-conflict\)/,
  )
  t.notMatch(err, /since/)
  await server.nb('policy', 'remove', 'nightly')
  t.match(await server.nb('policy', 'import', file), { code: 0, out: /added, generation 2/ })
})

t.test('a file that is wrong is told with line and field, and the others are taken', async (t) => {
  const folder = t.testdir()
  const [good, bad] = [join(folder, 'good.yaml'), join(folder, 'bad.yaml')]
  const text = (await server.nb('policy', 'export', 'nightly')).out.replace(/^#.*\n/, '')
  writeFileSync(good, text.replace('name: nightly', 'name: other'))
  writeFileSync(bad, text.replace('type: full', 'type: fully'))
  const { code, out, err } = await server.nb('policy', 'import', bad, good, join(folder, 'none.yaml'))
  t.equal(code, 1)
  t.equal(out, 'policy other: added, generation 1\n')
  t.match(err, /bad\.yaml:\d+:\d+: schedules\[0\]\.type /)
  t.match(err, /none\.yaml can't be read: ENOENT/)
})

t.test('a file with several faults tells each on a line of its own', async (t) => {
  const file = join(t.testdir(), 'bad.yaml')
  const text = (await server.nb('policy', 'export', 'nightly')).out
  writeFileSync(file, text.replace('type: full', 'type: fully').replace('active: true', 'xyzzy: "\\n"'))
  const { code, err } = await server.nb('policy', 'import', file)
  t.equal(code, 1)
  t.match(
    err.split('\n').map((line) => line.replace(file, 'FILE')),
    [
      /^nb: FILE:\d+:\d+: xyzzy is no known key; known are: name, /,
      /^FILE:\d+:\d+: schedules\[0\]\.type .* not "fully" \(argument-invalid\)$/,
      /^status 20/,
      /^remedy: /,
    ],
  )
})

t.test('storage that the server does not have is warned of, and the policy is taken', async (t) => {
  const file = join(t.testdir(), 'nightly.yaml')
  writeFileSync(file, (await server.nb('policy', 'export', 'nightly')).out)
  t.match(await server.nb('policy', 'import', file), {
    code: 0,
    out: /unchanged/,
    err: 'nb: warning: policy nightly: there is no storage unit disk1\n',
  })
  const both = { mediaServer: 'local', state: 'up', maxFragmentBytes: 1 } as const
  const disk = { type: 'disk', name: 'disk1', onDemandOnly: false, maxConcurrentJobs: 1 } as const
  server.media.facts.units.set('disk1', { ...both, ...disk })
  t.match(await server.nb('policy', 'import', file), { code: 0, err: /^$/ })
})

t.test('an empty name is no file, and a folder is told as one', async (t) => {
  t.match(await server.nb('policy', 'import', ''), { code: 2, err: /name of a file, not an empty one/ })
  const folder = t.testdir({ 'a\nb': {} })
  t.match(await server.nb('policy', 'import', folder), {
    code: 1,
    err: /is a folder; name the files in it \(argument-invalid\)/,
  })
  t.match(
    await server.nb('policy', 'import', join(folder, 'a\nb')),
    { err: /^nb: [^\n]*a\\x0ab is a folder/ },
    'a line end of a name is no line end of the message',
  )
})

t.test('several policies need a folder, and JSON is a form too', async (t) => {
  await server.nb('policy', 'export', 'nightly', '--format', 'json')
  const json = (await server.nb('policy', 'export', 'nightly', '--format', 'json')).out
  t.equal((JSON.parse(json) as { name: string }).name, 'nightly')
  const file = join(t.testdir(), 'p.json')
  writeFileSync(file, json.replace('"nightly"', '"second"'))
  t.match(await server.nb('policy', 'import', file), { code: 0, out: /policy second: added/ })
  t.match(await server.nb('policy', 'export', '--all'), { code: 2, err: /--to DIR/ })
  t.match(await server.nb('policy', 'export'), { code: 2 })
  t.match(await server.nb('policy', 'export', 'none'), { code: 1, err: /policy-unknown/ })
  t.notOk(existsSync('/work-dir'))
})
