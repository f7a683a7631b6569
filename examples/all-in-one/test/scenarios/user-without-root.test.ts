import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { type ExampleRun, scratch, startExample } from '../support/run-example.ts'

t.setTimeout(110_000)

/** `nobody`, where the test itself runs as root; else who runs it. */
const isRoot = process.getuid?.() === 0
const user = isRoot ? 65_534 : undefined

/** Gives a tree to the user. */
function giveAway(path: string): void {
  if (user === undefined) return
  lchownSync(path, user, user)
  if (!lstatSync(path).isDirectory()) return
  for (const name of readdirSync(path)) giveAway(join(path, name))
}

function makeHome(test: Test): { readonly root: string; readonly source: string } {
  const root = scratch('without-root')
  test.teardown(() => rmSync(root, { recursive: true }))
  const source = join(root, 'source')
  mkdirSync(join(source, 'read-only'), { recursive: true })
  writeFileSync(join(source, 'mine'), 'mine', { mode: 0o600 })
  writeFileSync(join(source, 'read-only', 'inside'), 'in a directory that I may not write to', {
    mode: 0o400,
  })
  linkSync(join(source, 'mine'), join(source, 'mine-too'))
  symlinkSync('mine', join(source, 'pointer'))
  utimesSync(join(source, 'mine'), 1e9, 1.1e9)
  giveAway(root)
  chmodSync(join(source, 'read-only'), 0o500)
  return { root, source }
}

function run(root: string, source: string, target: string): Promise<ExampleRun> {
  const args = [
    '--once',
    '--state',
    join(root, 'state'),
    '--source',
    source,
    '--restore-to',
    join(root, target),
  ]
  return startExample(args, undefined, user).ended
}

t.test('a user backs up and restores what is their own', async (t) => {
  if (!isRoot) t.comment('run by a user who is not root already')
  const { root, source } = makeHome(t)
  const first = await run(root, source, 'first')
  t.equal(first.code, 0, first.stderr)
  t.match(first.stdout, /job 1 ended with 0: /)
  t.same(compareTrees(source, join(root, 'first')), [])
  if (user !== undefined) t.equal(lstatSync(join(root, 'state')).uid, user)
  t.equal(lstatSync(join(root, 'state')).mode & 0o777, 0o700, 'nobody else may look into the state')

  writeFileSync(join(source, 'more'), 'more')
  giveAway(join(source, 'more'))
  const second = await run(root, source, 'second')
  t.equal(second.code, 0, second.stderr)
  t.same(compareTrees(source, join(root, 'second')), [])
})

t.test('what a user may not read is named, and everything else is there', async (t) => {
  if (!isRoot) return t.comment('SKIPPED: only root can make files that the user can not read')
  const { root, source } = makeHome(t)
  writeFileSync(join(source, 'secret'), 'of root', { mode: 0o600 })
  mkdirSync(join(source, 'closed'), { mode: 0o700 })
  const result = await run(root, source, 'target')
  t.match(result.stdout, /client-agent +warning: .*source\/secret/)
  t.match(result.stdout, /client-agent +warning: .*source\/closed/)
  t.match(result.stdout, /job 1 ended with 1: /)
  t.equal(readFileSync(join(root, 'target', 'mine'), 'utf8'), 'mine')
  t.equal(result.code, 1, 'the copy is not all of the source')
  t.match(result.stdout, /^ {2}\/secret: missing$/m)
  t.match(result.stdout, /^ {2}\/closed: could not be compared \(EACCES\)$/m)
  t.match(result.stderr, /status 5: .* differences .* the warnings above may say why/)
})

t.test('files of others are restored as one’s own, with a warning', async (t) => {
  if (!isRoot) return t.comment('SKIPPED: only root can give files to others')
  const { root, source } = makeHome(t)
  writeFileSync(join(source, 'readable'), 'of root', { mode: 0o644 })
  chownSync(join(source, 'readable'), 0, 0)
  const result = await run(root, source, 'target')
  t.equal(readFileSync(join(root, 'target', 'readable'), 'utf8'), 'of root')
  t.equal(lstatSync(join(root, 'target', 'readable')).uid, user)
  t.match(result.stdout, /\/readable: owner 0:0 became 65534:65534/)
})

t.test('a source that a user may not enter is refused at once', async (t) => {
  if (!isRoot) return t.comment('SKIPPED: only root can make a directory that the user can not read')
  const { root, source } = makeHome(t)
  chownSync(source, 0, 0)
  chmodSync(source, 0o700)
  const result = await run(root, source, 'target')
  t.match(result, { code: 1, stderr: /status 2: --source .* cannot be read: EACCES/ })
})
