import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { startInMemoryServer } from './in-memory-server.ts'

const main = join(import.meta.dirname, '../src/main.ts')
const node = [...process.execArgv, main]

t.test('the program prints, exits and says how', async (t) => {
  const server = await startInMemoryServer()
  const run = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        [...node, '--state', server.state, ...args],
        (_error, out, err) => resolve({ code: child.exitCode ?? -1, out, err }),
      )
    })
  t.match(await run('policies'), { code: 0, out: /nightly/, err: '' })
  t.match(await run('job', '99'), { code: 1, out: '', err: /status 805/ })
  t.match(await run('dance'), { code: 2, out: '' })
  await server.stop()
})

t.test('a reader that leaves early is no failure, and Ctrl-C ends a follow', async (t) => {
  const server = await startInMemoryServer()
  server.jobs.change('1', {})
  const follow = spawn(process.execPath, [...node, '--state', server.state, 'jobs', '--follow'])
  await once(follow.stdout, 'data')
  follow.kill('SIGINT')
  t.same(await once(follow, 'exit'), [0, null])

  const left = spawn(process.execPath, [...node, '--state', server.state, 'jobs', '--follow'])
  await once(left.stdout, 'data')
  left.stdout.destroy()
  const gone = once(left, 'exit')
  server.jobs.change('1', { state: 'active' })
  t.same(await gone, [0, null])
  await server.stop()
})

t.test('where nobody reads from the start, it ends as if somebody did', async (t) => {
  const ends = async (left: readonly ('stdout' | 'stderr')[], ...args: string[]): Promise<unknown> => {
    const child = spawn(process.execPath, [...node, ...args])
    let err = ''
    if (!left.includes('stderr')) child.stderr.on('data', (text) => (err += String(text)))
    for (const stream of left) child[stream].destroy()
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, err }
  }
  const [unread, deaf] = await Promise.all([
    ends(['stdout'], '--help'),
    ends(['stdout', 'stderr'], '--state', '/not/there', 'jobs'),
  ])
  t.same(unread, { code: 0, err: '' })
  t.same(deaf, { code: 2, err: '' })
})
