import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runExample, scratch, startExample } from '../support/run-example.ts'

t.setTimeout(240_000)

t.test('the run after a kill in the middle of a backup backs up, restores and ends well', async (t) => {
  const root = scratch('killed-once')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  execFileSync('dd', ['if=/dev/urandom', `of=${join(source, 'big')}`, 'bs=1M', 'count=300', 'status=none'])
  const args = ['--once', '--state', state, '--source', source]
  const killed = startExample(args)
  await killed.printed(/begin writing/)
  killed.child.kill('SIGKILL')
  t.equal((await killed.ended).signal, 'SIGKILL')

  const next = await runExample(...args)
  t.equal(next.code, 0, next.stderr + next.stdout)
  t.match(next.stdout, /schedule full/, 'the full that was killed is made up for')
  t.match(next.stdout, /equal: 2 entries/)

  const third = await runExample(...args)
  t.equal(third.code, 0, third.stderr + third.stdout)
  t.match(third.stdout, /schedule incremental/)
  t.notMatch(third.stdout, /status 803/, 'nothing else was running beside it')
  rmSync(root, { recursive: true })
})
