import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runExample, scratch, startExample } from '../support/run-example.ts'

/** A state after one backup, and what a server on it says. */
const site = async () => {
  const root = scratch('lost')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  writeFileSync(join(source, 'a'), 'a')
  const run = await runExample('--once', '--state', state, '--source', source)
  if (run.code !== 0) throw new Error(run.stderr)
  const serve = async (): Promise<string> => {
    const server = startExample(['--serve', '--state', state])
    await server.printed(/the server stays up/)
    server.child.kill('SIGTERM')
    return (await server.ended).stderr
  }
  return { state, serve }
}

const logOf = (state: string): string => {
  const name = readdirSync(join(state, 'database')).find((name) => name.endsWith('.log'))
  if (name === undefined) throw new Error('the database has no log')
  return join(state, 'database', name)
}

t.test('a whole state opens without a warning', async (t) => {
  const { serve } = await site()
  t.equal(await serve(), '')
})

t.test('garbled records of the database are told at the start', async (t) => {
  const { state, serve } = await site()
  const file = openSync(logOf(state), 'r+')
  writeSync(file, Buffer.alloc(200, 0x5a), 0, 200, 64)
  closeSync(file)
  t.match(await serve(), /warning: the database lost \d+ bytes of damaged records/)
})

t.test('a database whose log is gone is told by what is missing', async (t) => {
  const { state, serve } = await site()
  rmSync(logOf(state))
  t.match(await serve(), /warning: there are images but no policy/)
})

t.test('an image whose header is garbled is told at the start', async (t) => {
  const { state, serve } = await site()
  const header = execFileSync('find', [join(state, 'images'), '-name', 'header.json'], {
    encoding: 'utf8',
  }).trim()
  writeFileSync(header, '{"garbled')
  t.match(await serve(), /warning: image \S+ is damaged: /)
})
