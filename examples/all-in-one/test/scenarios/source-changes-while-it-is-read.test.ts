import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../src/compare-trees.ts'
import { boot } from '../support/boot.ts'
import { gatedFiles } from '../support/gated-files.ts'
import { scratch, startExample } from '../support/run-example.ts'
import { backUp, restoreTo } from '../support/site.ts'

t.setTimeout(110_000)

const mib = 1024 * 1024
// What stands between reader and disk, all together, holds some ten MiB.
const largeBytes = 24 * mib

/** A file so large that a reader that can't send on is still in its midst, and files before and after it. */
function makeSource(source: string): void {
  mkdirSync(join(source, 'y-folder'), { recursive: true })
  writeFileSync(join(source, 'a-before'), 'read before anything happens')
  writeFileSync(join(source, 'm-large'), randomBytes(largeBytes))
  for (const name of ['x-stays', 'z-vanishes']) writeFileSync(join(source, name), name)
  writeFileSync(join(source, 'y-folder', 'vanishes-with-its-folder'), 'gone')
}

interface Change {
  readonly change: (large: string) => void
  /** What the job log says of the file; nothing, when the one that was opened is read to its end unchanged. */
  readonly warning?: RegExp
  /** Whether the copy is what the file was when the backup came to it. */
  readonly copyIsAsBefore: boolean
}

const inPlace = (path: string, change: (file: number) => void): void => {
  const file = openSync(path, 'r+')
  change(file)
  closeSync(file)
}

const changes: Record<string, Change> = {
  grows: {
    change: (large) => appendFileSync(large, randomBytes(mib)),
    warning: /became longer .* holds its first 25165824 bytes/,
    copyIsAsBefore: true,
  },
  'shrinks to less than was read': {
    change: (large) => inPlace(large, (file) => ftruncateSync(file, 10)),
    warning: /became shorter .* zeros stand for its last \d+ bytes/,
    copyIsAsBefore: false,
  },
  'is overwritten in place': {
    change: (large) => inPlace(large, (file) => void writeSync(file, randomBytes(mib), 0, mib, 20 * mib)),
    warning: /changed while it was read: its data may mix two states/,
    copyIsAsBefore: false,
  },
  'is replaced by another': {
    change: (large) => {
      writeFileSync(`${large}.new`, 'another')
      renameSync(`${large}.new`, large)
    },
    copyIsAsBefore: true,
  },
  'is removed': { change: (large) => rmSync(large), copyIsAsBefore: true },
}

for (const [what, { change, warning, copyIsAsBefore }] of Object.entries(changes)) {
  t.test(`while a file is read it ${what}, and files after it vanish`, async (t) => {
    const root = scratch('changes')
    t.teardown(() => rmSync(root, { recursive: true }))
    const source = join(root, 'source')
    makeSource(source)
    const large = join(source, 'm-large')
    const before = readFileSync(large)
    const gate = gatedFiles(3)
    const server = await boot(join(root, 'state'), { files: gate.files })
    t.teardown(() => server.stop())

    const reached = gate.close()
    const backup = backUp(server, source, 'full')
    await reached
    change(large)
    rmSync(join(source, 'z-vanishes'))
    rmSync(join(source, 'y-folder'), { recursive: true })
    gate.open()
    const job = await backup
    t.match(job, { status: 1 }, job.statusText ?? '')
    t.ok(job.warnings >= 2, `${job.warnings} warnings`)
    const warnings = (await collect(server.ports.jobs.log({ jobId: job.id })))
      .filter((line) => line.severity === 'warning' && line.component === 'client-agent')
      .map((line) => line.text)
    const of = (name: string) => warnings.filter((text) => text.includes(join(source, name)))
    t.match(of('z-vanishes'), [/vanished/])
    t.match(of('y-folder'), [/vanished/])
    if (warning === undefined) t.same(of('m-large'), [], 'it was read whole')
    else t.match(of('m-large'), [warning])

    const target = join(root, 'target')
    const restore = await restoreTo(server, source, job.backupId ?? '', target)
    t.ok((restore.status ?? 99) <= 1, `the image restores: ${restore.statusText}`)
    for (const name of ['a-before', 'x-stays'])
      t.equal(readFileSync(join(target, name), 'utf8'), readFileSync(join(source, name), 'utf8'))
    const copy = readFileSync(join(target, 'm-large'))
    t.equal(copy.length, before.length, 'its copy has the length of the moment when it was opened')
    t.equal(copy.equals(before), copyIsAsBefore)
    t.ok(copy.subarray(0, mib).equals(before.subarray(0, mib)), 'its begin had been read before')

    const next = await backUp(server, source, 'incr')
    t.match(next, { status: 0 }, next.statusText ?? '')
    await restoreTo(server, source, next.backupId ?? '', join(root, 'next'))
    t.same(compareTrees(source, join(root, 'next')).differences, [], 'the next backup has it as it is then')
  })
}

t.test('the example warns of a log that is written to all the time, and ends with 0', async (t) => {
  const root = scratch('busy')
  t.teardown(() => rmSync(root, { recursive: true }))
  const source = join(root, 'source')
  mkdirSync(source)
  writeFileSync(join(source, 'quiet'), 'quiet')
  writeFileSync(join(source, 'busy.log'), randomBytes(largeBytes))
  const args = [
    '--once',
    '--state',
    join(root, 'state'),
    '--source',
    source,
    '--restore-to',
    join(root, 'to'),
  ]
  const writing = setInterval(() => appendFileSync(join(source, 'busy.log'), 'one more line\n'), 1)
  const run = await startExample(args).ended
  clearInterval(writing)
  t.equal(run.code, 0, run.stderr)
  t.match(run.stdout, /client-agent +warning: .*busy\.log/)
  t.match(run.stdout, /job 1 ended with 1: /)
  t.match(run.stdout, /1 entries differ because they changed since the backup began/)
  t.match(run.stdout, /equal: 2 entries/)
})
