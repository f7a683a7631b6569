import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NbError } from '@nb/contracts'
import { connect } from '@nb/remote'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { type BootedServer, boot } from '../support/boot.ts'
import { runExample, scratch, startExample } from '../support/run-example.ts'
import { type SmallDisk, mountSmallDisk } from '../support/small-disk.ts'
import { assertSound, backUp, restoreTo, settle } from '../support/site.ts'

t.setTimeout(110_000)

const mib = 1024 * 1024

function smallDisk(
  test: Pick<typeof t, 'comment' | 'teardown'>,
  directory: string,
  sizeMib: number,
): SmallDisk | undefined {
  const disk = mountSmallDisk(directory, sizeMib)
  if (typeof disk === 'string') return void test.comment(`SKIPPED: ${disk}`)
  test.teardown(() => disk.unmount())
  return disk
}

function makeSource(source: string, sizeMib: number): void {
  mkdirSync(source)
  for (let at = 0; at < sizeMib; at++) writeFileSync(join(source, `file-${at}`), randomBytes(mib))
}

/** Names of everything below a folder that is no directory, markers left out. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.nb'))
    .map((entry) => entry.name)
}

async function errorsOf({ ports }: BootedServer, jobId: string): Promise<string> {
  const lines = await collect(ports.jobs.log({ jobId }))
  return lines
    .filter((line) => line.severity === 'error')
    .map((line) => line.text)
    .join('\n')
}

t.test('the disk of the storage unit runs full in the middle of a backup', async (t) => {
  const root = scratch('unit-full')
  const [source, state, disk] = [join(root, 'source'), join(root, 'state'), join(root, 'disk')]
  if (smallDisk(t, disk, 8) === undefined) return
  makeSource(source, 12)
  const server = await boot(state, { diskDirectory: disk })
  t.teardown(() => server.stop())

  const full = await backUp(server, source, 'full')
  t.equal(full.status, 129, full.statusText ?? '')
  t.match(full.statusText, /disk1 is full: .*ENOSPC.*Expire images or add space/)
  t.match(await errorsOf(server, full.id), /is full/, 'the job log says so')
  await server.ports.jobs.wait({ jobId: full.id })
  t.same(filesBelow(disk), [], 'no half image stays on the disk')
  await assertSound(server, source, { snapshots: new Map(), reported: [], scratch: root })

  for (let at = 5; at < 12; at++) rmSync(join(source, `file-${at}`))
  const next = await backUp(server, source, 'full')
  t.equal(next.status, 0, next.statusText ?? '')
  const restored = await restoreTo(server, source, next.backupId as string, join(root, 'restored'))
  t.equal(restored.status, 0, restored.statusText ?? '')
  t.same(compareTrees(source, join(root, 'restored')), [])

  await t.test('what was backed up before stays when a later one finds no room', async (t) => {
    const again = await backUp(server, source, 'full')
    t.equal(again.status, 129, again.statusText ?? '')
    const restored = await restoreTo(server, source, next.backupId as string, join(root, 'still'))
    t.equal(restored.status, 0, restored.statusText ?? '')
    t.same(compareTrees(source, join(root, 'still')), [])
  })
})

t.test('the disk that a restore writes to runs full', async (t) => {
  const root = scratch('target-full')
  const [source, state, target] = [join(root, 'source'), join(root, 'state'), join(root, 'target')]
  if (smallDisk(t, target, 4) === undefined) return
  makeSource(source, 6)
  const server = await boot(state)
  t.teardown(() => server.stop())
  const backup = await backUp(server, source, 'full')
  t.equal(backup.status, 0, backup.statusText ?? '')
  const restore = await restoreTo(server, source, backup.backupId as string, target)
  t.equal(restore.status, 155, restore.statusText ?? '')
  t.match(restore.statusText, /ENOSPC|no space|full/i)
  const names = readdirSync(target)
  t.same(
    names.filter((name) => !/^file-\d+$/.test(name)),
    [],
    'nothing half-written stays',
  )
  for (const name of names) {
    t.ok(readFileSync(join(target, name)).equals(readFileSync(join(source, name))), `${name} is whole`)
  }
})

t.test('the disk that holds database, catalog and images alike runs full', async (t) => {
  const root = scratch('state-full')
  const [source, disk] = [join(root, 'source'), join(root, 'disk')]
  if (smallDisk(t, disk, 12) === undefined) return
  makeSource(source, 16)
  const run = (target: string) =>
    runExample(
      '--once',
      '--state',
      join(disk, 'state'),
      '--source',
      source,
      '--restore-to',
      join(root, target),
    )
  const full = await run('none')
  t.equal(full.code, 1, full.stdout)
  t.match(full.stderr, /status (129|155): .*full/)
  t.same(filesBelow(join(disk, 'state', 'disk1')), [], 'no half image stays on the disk')
  for (let at = 5; at < 16; at++) rmSync(join(source, `file-${at}`))
  const next = await run('restored')
  t.equal(next.code, 0, next.stderr + next.stdout)
  t.same(compareTrees(source, join(root, 'restored')), [])
})

t.test(
  'another program takes all room of the disk that the state is on, while the server runs',
  async (t) => {
    const root = scratch('state-filled')
    const [source, state] = [join(root, 'source'), join(root, 'disk', 'state')]
    const disk = smallDisk(t, join(root, 'disk'), 12)
    if (disk === undefined) return
    makeSource(source, 2)
    const example = startExample(['--state', state, '--source', source])
    await example.printed(/the server stays up/)
    disk.fill()
    const server = await connect({ socketPath: join(state, 'nb.sock') })
    await t.rejects(
      (async () => {
        for (let at = 0; at < 50; at++) await server.scheduler.runNow({ policy: 'example' })
      })(),
      NbError,
    )
    server.close()
    const run = await example.ended
    t.match(run, { code: 1, stderr: /status 155: the database .* could not be written/ }, 'the server ends')
    disk.free()
    const again = await boot(state)
    t.teardown(() => again.stop())
    await settle(again)
    const images = await collect(again.ports.catalog.listImages({}))
    t.ok(images.length >= 1, 'the first backup is there')
    await assertSound(again, source, {
      snapshots: new Map(images.map(({ backupId }) => [backupId, source])),
      reported: images.map(({ backupId }) => backupId),
      scratch: root,
    })
    t.equal((await backUp(again, source, 'full')).status, 0)
  },
)
