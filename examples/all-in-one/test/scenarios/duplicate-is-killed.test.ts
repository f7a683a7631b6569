import { randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ImageRecord, duplicateJobRequest, verifyJobRequest } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { boot } from '../support/boot.ts'
import { gatedFiles } from '../support/gated-files.ts'
import { tapeStorageUnit } from '../../src/compose.ts'
import { scratch, startExample } from '../support/run-example.ts'
import { settle } from '../support/site.ts'
import { bootOnTape, randomFiles, startLibrary, tgtdMissing, urlOf } from '../support/tape-site.ts'
import { submit } from '../support/whole-catalog.ts'

const childFile = (name: string): string => fileURLToPath(new URL(`../support/${name}.ts`, import.meta.url))

t.setTimeout(110_000)

function fragmentsIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.nbf(\.tmp)?$/.test(name),
  )
}

t.test('what a killed duplicate has left goes at the next start; one that runs is let be', async (t) => {
  const root = scratch('duplicate-killed')
  const [source, state, second] = ['source', 'state', 'second'].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ]
  mkdirSync(source)
  for (let at = 0; at < 6; at++) writeFileSync(join(source, `file-${at}`), randomBytes(700_000))
  const run = startExample([state, source, second], childFile('killed-duplicate-child'))
  await run.printed(/STANDS STILL/)
  run.child.kill('SIGKILL')
  const { signal, stdout } = await run.ended
  t.equal(signal, 'SIGKILL', 'it was killed in the middle')
  const backupId = /BACKUP 0 (\S+)\./.exec(stdout)?.[1] ?? ''
  t.equal(fragmentsIn(second).length, 2, 'two fragments are left')

  const gate = gatedFiles()
  const server = await boot(state, { settings: { tries: 1, secondDisk: second }, files: gate.files })
  t.teardown(() => server.stop())
  const { catalog, jobs, mediaServer } = server.ports
  // The one that the start has begun, or one after it.
  const cleaned = await jobs.cleanImages()
  t.same(cleaned.unknown, [])
  t.same(fragmentsIn(second), [], 'they are gone')
  const image = (await catalog.getImage({ backupId })) as ImageRecord
  t.match(image.copies, [{ copy: 1, storageUnit: 'disk1' }])
  t.ok(fragmentsIn(join(state, 'disk1')).length > 2, 'the copy that is known is whole')

  const stands = gate.close()
  const storage = { kind: 'unit', name: 'disk2' } as const
  const { jobId } = await jobs.submit(duplicateJobRequest(image, { requestId: randomUUID(), storage }))
  await stands
  t.match(await jobs.cleanImages(), { removedRests: [], unknown: [] })
  t.not(fragmentsIn(second).length, 0, 'what is being written stays')
  gate.open()
  t.match(await jobs.wait({ jobId }), { status: 0 })
  t.match(await jobs.cleanImages(), { removedRests: [], unknown: [] })

  // A copy that is whole and was lost to the catalog may be imported: it stays.
  await catalog.removeCopy({ backupId, copy: 2 })
  t.match(await jobs.cleanImages(), { removedRests: [], unknown: [{ storageUnit: 'disk2', backupId }] })
  t.match(await collect(mediaServer.storedImages({ storageUnit: 'disk2' })), [{ backupId, copy: 2 }])
})

t.test(
  'of a duplicate on tape that was killed nothing is told, held or counted',
  { skip: tgtdMissing },
  async (t) => {
    const root = scratch('tape-duplicate-killed')
    const [source, state] = [join(root, 'source'), join(root, 'state')]
    randomFiles(source, 10, 1_000_000)
    const library = await startLibrary({ tapes: 6, smalls: 6 })
    t.teardown(() => library.remove())
    const run = startExample([state, urlOf(library), source], childFile('killed-tape-duplicate-child'))
    t.teardown(() => void run.child.kill('SIGKILL'))
    const { signal, stdout, stderr } = await run.ended
    t.equal(signal, 'SIGKILL', stderr)
    const backupId = /BACKUP 0 (\S+)\./.exec(stdout)?.[1] ?? ''

    const server = await bootOnTape(state, library)
    t.teardown(() => server.stop())
    const { catalog, jobs, media, broker } = server.ports
    await settle(server)
    const [killed] = await collect(jobs.list({ types: ['duplicate'] }))
    t.match(killed, { status: 63 })
    t.match(await jobs.cleanImages(), { removedRests: [], unknown: [] })
    const image = (await catalog.getImage({ backupId })) as ImageRecord
    t.same(
      image.copies.map(({ copy }) => copy),
      [1],
      'the copy is not reported',
    )
    t.same(await collect(broker.grants({})), [], 'no lease stays')
    t.same(await collect(media.allocations({})), [], 'no allocation stays')
    const volumes = await collect(media.volumes({}))
    for (const { volumeId, assignedAt, state: now } of volumes)
      t.same([assignedAt, now], [undefined, 'active'], `${volumeId} counts no image`)

    const storage = { kind: 'unit', name: tapeStorageUnit } as const
    const next = await submit(server, duplicateJobRequest(image, { requestId: 'next', storage }))
    t.equal(next.status, 0, next.statusText ?? '')
    const whole = (await catalog.getImage({ backupId })) as ImageRecord
    t.match(whole.copies, [{ copy: 1 }, { copy: 2, storageUnit: tapeStorageUnit }])
    const verified = await submit(server, verifyJobRequest(whole, { requestId: 'v', copy: 2 }))
    t.equal(verified.status, 0, verified.statusText ?? '')
  },
)
