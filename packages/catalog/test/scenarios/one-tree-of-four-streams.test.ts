import { type FileEntry, type Path, toPath } from '@nb/contracts'
import { backUp, collect, recordsOf, type SampleBackup, type SampleEntry, takeBytes } from '@nb/test-kit'
import t from 'tap'
import { openSite, type Site } from '../fixture.ts'

const streamSet = ['/', '/boot', '/home', '/var']

/** A client whose four file systems are a stream each; that of `/` has the mount points of the others. */
function stream(top: string, files: readonly string[], changes: object = {}) {
  const mounts = top === '/' ? streamSet.slice(1) : []
  const directories = [top, ...mounts].map((path): SampleEntry => ({ path, kind: 'directory' }))
  const entries = [
    ...directories,
    ...files.map((path) => ({ path: top === '/' ? `/${path}` : `${top}/${path}` })),
  ]
  return { stream: top, streamSet, selections: [toPath(top)], entries, ...changes }
}

async function night(
  site: Site,
  files: Readonly<Record<string, readonly string[]>>,
): Promise<SampleBackup[]> {
  const made: SampleBackup[] = []
  for (const [top, names] of Object.entries(files)) made.push(await backUp(site, stream(top, names)))
  await site.clock.advance(86_400_000)
  return made
}

function list(site: Site, path: string, at?: number): Promise<FileEntry[]> {
  const query = { client: 'web1', path: toPath(path), recursive: true, ...(at === undefined ? {} : { at }) }
  return collect(site.catalog.browse(query))
}

function pathsOf(entries: readonly FileEntry[]): readonly Path[] {
  return entries.map(({ path }) => path)
}

t.test('four file systems, backed up by four jobs, are browsed and read as one tree', async (t) => {
  const site = await openSite()
  t.teardown(() => site.end())
  await night(site, { '/': ['hosts'], '/boot': ['kernel'], '/home': ['ann', 'bob'], '/var': ['log'] })
  const all = await list(site, '/')
  t.same(pathsOf(all), [
    '/boot',
    '/boot/kernel',
    '/home',
    '/home/ann',
    '/home/bob',
    '/hosts',
    '/var',
    '/var/log',
  ])
  t.equal(new Set(all.map(({ backupId }) => backupId)).size, 4)
  const { ticket } = await site.catalog.readFileList({ client: 'web1' })
  t.equal(recordsOf(await takeBytes(site.channels, ticket)).records.length, all.length + 1)
})

t.test('the night on which one stream failed shows that stream as it was before', async (t) => {
  const site = await openSite()
  t.teardown(() => site.end())
  const first = await night(site, { '/': [], '/home': ['ann'], '/var': ['log'] })
  const [, secondHome] = await night(site, { '/': ['new'], '/home': ['ann', 'bob'] })
  t.same(pathsOf(await list(site, '/')), [
    '/boot',
    '/home',
    '/home/ann',
    '/home/bob',
    '/new',
    '/var',
    '/var/log',
  ])
  const [log] = await list(site, '/var')
  t.equal(log?.backupId, first[2]?.image.backupId)
  const before = (secondHome?.image.backupTime ?? 0) - 86_400_000
  t.same(pathsOf(await list(site, '/home', before)), ['/home/ann'])
})

t.test(
  'a damaged list of one stream is told with its image’s name, and the others still answer',
  async (t) => {
    const site = await openSite()
    t.teardown(() => site.end())
    const [, home] = await night(site, { '/': ['hosts'], '/home': ['ann'] })
    const { backupId } = (home as SampleBackup).image
    const damaged = Buffer.from((home as SampleBackup).list.bytes)
    damaged[damaged.length - 20] = (damaged[damaged.length - 20] ?? 0) ^ 1
    const file = await site.files.open(`${site.directory}/web1/${backupId}/files.nbf`, 'update')
    await file.write(damaged, 0)
    await file.close()
    await t.rejects(list(site, '/home'), { code: 'file-list-corrupt', details: { backupId } })
    t.same(pathsOf(await list(site, '/hosts')), ['/hosts'])
    const { ticket } = await site.catalog.readFileList({ client: 'web1' })
    await t.rejects(takeBytes(site.channels, ticket), {
      code: 'channel-broken',
      message: new RegExp(backupId),
    })
    const marked = await collect(site.catalog.listImages({ client: 'web1' }))
    t.same(
      marked.filter((image) => image.damaged !== undefined).map((image) => image.backupId),
      [backupId],
    )
  },
)

t.test('the index of an earlier form is made anew, with the streams in it', async (t) => {
  const site = await openSite()
  t.teardown(() => site.end())
  await night(site, { '/': ['hosts'], '/home': ['ann'] })
  const before = await list(site, '/')
  await site.catalog.stop()
  await site.store.sublevel<string, string>('meta', {}).put('format', 'nb-catalog-index/1')
  await site.store.sublevel<string, string>('keys', {}).clear()
  await site.restart()
  t.same(await list(site, '/'), before)
})

t.test(
  'what a user archives is the newest state of what was asked for, and hides nothing beside it',
  async (t) => {
    const site = await openSite()
    t.teardown(() => site.end())
    await night(site, { '/': ['hosts'], '/home': ['ann', 'bob'] })
    const archive = await backUp(site, {
      schedule: 'archive',
      scheduleType: 'user-archive',
      selections: [toPath('/home/ann')],
      entries: [{ path: '/home/ann' }],
    })
    const user = archive.image.backupId
    t.same(pathsOf(await list(site, '/')), ['/boot', '/home', '/home/ann', '/home/bob', '/hosts', '/var'])
    const [own] = await list(site, '/home/ann')
    t.equal(own?.backupId, user, 'the newest state of the file itself is the user’s')
    const whole = await collect(site.catalog.treeImages({ client: 'web1' }))
    t.same(whole.map(({ stream }) => stream ?? 'archive').sort(), ['/', '/home', 'archive'])
    t.equal(
      (await list(site, '/')).find(({ path }) => path === '/home/ann')?.backupId,
      user,
      'seen from above too',
    )
    t.same(
      pathsOf(
        await collect(
          site.catalog.browse({ client: 'web1', backupId: user, path: toPath('/'), recursive: true }),
        ),
      ),
      ['/home/ann'],
      'named, the archive shows itself',
    )
  },
)

t.test('where there is nothing but what a user saved, that is the tree', async (t) => {
  const site = await openSite()
  t.teardown(() => site.end())
  await backUp(site, {
    schedule: 'user',
    scheduleType: 'user-backup',
    selections: [toPath('/home/ann')],
    entries: [{ path: '/home/ann' }],
  })
  t.same(pathsOf(await list(site, '/')), ['/home/ann'])
})
