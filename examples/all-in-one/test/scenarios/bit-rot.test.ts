// One bit of one stored file has turned: a start or a check says so, or everything is as it was.
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  linkSync,
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
import { createCatalog } from '@nb/catalog'
import { type FragmentRecord, NbError, systemFiles, toPath } from '@nb/contracts'
import { createDiskStore } from '@nb/media-disk'
import { createLocalChannels } from '@nb/remote'
import { collect, createVirtualClock, numberSetting, seededRandom } from '@nb/test-kit'
import { Level } from 'level'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { clientName, storageUnit } from '../../src/compose.ts'
import { checkDatabase } from '../../../host-program/src/database/check/check-database.ts'
import { boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { assertRestores, backUp, snapshotTree } from '../support/site.ts'

const isLong = process.env['NB_LONG'] === '1'
t.setTimeout(isLong ? 7_200_000 : 110_000)
const seed = numberSetting('NB_SEED', 20_260_101)

/** A stopped site: a full and an incremental image, a client whose last image is gone, a database with tables and a log. */
async function makeSite(root: string): Promise<ReadonlyMap<string, string>> {
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(join(source, 'd'), { recursive: true })
  writeFileSync(join(source, 'text'), 'some text '.repeat(300))
  writeFileSync(join(source, 'd', 'more'), Buffer.alloc(20_000, 'more '))
  linkSync(join(source, 'text'), join(source, 'd', 'same'))
  symlinkSync('text', join(source, 'link'))
  const snapshots = new Map<string, string>()
  const server = await boot(state)
  for (const schedule of ['full', 'incr', 'full'] as const) {
    const job = await backUp(server, source, schedule)
    const snapshot = join(root, `snapshot-${snapshots.size}`)
    snapshotTree(source, snapshot)
    snapshots.set(job.backupId as string, snapshot)
    writeFileSync(join(source, `new-${snapshots.size}`), `new ${snapshots.size}`)
  }
  const gone = [...snapshots.keys()].at(-1) ?? ''
  await server.ports.catalog.expireImage({ backupId: gone })
  await server.ports.jobs.cleanImages()
  snapshots.delete(gone)
  await server.stop()
  // What was in the log goes into tables when it is opened again; then a little is in the log anew.
  const again = await boot(state)
  await backUp(again, source, 'incr').then(({ backupId }) => {
    const snapshot = join(root, 'snapshot-last')
    snapshotTree(source, snapshot)
    snapshots.set(backupId as string, snapshot)
  })
  await again.stop()
  return snapshots
}

/** All files of a state that are read again, by their names in it. */
function storedFiles(state: string): string[] {
  const names = readdirSync(state, { recursive: true }).map(String)
  // A lock without content, notes for people, and the number of the process that was.
  return names
    .filter((name) => statSync(join(state, name)).isFile() && !/^database\/LO|^process-id$/.test(name))
    .sort()
}

/** Everything that the catalog knows, in one text; throws what it finds damaged. */
async function readCatalog(directory: string): Promise<string> {
  const clock = createVirtualClock(1000)
  const channels = createLocalChannels({ clock })
  const log = { append: async (): Promise<void> => undefined }
  const parts = {
    store: new MemoryLevel<string, string>().sublevel('catalog'),
    files: systemFiles(),
    channels,
    clock,
    log,
  }
  const catalog = createCatalog(parts, { directory })
  const damaged: NbError[] = []
  catalog.on('image:damaged', ({ message }) => damaged.push(new NbError('store-corrupt', message)))
  await catalog.start()
  try {
    const images = await collect(catalog.listImages({}))
    const told: unknown[] = [images]
    for (const { backupId, client } of images) {
      const walk = async (path: string): Promise<void> => {
        for (const entry of await collect(catalog.browse({ client, backupId, path: toPath(path) }))) {
          told.push(entry)
          if (entry.kind === 'directory' && entry.path !== path) await walk(entry.path)
        }
      }
      await walk('/')
    }
    // The next id tells what is known of the last.
    const next = {
      jobId: '1',
      client: clientName,
      policy: 'p',
      schedule: 's',
      scheduleType: 'full',
      retentionLevel: 1,
    } as const
    told.push((await catalog.createImage({ ...next, selections: [toPath('/')] })).backupId)
    if (damaged[0] !== undefined) throw damaged[0]
    return JSON.stringify(told)
  } finally {
    await catalog.stop()
  }
}

/** Every byte that is stored of every copy, as a verify reads it; throws what it finds damaged. */
async function readMedia(
  directory: string,
  fragments: readonly (readonly [string, FragmentRecord])[],
): Promise<string> {
  const clock = createVirtualClock(0)
  const disk = createDiskStore({ files: systemFiles(), clock }, { storageUnit, directory, mustExist: true })
  await disk.start()
  const medium = await disk.mount({
    allocation: {
      ...{ allocationId: 'a', jobId: '1', storageUnit, mediaServer: 'local', purpose: 'read', since: 0 },
      medium: { kind: 'disk', maxFragmentBytes: 2 ** 30 },
    },
    jobId: '1',
    flow: 'restore',
  })
  const sum = createHash('sha256')
  for (const [backupId, fragment] of fragments) {
    const reader = await medium.openFragment({ backupId, copy: 1, fragment })
    try {
      for await (const bytes of reader.read({ offset: 0, bytes: fragment.streamBytes })) sum.update(bytes)
    } finally {
      await reader.close()
    }
  }
  await medium.unmount()
  return sum.digest('hex')
}

/** What is in the database, as LevelDB gives it once it is opened; throws what a start would tell. */
async function readDatabase(folder: string): Promise<string> {
  const { faults, silentBytes } = await checkDatabase(folder)
  if (faults[0] !== undefined) throw new NbError('store-corrupt', faults[0])
  const level = new Level<string, string>(folder)
  await level.open()
  const content = await level.iterator().all()
  await level.close()
  if (silentBytes > 0 || readFileSync(join(folder, 'LOG'), 'utf8').includes('dropping'))
    throw new NbError('store-corrupt', 'records of the log were passed over, as the start warns')
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

t.test('a turned bit in any stored file is found, or changes nothing that is read', async (t) => {
  const root = scratch('bit-rot')
  const state = join(root, 'state')
  const snapshots = await makeSite(root)
  const sound = join(root, 'sound')
  cpSync(state, sound, { recursive: true, preserveTimestamps: true })
  const fragments: (readonly [string, FragmentRecord])[] = []
  const server = await boot(state)
  for (const image of await collect(server.ports.catalog.listImages({})))
    for (const copy of image.copies)
      for (const fragment of copy.fragments) fragments.push([image.backupId, fragment])
  await server.stop()
  const read = async (part: string): Promise<string> => {
    if (part === 'images') return await readCatalog(join(state, 'images'))
    if (part === 'disk1') return await readMedia(join(state, 'disk1'), fragments)
    return await readDatabase(join(state, 'database'))
  }
  const renew = (part: string): void => {
    rmSync(join(state, part), { recursive: true, force: true })
    cpSync(join(sound, part), join(state, part), { recursive: true, preserveTimestamps: true })
  }
  const right = new Map<string, string>()
  for (const part of ['images', 'disk1', 'database']) {
    renew(part)
    right.set(part, await read(part))
    renew(part)
  }
  const files = storedFiles(sound)
  for (const kind of [
    /header\.json$/,
    /files\.nbf$/,
    /files\.idx$/,
    /sequence\.json$/,
    /1-\d+\.nbf$/,
    /marker|\.nb-disk/,
    /\.ldb$/,
    /\.log$/,
    /MANIFEST/,
    /CURRENT$/,
  ])
    t.ok(
      files.some((name) => kind.test(name)),
      `there is a file ${String(kind)}`,
    )

  const random = seededRandom(seed)
  const count = numberSetting('NB_COUNT', isLong ? 10_000 : 160)
  const outcomes = new Map<string, number>()
  const silent: string[] = []
  for (let turn = 0; turn < count; turn++) {
    const name = files[turn % files.length] ?? ''
    const part = name.split('/')[0] ?? ''
    const path = join(state, name)
    const bytes = readFileSync(path)
    const at = Math.floor(random() * bytes.length)
    const bit = 1 << Math.floor(random() * 8)
    bytes[at] = (bytes[at] ?? 0) ^ bit
    writeFileSync(path, bytes)
    // A disk that rots does not change the time of a file.
    const { atimeMs, mtimeMs } = statSync(join(sound, name))
    utimesSync(path, atimeMs / 1000, mtimeMs / 1000)
    let outcome: string
    try {
      outcome = (await read(part)) === right.get(part) ? 'harmless' : 'silent'
    } catch (error) {
      const { code } = error as { readonly code?: string }
      const isTyped = error instanceof NbError || code === 'LEVEL_DATABASE_NOT_OPEN'
      outcome = isTyped ? `found: ${code}` : `untyped: ${String(error)}`
    }
    const kind = name.replace(/.*\//, '').replace(/\d{6}/, 'N')
    outcomes.set(`${kind} ${outcome}`, (outcomes.get(`${kind} ${outcome}`) ?? 0) + 1)
    if (!/^(found|harmless)/.test(outcome)) silent.push(`${name}: byte ${at} ^ ${bit} is ${outcome}`)
    renew(part)
  }
  t.comment(`${count} turned bits in ${files.length} files, seed ${seed}`)
  for (const [outcome, times] of [...outcomes].sort()) t.comment(`${outcome} ${times}`)
  t.same(silent, [], 'none is silently wrong')

  await t.test(
    'a whole server on such a state restores what it always did, or says what is wrong',
    async (t) => {
      const turns = isLong ? 200 : 3
      const wrong: string[] = []
      const told = new Map<string, number>()
      for (let turn = 0; turn < turns; turn++) {
        for (const part of ['images', 'disk1', 'database']) renew(part)
        const name = files[Math.floor(random() * files.length)] ?? ''
        const path = join(state, name)
        const bytes = readFileSync(path)
        const at = Math.floor(random() * bytes.length)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (turn % 8))
        writeFileSync(path, bytes)
        const outcome = await serve(root, state, snapshots)
        told.set(outcome, (told.get(outcome) ?? 0) + 1)
        if (outcome === 'wrong') wrong.push(`${name}: byte ${at}`)
      }
      t.comment(`${turns} servers: ${[...told].map(([outcome, times]) => `${outcome} ${times}`).join(', ')}`)
      t.same(wrong, [])
    },
  )

  await t.test(
    'a database with a turned bit is put away, and is made again from headers and media',
    async (t) => {
      for (const part of ['images', 'disk1', 'database']) renew(part)
      const [table = ''] = readdirSync(join(state, 'database')).filter((name) => name.endsWith('.ldb'))
      const path = join(state, 'database', table)
      const bytes = readFileSync(path)
      bytes[100] = (bytes[100] ?? 0) ^ 4
      writeFileSync(path, bytes)
      await t.rejects(boot(state), { code: 'store-corrupt', message: new RegExp(table) })
      rmSync(join(state, 'database'), { recursive: true })
      t.equal(await serve(root, state, snapshots), 'restored')
    },
  )
})

/** Starts a server and restores every image. */
async function serve(root: string, state: string, snapshots: ReadonlyMap<string, string>): Promise<string> {
  let warned = 0
  const server = await boot(state, { warn: () => void warned++ }).catch((error: unknown) => {
    if (error instanceof NbError || /LEVEL/.test(String((error as { code?: string }).code))) return undefined
    throw error
  })
  if (server === undefined) return 'refused'
  try {
    for (const [backupId, snapshot] of snapshots)
      try {
        await assertRestores(server, join(root, 'source'), backupId, snapshot, root)
      } catch (error) {
        const isTold = error instanceof NbError || /ended with \d+/.test(String(error))
        return isTold ? 'restore refused' : 'wrong'
      }
    return warned > 0 ? 'warned' : 'restored'
  } finally {
    await server.stop()
    for (const name of readdirSync(root).filter((name) => name.startsWith('restored-')))
      if (existsSync(join(root, name))) rmSync(join(root, name), { recursive: true })
  }
}
