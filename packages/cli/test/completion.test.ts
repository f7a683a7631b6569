import { execFile } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { type InMemoryServer, runIn, startInMemoryServer } from './in-memory-server.ts'

const run = promisify(execFile)
let server: InMemoryServer
t.beforeEach(async () => {
  server = await startInMemoryServer()
})
t.afterEach(() => server.stop())

/** What the last of some words may become, without what it is about. */
async function completed(...words: string[]): Promise<string[]> {
  const { code, out, err } = await server.nb('complete', '--', ...words)
  t.match({ code, err }, { code: 0, err: '' })
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^([^\t]+)\t.*/, '$1'))
}

t.test('commands, options and the words that they take are completed', async (t) => {
  t.same(await completed('polic'), ['policies', 'policy'])
  t.same(await completed('policy', 'sh'), ['show'])
  t.same(await completed('jobs', '--sta'), ['--state-is', '--status', '--state'])
  t.same(await completed('jobs', '--state-is', 'wai'), ['waiting-for-retry'])
  t.same(await completed('jobs', '--state-is=do'), ['--state-is=done'])
  t.same(await completed('restore', '/srv', '--if-exists', ''), ['overwrite', 'skip', 'fail'])
  t.same(await completed('completion', ''), ['bash', 'zsh', 'fish'])
  t.same(await completed('policy', 'import', ''), ['\tfiles'])
  t.same(await completed('help', 'bpdb'), ['bpdbjobs'])
  t.same(await completed('nosuch', 'x'), [])
  t.notOk((await completed('')).includes('complete'), 'what is for scripts is not shown')
})

t.test('names come from the server that the command line names', async (t) => {
  server.jobs.change('12', { type: 'restore' })
  server.media.facts.drives.set('drive0', { name: 'drive0', mediaServer: 'm', density: 'h', state: 'up' })
  const at = (...words: string[]) => completed('--state', server.state, ...words)
  t.same(await at('backup', 'ni'), ['nightly'])
  t.same(await at('policy', 'show', ''), ['nightly'])
  t.same(await at('policies', '--cl'), [])
  t.same(await at('jobs', '--client', 'w'), ['web1', 'web2'])
  t.same(await at('why', ''), ['12'])
  t.same(await at('job', '12', ''), [], 'one job is all that it takes')
  t.same(await at('cancel', '12', '1'), ['12'], 'of what may be repeated there is more')
  t.same(await at('drive', 'down', 'dr'), ['drive0'])
  t.same(await at('drives', 'down', 'dr'), ['drive0'], 'as people write it')
  t.same(await at('--json', 'backup', '--policy=ni'), ['--policy=nightly'])
})

t.test('a server that is away says nothing, soon', async (t) => {
  const away = { NB_STATE: '/nowhere' }
  t.match(await runIn({}, ['complete', '--', 'why', ''], away), { code: 0, out: '', err: '' })
  t.match(await runIn({}, ['complete', '--', '--master', '127.0.0.1:1', 'why', ''], away), {
    code: 0,
    out: '',
    err: '',
  })
})

t.test('bash completes', async (t) => {
  const folder = t.testdir({})
  const nb = join(folder, 'nb')
  const main = join(import.meta.dirname, '../src/main.ts')
  const node = [process.execPath, ...process.execArgv, '--no-warnings', main]
    .map((word) => `'${word}'`)
    .join(' ')
  writeFileSync(nb, `#!/bin/sh\nexec ${node} "$@"\n`)
  chmodSync(nb, 0o755)
  const script = `eval "$(nb completion bash)"
try() { COMP_WORDS=(nb "$@"); COMP_CWORD=$#; _nb nb; echo "\${COMPREPLY[*]}"; }
try policy sh
try --state '${server.state}' backup --policy = ni`
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` }
  const { stdout, stderr } = await run('bash', ['--norc', '-c', script], { env })
  t.equal(stderr, '')
  t.same(stdout.split('\n'), ['show', 'nightly', ''])
})
