import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { toPath } from '@nb/contracts'
import { collect, numberSetting, seededRandom } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { TreeEditor } from '../../../../packages/transfer/test/client/tree-editor.ts'
import { clientName } from '../../src/compose.ts'
import { type BootedServer, boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { backUp, restoreTo, snapshotTree } from '../support/site.ts'

const rounds = process.env['NB_LONG'] === '1' ? 40 : 6
const seed = numberSetting('NB_SEED', 1)

t.setTimeout(80_000 + rounds * 5000)

/** A day at the desk: each is done to the tree before the backup of its name. */
const days: Record<string, (path: (...names: string[]) => string) => void> = {
  monday: (path) => {
    mkdirSync(path('plans', 'drafts'), { recursive: true })
    for (const name of ['one', 'two', 'three']) writeFileSync(path('plans', 'drafts', name), `draft ${name}`)
    writeFileSync(path('accounts'), 'income 100\n')
    writeFileSync(path('shared'), 'has two names')
    linkSync(path('shared'), path('plans', 'shared-too'))
  },
  'tuesday: created and changed': (path) => {
    writeFileSync(path('plans', 'new'), 'created on Tuesday')
    appendFileSync(path('accounts'), 'costs 80\n')
  },
  'wednesday: renamed, a file and a whole folder': (path) => {
    renameSync(path('accounts'), path('books'))
    renameSync(path('plans', 'drafts'), path('plans', 'final'))
  },
  'thursday: deleted, and a directory where a file was': (path) => {
    rmSync(path('plans', 'final', 'two'))
    rmSync(path('plans', 'new'))
    mkdirSync(path('plans', 'new'))
    writeFileSync(path('plans', 'new', 'inside'), 'now a folder')
  },
  'friday: same size, same time, other content': (path) => {
    const { atimeMs, mtimeMs } = statSync(path('books'))
    writeFileSync(path('books'), 'income 200\ncosts 80\n')
    utimesSync(path('books'), atimeMs / 1000, mtimeMs / 1000)
  },
  'saturday: only attributes, a name less and a name more': (path) => {
    chmodSync(path('plans', 'final', 'one'), 0o640)
    rmSync(path('shared'))
    linkSync(path('books'), path('plans', 'books-too'))
    symlinkSync('final', path('plans', 'drafts'))
  },
  'sunday: nothing at all': () => undefined,
  'monday again: what was deleted comes back under its old name': (path) => {
    rmSync(path('plans', 'new'), { recursive: true })
    writeFileSync(path('plans', 'new'), 'created anew')
    truncateSync(path('books'), 5)
  },
}

t.test('every day of a week of incrementals is restored as it was', async (t) => {
  const root = scratch('week')
  t.teardown(() => rmSync(root, { recursive: true }))
  const source = join(root, 'source')
  mkdirSync(source)
  const server = await boot(join(root, 'state'))
  t.teardown(() => server.stop())
  const images = new Map<string, { readonly backupId: string; readonly snapshot: string }>()
  for (const [index, [day, change]] of Object.entries(days).entries()) {
    change((...names) => join(source, ...names))
    const snapshot = join(root, `as-of-${index}`)
    snapshotTree(source, snapshot)
    const job = await backUp(server, source, 'incr')
    t.match(job, { status: 0 }, `${day}: ${job.statusText}`)
    images.set(day, { backupId: job.backupId ?? '', snapshot })
  }
  for (const [day, { backupId, snapshot }] of images) {
    const target = join(root, `restored-${backupId}`)
    t.match(await restoreTo(server, source, backupId, target), { status: 0 })
    t.same(compareTrees(snapshot, target), [], day)
  }

  await t.test('asked for by its time, not by its image', async (t) => {
    const { ports } = server
    const records = await collect(ports.catalog.listImages({}))
    for (const [day, { backupId, snapshot }] of images) {
      const at = records.find((image) => image.backupId === backupId)?.backupTime ?? 0
      const target = join(root, `by-time-${backupId}`)
      const { jobId } = await ports.restores.submit({
        requestId: randomUUID(),
        from: { client: clientName, at },
        paths: [toPath(source)],
        target: { kind: 'directory', directory: toPath(target), strip: toPath(source) },
      })
      t.match(await ports.jobs.wait({ jobId }), { status: 0 })
      t.same(compareTrees(snapshot, target), [], day)
    }
  })

  await t.test('only what changed is stored again', async (t) => {
    const [sunday, , , , , , first] = (await collect(server.ports.catalog.listImages({}))).slice(1)
    t.match(sunday?.counts, { storedEntries: 0, entries: 11 })
    t.match(first?.counts, { storedEntries: 9 })
  })
})

async function history(t: Test, server: BootedServer, root: string, random: () => number): Promise<number> {
  const source = join(root, 'source')
  const editor = new TreeEditor(source, random)
  const images: { readonly backupId: string; readonly snapshot: string }[] = []
  for (let round = 0; round < rounds; round++) {
    for (let edit = 0; edit < 8; edit++) {
      if (round === 0) editor.create()
      else editor.edit()
    }
    const snapshot = join(root, `snapshot-${round}`)
    snapshotTree(source, snapshot)
    const chance = random()
    const schedule = chance < 0.15 ? 'full' : chance < 0.65 ? 'incr' : 'cumul'
    const job = await backUp(server, source, schedule)
    t.match(job, { status: 0 }, `round ${round}: ${job.statusText}`)
    images.push({ backupId: job.backupId ?? '', snapshot })
  }
  for (const [round, { backupId, snapshot }] of images.entries()) {
    const target = join(root, `restored-${round}`)
    t.match(await restoreTo(server, source, backupId, target), { status: 0 })
    // A copy may lie on the disk in another way.
    t.same(compareTrees(snapshot, target, { allocation: false }), [], `seed ${seed}, round ${round}`)
  }
  return images.length
}

t.test(`random histories (seed ${seed})`, async (t) => {
  const root = scratch('history')
  t.teardown(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'source'))
  const server = await boot(join(root, 'state'))
  t.teardown(() => server.stop())
  const count = await history(t, server, root, seededRandom(seed))
  t.comment(`seed ${seed}, ${count} backups restored and compared; the full count is 40 (npm run test:long)`)
})
