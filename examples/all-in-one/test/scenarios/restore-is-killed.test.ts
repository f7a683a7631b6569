import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { UNFINISHED_FILE_MODE } from '../../../../packages/transfer/src/client/extractor/unfinished-file.ts'
import { compareTrees } from '../../src/compare-trees.ts'
import { boot } from '../support/boot.ts'
import { scratch, startExample } from '../support/run-example.ts'
import { terminalOf } from '../support/terminal.ts'

const child = fileURLToPath(new URL('../support/killed-restore-child.ts', import.meta.url))

t.setTimeout(110_000)

t.test(
  'the server is killed in the middle of a restore, started, and the restore run once more',
  async (t) => {
    const root = scratch('restore-killed')
    const [source, state, target, told] = ['source', 'state', 'target', 'told'].map((name) =>
      join(root, name),
    ) as [string, string, string, string]
    for (const name of ['a', 'b/c', 'z']) mkdirSync(join(source, name), { recursive: true })
    for (const name of ['a/1', 'b/2', 'z/3']) writeFileSync(join(source, name), name)
    writeFileSync(join(source, 'b/c/big'), randomBytes(3 << 20))
    for (const name of ['a', 'b', 'b/c', 'z']) chmodSync(join(source, name), 0o755)
    const big = join(target, 'b/c/big')
    /** A file that is being written in a directory that the restore has made carries the mark of that: its mode. */
    const isUnderWay = (): boolean =>
      existsSync(big) && (lstatSync(big).mode & 0o7777) === UNFINISHED_FILE_MODE

    const run = startExample([state, source, target], child)
    await run.printed(/BACKUP 0/)
    for (let turn = 0; turn < 2000 && !isUnderWay(); turn++)
      await new Promise((resolve) => setTimeout(resolve, 5))
    run.child.kill('SIGKILL')
    t.equal((await run.ended).signal, 'SIGKILL', 'it was killed in the middle')
    t.ok(isUnderWay(), 'a file was under way')
    t.notOk(existsSync(join(target, 'z/3')))

    const server = await boot(state, {
      settings: {
        tries: 1,
        onFailure: `echo "$NB_JOB_ID $NB_JOB_TYPE $NB_STATUS" >> '${told}'; echo paged ann`,
      },
    })
    t.teardown(() => server.stop())
    const { nb, until, stop } = await terminalOf(server, state)
    t.teardown(stop)
    const log = await until(/paged ann/, 'job', '2')
    t.match(log, /removed 1 unfinished file: .*\/target\/b\/c\/big/)
    t.match((await nb('status', '63')).out, /start any other job again/, 'the remedy is true for a restore')
    t.equal(readFileSync(told, 'utf8'), '2 restore 63\n', 'whoever is told of failures is told of this one')
    t.notOk(existsSync(big), 'and it is gone')
    t.strictSame(readdirSync(join(state, 'restores')), [])

    const again = ['restore', source, '--to', target, '--strip', source, '--if-exists', 'skip'] as const
    t.match(await nb(...again, '--wait'), { code: 0 })
    const { differences } = compareTrees(source, target)
    t.strictSame(differences, [])
    for (const name of ['a', 'b', 'b/c', 'z'])
      t.equal(lstatSync(join(target, name)).mode & 0o7777, 0o755, name)
  },
)
