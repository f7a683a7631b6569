import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runExample, scratch, startExample } from './support/run-example.ts'

t.setTimeout(240_000)

const folders = () => {
  const root = scratch('bad-input')
  const source = join(root, 'source')
  mkdirSync(source)
  writeFileSync(join(source, 'a'), 'a')
  return { root, source, state: join(root, 'state'), target: join(root, 'target') }
}

t.test('a source that does not exist', async (t) => {
  const { root, state } = folders()
  const run = await runExample('--once', '--state', state, '--source', join(root, 'none'))
  t.equal(run.code, 1)
  t.match(run.stderr, /status 71: --source .*none does not exist/)
  t.match(run.stderr, /Correct the selections/)
})

t.test('a source that is a file', async (t) => {
  const { source, state } = folders()
  const run = await runExample('--once', '--state', state, '--source', join(source, 'a'))
  t.match(run, { code: 1, stderr: /is no directory/ })
})

t.test('a target that is not empty, unless told what to do', async (t) => {
  const { source, state, target } = folders()
  mkdirSync(target)
  writeFileSync(join(target, 'precious'), 'mine')
  const args = ['--once', '--state', state, '--source', source, '--restore-to', target]
  const refused = await runExample(...args)
  t.match(refused, {
    code: 1,
    stderr: /status 5: --restore-to .*target is not empty; .*--if-exists overwrite or skip/,
  })
  const allowed = await runExample(...args, '--if-exists', 'overwrite')
  t.equal(allowed.code, 1, 'precious is only in the copy, which the comparison tells')
  t.match(allowed.stdout, /precious: only in the copy/)
})

t.test('a target inside the source', async (t) => {
  const { source, state } = folders()
  const run = await runExample(
    '--once',
    '--state',
    state,
    '--source',
    source,
    '--restore-to',
    join(source, 'x'),
  )
  t.match(run, { code: 1, stderr: /status 20: --restore-to .* lies inside the source/ })
})

t.test('places that lie inside one another', async (t) => {
  const { source, state, target } = folders()
  const inState = await runExample(
    '--once',
    '--state',
    state,
    '--source',
    source,
    '--restore-to',
    join(state, 'x'),
  )
  t.match(inState, { code: 1, stderr: /status 20: --restore-to .* and the state .* lie inside one another/ })
  const itself = await runExample('--once', '--state', source, '--source', source, '--restore-to', target)
  t.match(itself, { code: 1, stderr: /status 20: --source .* lies inside the state/ })
})

t.test('wrong usage ends with 2 and names the option', async (t) => {
  t.match(await runExample('--if-exists', 'maybe'), { code: 2, stderr: /--if-exists/ })
  t.match(await runExample('--source', ''), { code: 2, stderr: /--source needs a directory/ })
  t.match(await runExample('--nonsense'), { code: 2, stderr: /--nonsense/ })
  t.match(await runExample('--max-fragment', '0'), {
    code: 2,
    stderr: /--max-fragment must be a whole number of MiB/,
  })
  const help = await runExample('--help')
  t.equal(help.code, 0)
  for (const option of [
    '--source',
    '--restore-to',
    '--if-exists',
    '--state',
    '--once',
    '--max-fragment',
    '--serve',
  ]) {
    t.match(help.stdout, option)
  }
})

t.test('a state that another process holds is refused with the name of the holder', async (t) => {
  const { source, state } = folders()
  const holder = startExample(['--serve', '--state', state])
  await holder.printed(/the server stays up/)
  const refused = await runExample('--once', '--state', state, '--source', source)
  t.match(refused, { code: 1, stderr: new RegExp(`status 145: .* is in use by process ${holder.child.pid}`) })
  holder.child.kill('SIGTERM')
  t.match(await holder.ended, { code: 0 })
})

t.test('a state folder that cannot be one', async (t) => {
  const { source } = folders()
  const run = await runExample('--once', '--state', join(source, 'a'), '--source', source)
  t.match(run, { code: 1, stderr: /status 220: the state .* can't be opened/ })
})

t.test('a time zone that there is not', async (t) => {
  const run = await runExample('--serve', '--state', folders().state, '--time-zone', 'Wien')
  t.match(run, { code: 2, stderr: /option '--time-zone <NAME>' argument 'Wien' is invalid.*Europe\/Vienna/ })
})

t.test(
  'periods out of bounds are told with the bounds, and options that contradict each other',
  async (t) => {
    const options = (...more: string[]) => runExample('--serve', '--state', folders().state, ...more)
    t.match(await options('--retry-delay', '0s'), {
      code: 2,
      stderr: /'--retry-delay <PERIOD>' .*1s to 60min/,
    })
    t.match(await options('--tries-within', '30min'), {
      code: 2,
      stderr: /'--tries-within <PERIOD>' .*1h to 7d/,
    })
    t.match(await options('--once'), { code: 2, stderr: /--serve stays up and --once ends/ })
  },
)

t.test('folders that are none, or not there', async (t) => {
  const { source, state } = folders()
  const none = join(source, 'a')
  const options = (...more: string[]) => runExample('--serve', '--state', state, ...more)
  t.match(await options('--policies', none), { code: 2, stderr: /'--policies <DIR>' .*It is no folder/ })
  t.match(await options('--policies', join(none, 'x')), { code: 2, stderr: /'--policies <DIR>' .*ENOTDIR/ })
  t.match(await options('--client-scripts', join(source, 'none')), {
    code: 2,
    stderr: /'--client-scripts <DIR>' .*There is no such folder/,
  })
})

t.test('a state where no folder can be made', async (t) => {
  const run = await runExample('--serve', '--state', '/proc/nb/state')
  t.match(run, { code: 1, stderr: /status \d+: .*\/proc\/nb/ })
})

t.test('a file of tape keys that is none', async (t) => {
  const { root, state } = folders()
  const garbage = join(root, 'garbage')
  writeFileSync(garbage, 'no keys', { mode: 0o600 })
  const [folder, directory, broken] = await Promise.all([
    runExample('--tape-keys', join(root, 'none', 'keys'), '--tape-new-key', 'a'),
    runExample('--tape', 'iscsi://127.0.0.1:1', '--tape-keys', root),
    runExample('--serve', '--state', state, '--tape', 'iscsi://127.0.0.1:1', '--tape-keys', garbage),
  ])
  t.match(folder, { code: 2, stderr: /There is no folder .*none/ })
  t.match(directory, { code: 2, stderr: /It is a directory: name the file/ })
  t.match(broken, { code: 1, stderr: /The key file .*garbage can't be read: it is no JSON/ })
})
