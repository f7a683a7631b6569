import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toPath } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { scratch } from '../support/run-example.ts'
import { restoreTo } from '../support/site.ts'
import {
  backUpToTape,
  begin,
  bootOnTape,
  randomFiles,
  startLibrary,
  tapePolicy,
  tgtdMissing,
} from '../support/tape-site.ts'

t.setTimeout(120_000)

t.test(
  'an image over three small volumes on one drive is restored equal, and one file of it from its own volumes',
  { skip: tgtdMissing },
  async (t) => {
    const library = await startLibrary({ drives: 1, tapes: 6, smalls: 6, small_mb: 5 })
    t.teardown(() => library.remove())
    const root = scratch('tape-one-drive')
    const state = join(root, 'state')
    const server = await bootOnTape(state, library, { tape: { unmountDelayMs: 0 } }, 2 ** 30)
    t.teardown(() => server.stop())
    const { jobs, catalog, media } = server.ports
    const source = join(root, 'source')
    randomFiles(source, 12, 900_000)
    // Small and last of all, so that it is on the last volume wherever the two before it ended.
    writeFileSync(join(source, 'last'), randomBytes(1000))
    const textOf = async (jobId: string): Promise<string> =>
      (await collect(jobs.log({ jobId }))).map(({ text }) => text).join('\n')

    const job = await backUpToTape(server, tapePolicy('p', source))
    t.equal(job.status, 0, job.statusText ?? '')
    const log = await textOf(job.id)
    t.match(log, /end of medium: volume NBT001 in drive drive1 .* requesting the next medium/)
    t.match(log, /granted the next medium: volume NBT002 in drive drive1/)
    const { backupId = '' } = job
    const fragments = (await catalog.getImage({ backupId }))?.copies[0]?.fragments ?? []
    const on = [...new Set(fragments.map(({ volumeId = '' }) => volumeId))]
    t.equal(on.length, 3)
    for (const volumeId of on) t.same(await collect(media.volumeImages({ volumeId })), [backupId])
    const states = await collect(media.volumes({}))
    t.same(
      on.map((id) => states.find(({ volumeId }) => volumeId === id)?.state),
      ['full', 'full', 'active'],
    )
    t.same(await collect(media.allocations({})), [], 'all is given back')

    const all = await restoreTo(server, source, backupId, join(root, 'all'))
    t.equal(all.status, 0, all.statusText ?? '')
    t.same(compareTrees(source, join(root, 'all')), [])
    const mounted = (text: string): readonly string[] =>
      [...text.matchAll(/^mounted volume (\w+)/gm)].map(([, volumeId = '']) => volumeId)
    t.same(mounted(await textOf(all.id)), on, 'each volume once, in order')
    t.match(
      await textOf(all.id),
      /on tape, so a needed-image plan is written: volumes NBT001, NBT002, NBT003/,
    )

    const target = join(root, 'one')
    mkdirSync(target)
    const { jobId } = await server.ports.restores.submit({
      requestId: 'one',
      from: { client: job.client, backupId },
      paths: [toPath(join(source, 'last'))],
      target: { kind: 'directory', directory: toPath(target), strip: toPath(source) },
      ifExists: 'overwrite',
    })
    const one = await jobs.wait({ jobId })
    t.equal(one.status, 0, one.statusText ?? '')
    t.ok(readFileSync(join(target, 'last')).equals(readFileSync(join(source, 'last'))))
    t.same(mounted(await textOf(jobId)), on.slice(-1), 'only the volume that holds it')
    t.same(readdirSync(join(state, 'needed-images')), [], 'no plan is left')
  },
)

t.test(
  'four backups that share one drive go on together from tape to tape',
  { skip: tgtdMissing },
  async (t) => {
    const library = await startLibrary({ drives: 1, tapes: 6, smalls: 6, small_mb: 5 })
    t.teardown(() => library.remove())
    const root = scratch('tape-four')
    const server = await bootOnTape(join(root, 'state'), library, { tape: { streamsPerDrive: 4 } }, 2 ** 30)
    t.teardown(() => server.stop())
    const sources = [0, 1, 2, 3].map((index) => join(root, `source-${index}`))
    // Each of the four may have a piece of 1 MiB under way when the drive warns at 5 MB: together more than both.
    for (const source of sources) randomFiles(source, 5, 700_000)
    const jobIds = await Promise.all(
      sources.map((source, index) => begin(server, tapePolicy(`p${index}`, source, 4))),
    )
    const done = await Promise.all(jobIds.map((jobId) => server.ports.jobs.wait({ jobId })))
    const volumes = new Set<string>()
    for (const [index, job] of done.entries()) {
      t.equal(job.status, 0, job.statusText ?? '')
      const image = await server.ports.catalog.getImage({ backupId: job.backupId ?? '' })
      for (const { volumeId = '' } of image?.copies[0]?.fragments ?? []) volumes.add(volumeId)
      const target = join(root, `restored-${index}`)
      const restore = await restoreTo(server, sources[index] as string, job.backupId ?? '', target)
      t.equal(restore.status, 0, restore.statusText ?? '')
      t.same(compareTrees(sources[index] as string, target), [])
    }
    t.ok(volumes.size >= 2, [...volumes].join(', '))
  },
)
