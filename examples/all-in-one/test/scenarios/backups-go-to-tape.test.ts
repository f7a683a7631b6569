import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { JobLogLine } from '@nb/contracts'
import { connect } from '@nb/remote'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { runExample, scratch, startExample } from '../support/run-example.ts'
import { restoreTo } from '../support/site.ts'
import { assertStepOrder } from '../support/step-order.ts'
import {
  begin,
  bootOnTape,
  randomFiles,
  startLibrary,
  tapePolicy,
  tgtdMissing,
  urlOf,
} from '../support/tape-site.ts'

t.setTimeout(120_000)

t.test(
  'npm start -- --tape backs up to a library, restores from it, and all 34 steps happen',
  { skip: tgtdMissing },
  async (t) => {
    const library = await startLibrary()
    t.teardown(() => library.remove())
    const root = scratch('tape')
    const [source, state] = [join(root, 'source'), join(root, 'state')]
    randomFiles(join(source, 'files'), 20, 100_000)
    const example = startExample(['--state', state, '--source', source, '--tape', urlOf(library)])
    await example.printed(/the server stays up/)
    const server = await connect({ socketPath: join(state, 'nb.sock') })
    const lines = async (jobId: string): Promise<JobLogLine[]> => collect(server.jobs.log({ jobId }))
    assertStepOrder(await lines('1'), 'backup')
    assertStepOrder(await lines('2'), 'restore')
    t.match(await server.jobs.get({ jobId: '1' }), { type: 'backup', state: 'done', status: 0 })
    t.match(await server.jobs.get({ jobId: '2' }), { type: 'restore', state: 'done', status: 0 })
    const [image] = await collect(server.catalog.listImages({}))
    t.match(image?.copies[0], { storageUnit: 'tape1', fragments: [{ volumeId: 'NBT001', filemark: 2 }] })
    const [volume] = await collect(server.media.volumes({ volumeId: 'NBT001' }))
    t.ok(volume?.assignedAt, 'the volume is assigned')
    server.close()
    example.child.kill('SIGTERM')
    const { code, stdout } = await example.ended
    t.equal(code, 0)
    t.match(stdout, /equal: 22 entries/)

    t.comment('the next start finds the library as it is, and appends')
    const again = await runExample('--once', '--state', state, '--source', source, '--tape', urlOf(library))
    t.match(again, { code: 0, stdout: /incremental/ }, again.stderr)
  },
)

t.test('what cannot be reached, and options that say nothing, are refused clearly', async (t) => {
  const root = scratch('tape-wrong')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  const run = (...args: readonly string[]) =>
    runExample('--once', '--state', state, '--source', source, ...args)
  t.match(await run('--tape', 'iscsi://127.0.0.1:1'), { code: 1, stderr: /status 40: .*127\.0\.0\.1:1/ })
  t.match(await run('--tape', 'iscsi://127.0.0.1', '--tape-chap', join(root, 'none')), {
    code: 2,
    stderr: /--tape-chap: the file of secrets .* can't be read/,
  })
  t.match(await run('--tape', 'iscsi://user%secretsecret@127.0.0.1'), {
    code: 2,
    stderr: /--tape: .*put user and secret into a file for --tape-chap/,
  })
  t.match(await run('--tape-streams', '2'), { code: 2, stderr: /name one with --tape/ })
})

t.test(
  'three policies at once on two drives, and an image over three small volumes',
  { skip: tgtdMissing },
  async (t) => {
    const library = await startLibrary({ tapes: 8, smalls: 8, small_mb: 8 })
    t.teardown(() => library.remove())
    const root = scratch('tape-span')
    const server = await bootOnTape(join(root, 'state'), library)
    t.teardown(() => server.stop())
    const sources = ['small', 'middle', 'large'].map((name) => join(root, name))
    const [small = '', middle = '', large = ''] = sources
    randomFiles(small, 10, 100_000)
    randomFiles(middle, 4, 1_000_000)
    randomFiles(large, 1, 20_000_000)
    const jobIds = await Promise.all(
      sources.map((source, index) => begin(server, tapePolicy(`p${index}`, source))),
    )
    const jobs = await Promise.all(jobIds.map((jobId) => server.ports.jobs.wait({ jobId })))
    for (const job of jobs) t.equal(job.status, 0, job.statusText ?? '')
    const image = await server.ports.catalog.getImage({ backupId: jobs[2]?.backupId ?? '' })
    const volumes = new Set(image?.copies[0]?.fragments.map(({ volumeId }) => volumeId))
    t.ok(volumes.size >= 3, `the large image is on ${[...volumes].join(', ')}`)
    const drives = new Set<string>()
    for (const [index, { backupId = '' }] of jobs.entries()) {
      const source = sources[index] as string
      const target = join(root, `restored-${index}`)
      const restore = await restoreTo(server, source, backupId, target)
      t.equal(restore.status, 0, restore.statusText ?? '')
      t.same(compareTrees(source, target), [], source)
      const log = await collect(server.ports.jobs.log({ jobId: jobIds[index] as string }))
      for (const { text } of log) for (const [drive] of text.matchAll(/drive[12]/g)) drives.add(drive)
    }
    t.same([...drives].sort(), ['drive1', 'drive2'], 'both drives were used')
  },
)

t.test(
  'four backups share one drive, and each is restored by its own blocks',
  { skip: tgtdMissing },
  async (t) => {
    const library = await startLibrary({ drives: 1 })
    t.teardown(() => library.remove())
    const root = scratch('tape-mpx')
    const server = await bootOnTape(join(root, 'state'), library, { tape: { streamsPerDrive: 4 } })
    t.teardown(() => server.stop())
    const sources = [0, 1, 2, 3].map((index) => join(root, `source-${index}`))
    for (const source of sources) randomFiles(source, 8, 500_000)
    const jobIds = await Promise.all(
      sources.map((source, index) => begin(server, tapePolicy(`p${index}`, source, 4))),
    )
    const jobs = await Promise.all(jobIds.map((jobId) => server.ports.jobs.wait({ jobId })))
    for (const [index, job] of jobs.entries()) {
      t.equal(job.status, 0, job.statusText ?? '')
      const source = sources[index] as string
      const restore = await restoreTo(server, source, job.backupId as string, join(root, `restored-${index}`))
      t.equal(restore.status, 0, restore.statusText ?? '')
      t.same(compareTrees(source, join(root, `restored-${index}`)), [])
    }
    const images = await collect(server.ports.catalog.listImages({}))
    const streams = images.flatMap(({ copies }) =>
      copies.flatMap(({ fragments }) => fragments.map(({ stream }) => stream)),
    )
    t.ok(
      streams.every((stream) => stream !== undefined),
      'all are streams of multiplexed files',
    )
  },
)
