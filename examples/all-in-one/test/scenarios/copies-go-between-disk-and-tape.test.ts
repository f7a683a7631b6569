import { join } from 'node:path'
import { duplicateJobRequest, type ImageRecord, importJobRequest, verifyJobRequest } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { type AllInOne, storageUnit, tapeStorageUnit } from '../../src/compose.ts'
import { bootEmulated, emulatedLibrary } from '../support/emulated-library.ts'
import { scratch } from '../support/run-example.ts'
import { restoreTo } from '../support/site.ts'
import { backUpToTape, begin, randomFiles, tapePolicy } from '../support/tape-site.ts'
import { logOf, submit, wholeCatalog } from '../support/whole-catalog.ts'

t.setTimeout(120_000)
// A server has a socket that keeps its process alive while all that it has is timers.
const alive = setInterval(() => {}, 2 ** 30)
t.teardown(() => clearInterval(alive))

const imageOf = async ({ ports: { catalog } }: AllInOne, backupId = ''): Promise<ImageRecord> => {
  const image = await catalog.getImage({ backupId })
  if (image === undefined) throw new Error(`there is no image ${backupId}`)
  return image
}

t.test('copies go from disk to tape and back, and each of them is whole', async (t) => {
  const root = scratch('disk-tape')
  const source = join(root, 'source')
  randomFiles(source, 5, 900_000)
  const library = await emulatedLibrary()
  const server = await bootEmulated(join(root, 'state'), library)
  t.teardown(() => server.stop())
  const onDisk = { ...tapePolicy('disk', source), storage: { kind: 'unit', name: storageUnit } as const }
  const first = await backUpToTape(server, onDisk)
  t.equal(first.status, 0, first.statusText ?? '')
  const copyTo = async (name: string, backupId = '') =>
    submit(
      server,
      duplicateJobRequest(await imageOf(server, backupId), {
        requestId: `to-${name}-${backupId}`,
        storage: { kind: 'unit', name },
      }),
    )
  const toTape = await copyTo(tapeStorageUnit, first.backupId)
  t.equal(toTape.status, 0, toTape.statusText ?? '')
  const second = await backUpToTape(server, tapePolicy('tape', source))
  t.equal(second.status, 0, second.statusText ?? '')
  const toDisk = await copyTo(storageUnit, second.backupId)
  t.equal(toDisk.status, 0, toDisk.statusText ?? '')
  for (const [index, { backupId = '' }] of [first, second].entries()) {
    const image = await imageOf(server, backupId)
    t.same(image.copies.map(({ storageUnit: unit }) => unit).sort(), [storageUnit, tapeStorageUnit])
    for (const { copy } of image.copies) {
      const verified = await submit(
        server,
        verifyJobRequest(image, { requestId: `v${backupId}-${copy}`, copy }),
      )
      t.equal(verified.status, 0, verified.statusText ?? '')
      await server.ports.catalog.promoteCopy({ backupId, copy })
      const target = join(root, `restored-${index}-${copy}`)
      const restored = await restoreTo(server, source, backupId, target)
      t.equal(restored.status, 0, restored.statusText ?? '')
      t.same(compareTrees(source, target), [], `copy ${copy} of ${backupId}`)
    }
  }
})

t.test('compressed backups that shared a drive come back from their tape alone', async (t) => {
  const root = scratch('shared-import')
  const library = await emulatedLibrary({ drives: 1, capacityBytes: 64 << 20 })
  const sources = [0, 1, 2].map((index) => join(root, `source-${index}`))
  for (const source of sources) randomFiles(source, 4, 700_000)
  const tape = { streamsPerDrive: 3 }
  const first = await bootEmulated(join(root, 'first'), library, { tape })
  const jobIds = await Promise.all(
    sources.map((source, index) =>
      begin(first, { ...tapePolicy(`p${index}`, source, 3), compression: 'gzip', digest: 'sha256' }),
    ),
  )
  const jobs = await Promise.all(jobIds.map((jobId) => first.ports.jobs.wait({ jobId })))
  for (const job of jobs) t.equal(job.status, 0, job.statusText ?? '')
  const images = await Promise.all(jobs.map(({ backupId }) => imageOf(first, backupId)))
  const fragments = images.flatMap(({ copies }) => copies.flatMap((copy) => copy.fragments))
  t.ok(fragments.every(({ stream, storedBytes }) => stream !== undefined && storedBytes !== undefined))
  const before = await wholeCatalog(first)
  await first.stop()

  const second = await bootEmulated(join(root, 'second'), library, { tape })
  t.teardown(() => second.stop())
  const volumes = [...new Set(fragments.map(({ volumeId = '' }) => volumeId))]
  const imported = await submit(
    second,
    importJobRequest({ requestId: 'i', storageUnit: tapeStorageUnit, volumes }),
  )
  t.equal(imported.status, 0, imported.statusText ?? '')
  t.same(await wholeCatalog(second), before, 'entry for entry')
  // On one drive: the three read the volume together, and none waits for another.
  const verified = await Promise.all(
    images.map((image) =>
      submit(second, verifyJobRequest(image, { requestId: `together-${image.backupId}`, copy: 1 })),
    ),
  )
  for (const job of verified) {
    t.equal(job.status, 0, job.statusText ?? '')
    t.notMatch(await logOf(second, job), /waits|waiting|in use/)
  }
  for (const [index, { backupId }] of images.entries()) {
    const target = join(root, `restored-${index}`)
    const restored = await restoreTo(second, sources[index] as string, backupId, target)
    t.equal(restored.status, 0, restored.statusText ?? '')
    t.same(compareTrees(sources[index] as string, target), [])
  }
})

t.test('a verification names the volume and the file that can not be read', async (t) => {
  const root = scratch('verify-damage')
  const source = join(root, 'source')
  randomFiles(source, 3, 900_000)
  const library = await emulatedLibrary({ drives: 1 })
  const server = await bootEmulated(join(root, 'state'), library, { tries: 1 })
  t.teardown(() => server.stop())
  const job = await backUpToTape(server, tapePolicy('p', source))
  t.equal(job.status, 0, job.statusText ?? '')
  library.faults.add({ unit: 'drive1', command: 'read-6', effect: 'read-error', occurrence: 14 })
  const verified = await submit(
    server,
    verifyJobRequest(await imageOf(server, job.backupId), { requestId: 'v' }),
  )
  t.not(verified.status, 0, 'it is told')
  const log = await logOf(server, verified)
  t.match(log, /of volume A0000\d/)
  t.same(await collect(server.ports.media.allocations({})), [], 'nothing is held')
})
