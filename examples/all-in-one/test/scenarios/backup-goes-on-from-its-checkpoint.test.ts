import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { collect, numberSetting, seededRandom } from '@nb/test-kit'
import t from 'tap'
import { type BootedServer, boot } from '../support/boot.ts'
import { submitBackup, untilCheckpoint, untilResting } from '../support/checkpointed.ts'
import { scratch, startExample } from '../support/run-example.ts'
import { assertRestores, assertSound, snapshotTree } from '../support/site.ts'

t.setTimeout(110_000)

const child = join(import.meta.dirname, '../support/resume-child.ts')
const files = 70
const kills = process.env['NB_LONG'] === '1' ? 8 : 1

/** Files of up to 60 kB; every tenth has another name at the end of the tree. */
function makeSource(source: string): void {
  const random = seededRandom(7)
  for (const folder of ['', 'a', 'b', 'b/c', 'z']) mkdirSync(join(source, folder))
  for (let at = 0; at < files; at++) {
    const name = join(source, ['a', 'b', 'b/c'][at % 3] ?? 'a', `file-${at}`)
    writeFileSync(name, Buffer.alloc(Math.floor(random() * 60_000), `${at} `))
    if (at % 10 === 0) linkSync(name, join(source, 'z', `also-${at}`))
  }
}

async function textsOf({ ports }: BootedServer, jobId: string): Promise<readonly string[]> {
  return (await collect(ports.jobs.log({ jobId }))).map(({ text }) => text)
}

t.test('a backup is suspended, resumed, killed and resumed: it is whole and restores', async (t) => {
  const root = scratch('checkpoints')
  const [source, state, copy] = [join(root, 'source'), join(root, 'state'), join(root, 'copy')]
  makeSource(source)
  snapshotTree(source, copy)

  const first = await boot(state)
  const jobId = await submitBackup(first, source, 'full')
  await untilCheckpoint(first, jobId, 5)
  await first.ports.jobs.suspend({ jobId, reason: 'the tape is needed' })
  t.equal(await untilResting(first, jobId), 'suspended')
  const kept = await collect(first.ports.mediaServer.storedImages({ storageUnit: 'disk1' }))
  t.equal(kept.length, 1, 'what was written stays')
  await first.stop()

  const random = seededRandom(numberSetting('NB_SEED', 1))
  for (let kill = 0; kill < kills; kill++) {
    const checkpoints = 1 + Math.floor(random() * (20 / kills))
    const killed = await startExample([state, jobId, String(checkpoints)], child).ended
    t.equal(killed.signal, 'SIGKILL', killed.stdout + killed.stderr)
  }

  const server = await boot(state)
  t.teardown(() => server.stop())
  const { jobs, catalog } = server.ports
  t.equal(await untilResting(server, jobId), 'incomplete')
  await jobs.resume({ jobId })
  const done = await jobs.wait({ jobId })
  t.match(done, { state: 'done', status: 0 }, done.statusText ?? '')
  const texts = await textsOf(server, jobId)
  t.equal(texts.filter((text) => text.startsWith('resuming from checkpoint ')).length, kills + 1)
  const image = await catalog.getImage({ backupId: done.backupId ?? '' })
  t.equal(image?.counts?.entries, 1 + 4 + files + files / 10)
  const fragments = image?.copies[0]?.fragments ?? []
  t.ok(fragments.length > 15, `${fragments.length} fragments`)
  t.ok(fragments.every(({ wholeMembers }) => wholeMembers))
  await assertSound(server, source, {
    snapshots: new Map([[done.backupId ?? '', copy]]),
    reported: [done.backupId ?? ''],
    scratch: root,
  })

  await t.test('and so is the incremental that follows', async (t) => {
    for (const name of ['a/file-3', 'b/file-1', 'z/new']) writeFileSync(join(source, name), `changed ${name}`)
    for (let at = 0; at < 30; at++) writeFileSync(join(source, 'z', `more-${at}`), Buffer.alloc(600_000, at))
    rmSync(join(source, 'b/c/file-5'))
    const changed = join(root, 'changed')
    snapshotTree(source, changed)
    const jobId = await submitBackup(server, source, 'incr')
    await untilCheckpoint(server, jobId, 2)
    await jobs.suspend({ jobId })
    t.equal(await untilResting(server, jobId), 'suspended')
    await jobs.resume({ jobId })
    const done = await jobs.wait({ jobId })
    t.match(done, { state: 'done', status: 0 }, done.statusText ?? '')
    const image = await catalog.getImage({ backupId: done.backupId ?? '' })
    t.ok((image?.counts?.storedEntries ?? 0) < 50, `${image?.counts?.storedEntries} entries stored`)
    await assertRestores(server, source, done.backupId ?? '', changed, root)
  })
})
