import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ImageRecord, type Job, importJobRequest } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { makeTree } from '../../../../packages/transfer/test/client/make-tree.ts'
import { type BootedServer, boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { backUp, editTree, restoreTo, snapshotTree } from '../support/site.ts'

t.setTimeout(110_000)

async function imported({ ports }: BootedServer, images?: readonly string[]): Promise<Job> {
  const request = importJobRequest({
    requestId: randomUUID(),
    storageUnit: 'disk1',
    ...(images === undefined ? {} : { images }),
  })
  return ports.jobs.wait(await ports.jobs.submit(request))
}

/** What must be the same of a record that was lost and one that was brought back: all but who made it, and when. */
function lasting({ jobId: _, completedAt: __, ...image }: ImageRecord): object {
  return image
}

/** The bytes of all file lists, by image. */
function listsIn(state: string): Map<string, Buffer> {
  const folder = join(state, 'images')
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return new Map(
    names
      .filter((name) => name.endsWith('files.nbf'))
      .map((name) => [name, readFileSync(join(folder, name))]),
  )
}

t.test('the whole catalog is lost, and rebuilt from the storage unit alone', async (t) => {
  const root = scratch('catalog-lost')
  t.teardown(() => rmSync(root, { recursive: true }))
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  makeTree(source, { seed: 7, deep: false })
  let server = await boot(state)
  const jobs: Job[] = []
  const snapshots: string[] = []
  let seed = 0
  const random = (): number => (seed = (seed * 16807 + 11) % 2147483647) / 2147483647
  for (const [round, schedule] of (['full', 'incr', 'incr', 'full', 'incr'] as const).entries()) {
    jobs.push(await backUp(server, source, schedule))
    const copy = join(root, `snapshot-${round}`)
    snapshotTree(source, copy)
    snapshots.push(copy)
    editTree(source, random, round)
  }
  t.ok(jobs.every(({ status }) => (status ?? 9) <= 1))
  const before = await collect(server.ports.catalog.listImages({}))
  const lists = listsIn(state)
  await server.stop()
  rmSync(join(state, 'images'), { recursive: true })
  rmSync(join(state, 'database'), { recursive: true })

  server = await boot(state)
  t.teardown(() => server.stop())
  t.same(await collect(server.ports.catalog.listImages({})), [], 'nothing is known any more')
  const job = await imported(server)
  t.match(job, { status: 0, type: 'import', progress: { files: Number } }, job.statusText ?? '')
  const after = await collect(server.ports.catalog.listImages({}))
  t.same(after.map(lasting), before.map(lasting), 'every record is as it was')
  t.same(
    after.map(({ jobId }) => jobId),
    after.map(() => job.id),
    'and tells which job brought it back',
  )
  t.same(listsIn(state), lists, 'every file list is, byte for byte')
  for (const [round, { backupId = '' }] of jobs.entries()) {
    const target = join(root, `restored-${round}`)
    t.match(await restoreTo(server, source, backupId, target), { status: 0 })
    t.same(
      compareTrees(snapshots[round] as string, target, { allocation: false }),
      [],
      `restore point ${round}`,
    )
  }
  const next = await backUp(server, source, 'incr')
  t.match(next, { status: 0 }, 'the next incremental goes on')
  const again = await imported(server)
  t.match(again, { status: 0 }, 'a second import finds nothing to do')
})

t.test('one image can not be brought back, the others are, and what needs it says so', async (t) => {
  const root = scratch('catalog-lost-in-part')
  t.teardown(() => rmSync(root, { recursive: true }))
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  writeFileSync(join(source, 'a'), 'first')
  let server = await boot(state)
  const full = await backUp(server, source, 'full')
  const sound = await backUp(server, source, 'full')
  writeFileSync(join(source, 'b'), 'second')
  const needing = await backUp(server, source, 'incr')
  await server.stop()
  const folder = (backupId = ''): string =>
    join(
      state,
      'disk1',
      readdirSync(join(state, 'disk1'), { recursive: true, encoding: 'utf8' }).find((name) =>
        name.endsWith(backupId),
      ) ?? '',
    )
  // The fragment of the first, and that of the full which the incremental needs, are changed by one byte of their trailers.
  for (const { backupId } of [full, sound]) {
    const [name = ''] = readdirSync(folder(backupId))
    const bytes = readFileSync(join(folder(backupId), name))
    const at = bytes.indexOf('IMAGE.json')
    bytes[at + 600] = (bytes[at + 600] ?? 0) ^ 1
    if (backupId === full.backupId) writeFileSync(join(folder(backupId), name), bytes)
    else renameSync(folder(backupId), join(root, 'aside'))
  }
  rmSync(join(state, 'images'), { recursive: true })
  rmSync(join(state, 'database'), { recursive: true })
  server = await boot(state)
  t.teardown(() => server.stop())
  const job = await imported(server)
  t.match(job, { status: 191, statusText: '2 images of 2 could not be brought back' })
  const lines = await collect(server.ports.jobs.log({ jobId: job.id }))
  const errors = lines.filter(({ severity, component }) => severity === 'error' && component === 'jobmanager')
  t.match(errors[0]?.text, new RegExp(`image ${full.backupId} is not brought back: .*is damaged`))
  t.match(
    errors[1]?.text,
    new RegExp(`image ${needing.backupId} is not brought back: .*needs data of ${sound.backupId}`),
  )
  t.same(
    await collect(server.ports.catalog.listImages({ states: ['in-progress', 'discarded', 'complete'] })),
    [],
  )
  t.ok(readdirSync(folder(needing.backupId)).length > 0, 'its fragments are still there')
  await server.ports.jobs.wait(
    await server.ports.jobs.submit({
      requestId: randomUUID(),
      type: 'image-cleanup',
      origin: 'immediate',
      lines: [],
    }),
  )
  t.ok(readdirSync(folder(needing.backupId)).length > 0, 'also after a clean-up')

  renameSync(join(root, 'aside'), join(folder(needing.backupId), '..', sound.backupId ?? ''))
  t.match(await imported(server, [sound.backupId ?? '']), { status: 0 }, 'the full has come back')
  t.match(await imported(server), { status: 1 }, 'and then what needs it')
  t.match(
    await imported(server),
    { status: 1, statusText: '1 image of 1 could not be brought back, 2 known already' },
    'once more with nothing new, what is hopeless is told and the rest is there',
  )
  const target = join(root, 'restored')
  t.match(await restoreTo(server, source, needing.backupId ?? '', target), { status: 0 })
  t.same(compareTrees(source, target, { allocation: false }), [])
})

t.test(
  'a header and a list of the catalog are damaged: an import of the unit says so, and the way it names brings them back',
  async (t) => {
    const root = scratch('catalog-damaged')
    t.teardown(() => rmSync(root, { recursive: true }))
    const [source, state] = [join(root, 'source'), join(root, 'state')]
    mkdirSync(source)
    writeFileSync(join(source, 'a'), 'first')
    let server = await boot(state)
    const jobs = [await backUp(server, source, 'full'), await backUp(server, source, 'full')]
    const ids = jobs.map(({ backupId }) => backupId ?? '')
    const pathOf = (backupId: string, file: string): string =>
      join(
        state,
        'images',
        readdirSync(join(state, 'images'), { recursive: true, encoding: 'utf8' }).find((name) =>
          name.endsWith(join(backupId, file)),
        ) ?? 'none',
      )
    await server.stop()
    const [list, header] = [pathOf(ids[0] ?? '', 'files.nbf'), pathOf(ids[1] ?? '', 'header.json')]
    for (const path of [list, header]) {
      const bytes = readFileSync(path)
      const at = bytes.length >> 1
      bytes[at] = (bytes[at] ?? 0) ^ 0xff
      writeFileSync(path, bytes)
    }
    server = await boot(state)
    for await (const _finding of server.ports.catalog.check({})) continue
    t.teardown(() => server.stop())
    const job = await imported(server)
    t.match(job, { status: 191 })
    const log = await collect(server.ports.jobs.log({ jobId: job.id }))
    for (const id of ids)
      t.ok(
        log.some(({ text }) => new RegExp(`nb import .* ${id}$`).test(text)),
        id,
      )
    for (const id of ids) {
      t.match(await imported(server, [id]), { status: 0 })
      t.match(await restoreTo(server, source, id, join(root, `restored-${id}`)), { status: 0 })
    }
  },
)
