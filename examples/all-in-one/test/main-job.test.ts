import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JobLogLine } from '@nb/contracts'
import { connect } from '@nb/remote'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../packages/transfer/test/client/compare-trees.ts'
import { makeTree } from '../../../packages/transfer/test/client/make-tree.ts'
import { runExample, scratch, startExample } from './support/run-example.ts'
import { assertStepOrder } from './support/step-order.ts'

t.setTimeout(240_000)

/**
 * What `rsync` finds different between two trees; nothing is right. Of the file of 9 GB, nearly all a hole, it looks at all but the
 * content, which `compareTrees` reads by its regions: rsync would read the hole too, for a quarter of a minute each time.
 */
const rsyncDifferences = (a: string, b: string): string => {
  const find = (...more: string[]): string =>
    execFileSync(
      'rsync',
      ['-aHAXn', ...more, '-i', '--delete', '--numeric-ids', '--modify-window=-1', `${a}/`, `${b}/`],
      { encoding: 'utf8' },
    )
  return find() + find('-c', '--exclude=/sparse/beyond 8 GiB')
}

/** A tree of every kind of entry, without paths so long that `rsync` can't read them. */
const makeSource = (source: string): void => {
  mkdirSync(source)
  makeTree(source, { seed: 1, deep: false })
}

/** The hole of 9 GB, which the example's comparison reads through: it is in a backup and an incremental here, and that is enough. */
const withoutHuge = (source: string): void => rmSync(join(source, 'sparse', 'beyond 8 GiB'))

const hasRsync = spawnSync('rsync', ['--version']).status === 0

t.test(
  'backup, restore and comparison of a tree of every kind, then incrementally after changes',
  async (t) => {
    const root = scratch('main-job')
    const [source, state] = [join(root, 'source'), join(root, 'state')]
    makeSource(source)
    const run = (target: string) =>
      runExample(
        '--once',
        '--state',
        state,
        '--source',
        source,
        '--restore-to',
        join(root, target),
        '--max-fragment',
        '1',
      )
    const check = async (name: string): Promise<void> => {
      t.same(compareTrees(source, join(root, name)), [], `${name}: kinds, times, devices, holes, links`)
      if (hasRsync) t.equal(rsyncDifferences(source, join(root, name)), '', `${name}: rsync`)
      else t.comment('SKIPPED: rsync is missing; apt-get install rsync')
    }
    const first = await run('first')
    t.equal(first.code, 0, first.stderr + first.stdout)
    t.match(first.stdout, /equal: \d+ entries/)
    for (let step = 1; step <= 17; step++)
      t.match(first.stdout, new RegExp(`step ${String(step).padStart(2)} `))
    await check('first')

    const documents = join(source, 'documents')
    mkdirSync(join(documents, 'kept'), { recursive: true })
    writeFileSync(join(documents, 'kept', 'a'), 'moves with its folder')
    writeFileSync(join(documents, 'deleted'), 'soon gone')
    writeFileSync(join(documents, 'changed'), 'before')
    const second = await run('second')
    t.equal(second.code, 0, second.stderr + second.stdout)
    await check('second')

    rmSync(join(documents, 'deleted'))
    withoutHuge(source)
    renameSync(join(documents, 'kept'), join(documents, 'renamed'))
    appendFileSync(join(documents, 'changed'), ' and after')
    writeFileSync(join(documents, 'created'), 'new')
    utimesSync(join(documents, 'created'), 1, 1)
    const third = await run('third')
    t.equal(third.code, 0, third.stderr + third.stdout)
    t.match(third.stdout, /incremental/)
    await check('third')
  },
)

t.test('all 34 steps are in the job details, each by its component, in the documented order', async (t) => {
  const root = scratch('steps')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  makeSource(source)
  withoutHuge(source)
  const example = startExample(['--state', state, '--source', source])
  await example.printed(/the server stays up/)
  const server = await connect({ socketPath: join(state, 'nb.sock') })
  const lines = async (jobId: string): Promise<JobLogLine[]> => collect(server.jobs.log({ jobId }))
  assertStepOrder(await lines('1'), 'backup')
  assertStepOrder(await lines('2'), 'restore')
  t.match(await server.jobs.get({ jobId: '1' }), { type: 'backup', state: 'done', status: 0 })
  t.match(await server.jobs.get({ jobId: '2' }), { type: 'restore', state: 'done', status: 0 })
  server.close()
  example.child.kill('SIGTERM')
  t.match(await example.ended, { code: 0, signal: null })
})

t.test(
  'ends cleanly in the middle of a backup, leaves nothing half-done, and goes on the next time',
  async (t) => {
    const root = scratch('interrupted')
    const [source, state] = [join(root, 'source'), join(root, 'state')]
    mkdirSync(source)
    execFileSync('dd', ['if=/dev/urandom', `of=${join(source, 'big')}`, 'bs=1M', 'count=200', 'status=none'])
    const args = ['--once', '--state', state, '--source', source, '--restore-to', join(root, 'target')]
    const example = startExample(args)
    await example.printed(/step 12/)
    example.child.kill('SIGTERM')
    const run = await example.ended
    t.match(run, { code: 130, signal: null, stderr: /interrupted: running jobs were ended/ })
    const again = await runExample(...args)
    t.equal(again.code, 0, again.stderr + again.stdout)
    t.equal(statSync(join(root, 'target', 'big')).size, 200 * 1024 * 1024)
    rmSync(root, { recursive: true })
  },
)

t.test('the state is never backed up into itself', async (t) => {
  const root = scratch('self')
  writeFileSync(join(root, 'a'), 'a')
  const run = await runExample('--once', '--state', join(root, 'state'), '--source', root)
  t.equal(run.code, 0, run.stderr + run.stdout)
  t.match(run.stdout, /equal: 2 entries/, 'the root and its one file')
})
