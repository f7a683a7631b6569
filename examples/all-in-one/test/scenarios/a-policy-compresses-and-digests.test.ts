import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import {
  type FileEntry,
  type ImageRecord,
  type Job,
  type Policy,
  duplicateJobRequest,
  importJobRequest,
  toPath,
  verifyJobRequest,
} from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { clientName, secondStorageUnit } from '../../src/compose.ts'
import { type BootedServer, boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { backUp, manualPolicy, restoreTo } from '../support/site.ts'

t.setTimeout(110_000)

const root = scratch('compressed')
const [source, state, second] = [join(root, 'source'), join(root, 'state'), join(root, 'second')]
t.teardown(() => rmSync(root, { recursive: true }))

const start = (): Promise<BootedServer> => boot(state, { settings: { tries: 1, secondDisk: second } })

async function savePolicy({ ports }: BootedServer, change: Partial<Policy>): Promise<void> {
  const stored = await ports.scheduler.getPolicy({ name: 'manual' })
  const policy = { ...manualPolicy(source), ...change }
  await ports.scheduler.putPolicy({ policy, generation: stored?.generation ?? 0 })
}

async function run(
  { ports }: BootedServer,
  request: Parameters<BootedServer['ports']['jobs']['submit']>[0],
): Promise<Job> {
  return ports.jobs.wait(await ports.jobs.submit(request))
}

async function textsOf({ ports }: BootedServer, { id }: Job): Promise<readonly string[]> {
  return (await collect(ports.jobs.log({ jobId: id }))).map(({ text }) => text)
}

async function entriesOf({ ports }: BootedServer, backupId: string): Promise<readonly FileEntry[]> {
  const query = { client: clientName, backupId, path: toPath(source), recursive: true }
  return collect(ports.catalog.browse(query))
}

const sha256 = (path: string): string =>
  `sha256:${createHash('sha256').update(readFileSync(path)).digest('hex')}`

t.test('compressed and digested images are verified, copied, imported and restored', async (t) => {
  mkdirSync(source)
  for (let index = 0; index < 40; index++)
    writeFileSync(join(source, `file-${index}`), randomBytes(index * index * 70))
  linkSync(join(source, 'file-7'), join(source, 'also file-7'))
  writeFileSync(join(source, 'text'), 'all work and no play. '.repeat(100_000))
  let server = await start()
  t.teardown(() => server.stop())
  await savePolicy(server, { compression: 'zstd', digest: 'sha256' })
  const full = await backUp(server, source, 'full')
  writeFileSync(join(source, 'later'), 'later')
  await savePolicy(server, { compression: 'gzip', digest: 'sha256' })
  const incremental = await backUp(server, source, 'incr')
  for (const [job, compression] of [
    [full, 'zstd'],
    [incremental, 'gzip'],
  ] as const) {
    const image = (await server.ports.catalog.getImage({ backupId: job.backupId ?? '' })) as ImageRecord
    t.match(image, { compression, digest: 'sha256' })
    const told = new RegExp(`iB are stored as .* by ${compression}`)
    t.ok((await textsOf(server, job)).some((text) => told.test(text)))
    const storage = { kind: 'unit', name: secondStorageUnit } as const
    const copied = await run(server, duplicateJobRequest(image, { requestId: randomUUID(), storage }))
    t.match(copied, { status: 0 }, copied.statusText ?? '')
    for (const copy of [1, 2]) {
      const now = (await server.ports.catalog.getImage({ backupId: image.backupId })) as ImageRecord
      const verified = await run(server, verifyJobRequest(now, { requestId: randomUUID(), copy }))
      t.match(verified, { status: 0 }, verified.statusText ?? '')
    }
  }
  const entries = await entriesOf(server, incremental.backupId ?? '')
  for (const name of ['text', 'later'])
    t.equal(entries.find(({ path }) => path.endsWith(`/${name}`))?.digest, sha256(join(source, name)))
  const files = entries.filter(({ kind, unreadable }) => kind === 'file' && unreadable !== true)
  t.ok(files.every(({ digest }) => digest !== undefined))

  const before = await collect(server.ports.catalog.listImages({}))
  await server.stop()
  for (const name of ['images', 'database', 'disk1']) rmSync(join(state, name), { recursive: true })
  server = await start()
  const imported = await run(
    server,
    importJobRequest({ requestId: randomUUID(), storageUnit: secondStorageUnit }),
  )
  t.match(imported, { status: 0 }, imported.statusText ?? '')
  const after = await collect(server.ports.catalog.listImages({}))
  const ofSecond = (images: readonly ImageRecord[]): unknown =>
    images.map(({ backupId, compression, digest, counts, copies }) => ({
      ...{ backupId, compression, digest, counts },
      copies: copies.filter(({ copy }) => copy === 2),
    }))
  t.strictSame(ofSecond(after), ofSecond(before))
  t.strictSame(
    (await entriesOf(server, incremental.backupId ?? '')).map(({ digest }) => digest),
    entries.map(({ digest }) => digest),
  )
  const target = join(root, 'restored')
  const restored = await restoreTo(server, source, incremental.backupId ?? '', target)
  t.match(restored, { status: 0 }, restored.statusText ?? '')
  t.strictSame(compareTrees(source, target, { allocation: false }), [])

  await t.test(
    'a damaged frame ends a restore with the fragment named, and a verification tells it',
    async (t) => {
      const folder = readdirSync(second, { recursive: true, encoding: 'utf8' })
      const name = folder.filter((each) => each.endsWith('.nbf')).sort()[0] ?? ''
      const bytes = readFileSync(join(second, name))
      bytes[20_000] = 0xff ^ (bytes[20_000] ?? 0)
      writeFileSync(join(second, name), bytes)
      const image = (await server.ports.catalog.getImage({ backupId: full.backupId ?? '' })) as ImageRecord
      const verified = await run(server, verifyJobRequest(image, { requestId: randomUUID(), copy: 2 }))
      t.ok((verified.status ?? 0) > 0)
      t.ok((await textsOf(server, verified)).some((text) => /ragment 1 .*block 0/.test(text)))
      const failed = await restoreTo(server, source, full.backupId ?? '', join(root, 'failed'))
      t.match(failed, { status: 85, statusText: /ragment 1 .*block 0/ })
    },
  )
})

t.test('a client whose Node.js has no zstd says so, and what to do', async (t) => {
  const own = join(root, 'without')
  const data = join(own, 'source')
  mkdirSync(data, { recursive: true })
  writeFileSync(join(data, 'file'), 'content')
  const server = await boot(join(own, 'state'), { settings: { tries: 1 } })
  t.teardown(() => server.stop())
  const zlib = createRequire(import.meta.url)('node:zlib') as { zstdCompress: unknown }
  const { zstdCompress } = zlib
  t.teardown(() => {
    zlib.zstdCompress = zstdCompress
    syncBuiltinESMExports()
  })
  zlib.zstdCompress = undefined
  syncBuiltinESMExports()
  await server.ports.scheduler.putPolicy({ policy: { ...manualPolicy(data), compression: 'zstd' } })
  const refused = await backUp(server, data, 'full')
  t.match(refused, {
    status: 228,
    statusText: /can't compress as its policy says: .*Node.js 22.15 or newer.*compression: gzip/,
  })
  const { generation = 0 } = (await server.ports.scheduler.getPolicy({ name: 'manual' })) ?? {}
  await server.ports.scheduler.putPolicy({
    policy: { ...manualPolicy(data), compression: 'gzip' },
    generation,
  })
  t.match(await backUp(server, data, 'full'), { status: 0 })
})
