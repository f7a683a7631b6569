import { randomUUID } from 'node:crypto'
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Job, type RestoreRequest, toPath } from '@nb/contracts'
import t from 'tap'
import { compareTrees } from '../../src/compare-trees.ts'
import { clientName } from '../../src/compose.ts'
import { type BootedServer, boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { backUp, snapshotTree } from '../support/site.ts'

t.setTimeout(110_000)

const root = scratch('some-files')
const source = join(root, 'source')
t.teardown(() => rmSync(root, { recursive: true }))

function makeSource(): void {
  mkdirSync(join(source, 'reports', '2025'), { recursive: true })
  writeFileSync(join(source, 'reports', '2025', 'may.txt'), 'the report of May')
  writeFileSync(join(source, 'reports', '2025', 'june.txt'), 'the report of June')
  linkSync(join(source, 'reports', '2025', 'june.txt'), join(source, 'reports', 'latest.txt'))
  symlinkSync('2025/june.txt', join(source, 'reports', 'pointer'))
  // Names that share their beginning with a directory's are not below it.
  writeFileSync(join(source, 'reports.old'), 'not a report')
  mkdirSync(join(source, 'empty'), { mode: 0o750 })
  utimesSync(join(source, 'reports', '2025', 'may.txt'), 1e9, 1.1e9)
}

let server: BootedServer
let backupId = ''

t.before(async () => {
  makeSource()
  server = await boot(join(root, 'state'))
  const job = await backUp(server, source, 'full')
  backupId = job.backupId ?? ''
})
t.teardown(() => server.stop())

const at = (...names: string[]) => toPath(join(source, ...names))

async function bringBack(
  paths: RestoreRequest['paths'],
  target: RestoreRequest['target'],
  changes: Partial<RestoreRequest> = {},
): Promise<Job> {
  const { jobId } = await server.ports.restores.submit({
    requestId: randomUUID(),
    from: { client: clientName, backupId },
    paths,
    target,
    ...changes,
  })
  return await server.ports.jobs.wait({ jobId })
}

let targets = 0
const into = (strip?: string, rename?: readonly (readonly [string, string])[]) => {
  const directory = join(root, `target-${++targets}`)
  return {
    directory,
    target: {
      kind: 'directory' as const,
      directory: toPath(directory),
      ...(strip === undefined ? {} : { strip: toPath(strip) }),
      ...(rename === undefined
        ? {}
        : { rename: rename.map(([from, to]) => ({ from: toPath(from), to: toPath(to) })) }),
    },
  }
}

t.test('one file, with its attributes, and nothing beside it', async (t) => {
  const { directory, target } = into(source)
  const job = await bringBack([at('reports', '2025', 'may.txt')], target)
  t.match(job, { status: 0, progress: { files: 1 } })
  t.same(readdirSync(directory, { recursive: true }).sort(), [
    'reports',
    'reports/2025',
    'reports/2025/may.txt',
  ])
  const copy = join(directory, 'reports', '2025', 'may.txt')
  t.equal(readFileSync(copy, 'utf8'), 'the report of May')
  t.equal(statSync(copy).mtimeMs, 1.1e12)
})

t.test('one directory with all below it', async (t) => {
  const { directory, target } = into(join(source, 'reports'))
  t.match(await bringBack([at('reports')], target), { status: 0 })
  t.same(compareTrees(join(source, 'reports'), directory).differences, [])
  const [june, latest] = ['2025/june.txt', 'latest.txt'].map((name) => statSync(join(directory, name)).ino)
  t.equal(june, latest, 'two names of one file are that again')
})

t.test('an empty directory', async (t) => {
  const { directory, target } = into(source)
  t.match(await bringBack([at('empty')], target), { status: 0 })
  t.same(compareTrees(join(source, 'empty'), join(directory, 'empty')).differences, [])
})

t.test('a hard link alone brings the content, although another name has it in the image', async (t) => {
  for (const name of ['latest.txt', join('2025', 'june.txt')]) {
    const { directory, target } = into(join(source, 'reports'))
    t.match(await bringBack([at('reports', name)], target), { status: 0 })
    const copy = join(directory, name)
    t.equal(readFileSync(copy, 'utf8'), 'the report of June', name)
    t.match(lstatSync(copy), { nlink: 1 }, `${name} is a file of its own`)
  }
})

t.test('a symbolic link alone stays a link', async (t) => {
  const { directory, target } = into(source)
  t.match(await bringBack([at('reports', 'pointer')], target), { status: 0 })
  t.ok(lstatSync(join(directory, 'reports', 'pointer')).isSymbolicLink())
})

t.test('under other names: a file, and a whole directory', async (t) => {
  const { directory, target } = into(source, [
    ['/reports', '/archive/old'],
    ['/reports/2025/may.txt', '/first.txt'],
  ])
  const job = await bringBack([at('reports')], target)
  t.match(job, { status: 0 }, job.statusText ?? '')
  t.equal(readFileSync(join(directory, 'first.txt'), 'utf8'), 'the report of May')
  t.same(readdirSync(join(directory, 'archive', 'old', '2025')), ['june.txt'])
  t.equal(readFileSync(join(directory, 'archive', 'old', 'latest.txt'), 'utf8'), 'the report of June')
  t.notOk(readdirSync(directory).includes('reports'))
})

t.test(
  'two entries that a rename would bring to one place are refused before anything is done',
  async (t) => {
    const { directory, target } = into(source, [['/reports/2025/may.txt', '/reports/2025/june.txt']])
    await t.rejects(bringBack([at('reports')], target), { code: 'argument-invalid', message: /june\.txt/ })
    t.throws(() => lstatSync(directory), { code: 'ENOENT' })
  },
)

t.test('where files exist: skip keeps them, overwrite replaces them, fail touches nothing', async (t) => {
  const { directory, target } = into(source)
  const mine = join(directory, 'reports', '2025', 'may.txt')
  mkdirSync(join(directory, 'reports', '2025'), { recursive: true })
  writeFileSync(mine, 'mine')

  const failed = await bringBack([at('reports')], target)
  t.match(failed, { status: 5, statusText: /may\.txt/ }, failed.statusText ?? '')
  t.same(readdirSync(join(directory, 'reports'), { recursive: true }), ['2025', '2025/may.txt'])

  const skipped = await bringBack([at('reports')], target, { ifExists: 'skip' })
  t.match(skipped, { status: 0 }, skipped.statusText ?? '')
  t.equal(readFileSync(mine, 'utf8'), 'mine')
  t.equal(readFileSync(join(directory, 'reports', 'latest.txt'), 'utf8'), 'the report of June')

  const overwritten = await bringBack([at('reports')], target, { ifExists: 'overwrite' })
  t.match(overwritten, { status: 0 }, overwritten.statusText ?? '')
  t.same(compareTrees(join(source, 'reports'), join(directory, 'reports')).differences, [])
})

t.test('to where they came from', async (t) => {
  const snapshot = join(root, 'snapshot')
  snapshotTree(source, snapshot)
  rmSync(join(source, 'reports', 'latest.txt'))
  writeFileSync(join(source, 'reports', '2025', 'may.txt'), 'spoilt')
  const refused = await bringBack([at('reports')], { kind: 'original' })
  t.match(refused, { status: 5 })
  const job = await bringBack([at('reports')], { kind: 'original' }, { ifExists: 'overwrite' })
  t.match(job, { status: 0 }, job.statusText ?? '')
  t.same(compareTrees(snapshot, source).differences, [])
})

t.test('a request that is made twice is one restore', async (t) => {
  const { directory, target } = into(source)
  const request: RestoreRequest = {
    requestId: randomUUID(),
    from: { client: clientName, backupId },
    paths: [at('reports.old')],
    target,
  }
  const [first, second] = await Promise.all([
    server.ports.restores.submit(request),
    server.ports.restores.submit(request),
  ])
  t.equal(first.jobId, second.jobId)
  t.match(await server.ports.jobs.wait(first), { status: 0 })
  t.equal((await server.ports.restores.submit(request)).jobId, first.jobId, 'also when it is over')
  t.same(readdirSync(directory), ['reports.old'])
})
