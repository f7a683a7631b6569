import assert from 'node:assert/strict'
import { type FileEntry, pathFromBytes, toPath } from '@nb/contracts'
import { collect } from '../collect.ts'
import type { CatalogCheck } from './catalog-fixture.ts'
import { backUp, type SampleEntry } from './catalog-images.ts'
import { changed, directory, paths, rejects, tree } from './catalog-tree.ts'

/** The obligations of `browse`. */
export function browsing(check: CatalogCheck): void {
  check('a directory shows what is directly in it, a file itself', async (fixture) => {
    const { catalog } = fixture
    await backUp(fixture, { entries: tree })
    assert.deepEqual(await paths(catalog, '/data'), [
      '/data/a.txt',
      '/data/sub',
      '/data/sub-2.txt',
      '/data/sub.txt',
    ])
    assert.deepEqual(await paths(catalog, '/data/'), await paths(catalog, '/data'))
    assert.deepEqual(await paths(catalog, '/data/sub'), ['/data/sub/deep.txt'])
    assert.deepEqual(await paths(catalog, '/data/a.txt'), ['/data/a.txt'])
    const below = await collect(catalog.browse({ client: 'web1', path: toPath('/data'), recursive: true }))
    assert.deepEqual(
      below.map(({ path }) => path),
      ['/data/a.txt', '/data/sub', '/data/sub/deep.txt', '/data/sub-2.txt', '/data/sub.txt'],
    )
  })
  check('what lies above the selections leads to them', async (fixture) => {
    await backUp(fixture, { entries: [...tree, directory('/srv/www'), { path: '/srv/www/index.html' }] })
    assert.deepEqual(await paths(fixture.catalog, '/'), ['/data', '/srv/www'])
    assert.deepEqual(await paths(fixture.catalog, '/srv'), ['/srv/www'])
  })
  check('an entry tells all that was saved of it', async (fixture) => {
    const odd = Buffer.from([0x2f, 0x64, 0x61, 0x74, 0x61, 0x2f, 0xff, 0x0a])
    const entries: SampleEntry[] = [
      ...tree,
      { path: odd, sizeBytes: 2 ** 40 },
      { path: '/data/null', kind: 'character-device' },
      { path: '/data/secret', unreadable: true },
    ]
    const { image } = await backUp(fixture, { entries })
    const found = await collect(fixture.catalog.browse({ client: 'web1', path: pathFromBytes(odd) }))
    const expected: FileEntry = {
      path: pathFromBytes(odd),
      kind: 'file',
      mode: 0o644,
      uid: 1000,
      gid: 1000,
      sizeBytes: 2 ** 40,
      mtimeNs: '1700000000000000001',
      ctimeNs: '1700000000000000002',
      linkCount: 1,
      backupId: image.backupId,
      dataImage: image.backupId,
    }
    assert.deepEqual(found, [expected])
    const [link] = await collect(fixture.catalog.browse({ client: 'web1', path: toPath('/data/sub.txt') }))
    assert.equal(link?.linkTarget, 'a.txt')
    const [device] = await collect(fixture.catalog.browse({ client: 'web1', path: toPath('/data/null') }))
    assert.deepEqual([device?.deviceMajor, device?.deviceMinor], [8, 1])
    const [secret] = await collect(fixture.catalog.browse({ client: 'web1', path: toPath('/data/secret') }))
    assert.equal(secret?.unreadable, true)
  })
  check('a date shows the tree as it was then, deletions and all', async (fixture) => {
    const { catalog, clock } = fixture
    const before = clock.now()
    await clock.advance(60_000)
    const full = await backUp(fixture, { entries: tree })
    await clock.advance(60_000)
    const less = tree.filter(({ path }) => path !== '/data/a.txt')
    const incremental = await backUp(fixture, { entries: [...less, { path: '/data/new' }], reference: full })
    await clock.advance(60_000)
    const at = (time: number): Promise<string[]> => paths(catalog, '/data', 'web1', { at: time })
    await rejects(at(before), 'no-image-matches')
    assert.ok((await at(full.image.backupTime)).includes('/data/a.txt'))
    assert.deepEqual(await at(incremental.image.backupTime - 1), await at(full.image.backupTime))
    assert.ok(!(await at(incremental.image.backupTime)).includes('/data/a.txt'))
    assert.deepEqual(await paths(catalog, '/data'), await at(clock.now()))
    await rejects(paths(catalog, '/data/a.txt'), 'path-not-backed-up')
    const [carried] = await collect(catalog.browse({ client: 'web1', path: toPath('/data/sub/deep.txt') }))
    assert.equal(carried?.backupId, incremental.image.backupId)
    assert.equal(carried?.dataImage, full.image.backupId)
    const { backupId } = full.image
    assert.ok((await paths(catalog, '/data', 'web1', { backupId })).includes('/data/a.txt'))
  })
  check('of several policies the newest image that holds the path answers', async (fixture) => {
    const { catalog, clock } = fixture
    await backUp(fixture, { entries: tree, policy: 'daily' })
    await clock.advance(60_000)
    await backUp(fixture, { entries: [directory('/etc'), { path: '/etc/hosts' }], policy: 'system' })
    assert.deepEqual(await paths(catalog, '/etc'), ['/etc/hosts'])
    assert.deepEqual(await paths(catalog, '/data/sub'), ['/data/sub/deep.txt'])
    await rejects(paths(catalog, '/data', 'web1', { policy: 'system' }), 'path-not-backed-up')
    await rejects(paths(catalog, '/data', 'web1', { policy: 'none' }), 'no-image-matches')
  })
  check('what is not there, and what is no path, is said', async (fixture) => {
    const { catalog } = fixture
    const { image } = await backUp(fixture, { entries: tree })
    await rejects(paths(catalog, '/data/none'), 'path-not-backed-up')
    await rejects(paths(catalog, '/data/su'), 'path-not-backed-up')
    await rejects(paths(catalog, '/data', 'web2'), 'no-image-matches')
    await rejects(paths(catalog, '/data', 'web1', { backupId: 'web1_1' }), 'no-image-matches')
    await rejects(paths(catalog, '/data', 'web2', { backupId: image.backupId }), 'no-image-matches')
    for (const path of ['data', '', '/data/../etc', '/data//a', '/./data'])
      await rejects(paths(catalog, path), 'argument-invalid')
  })
}

/** The obligations of `versions`. */
export function versions(check: CatalogCheck): void {
  check(
    'the states of a file come newest first, each once, with the newest image that has it',
    async (fixture) => {
      const { catalog, clock } = fixture
      const full = await backUp(fixture, { entries: tree })
      await clock.advance(60_000)
      const same = await backUp(fixture, { entries: tree, reference: full })
      await clock.advance(60_000)
      const other = await backUp(fixture, { entries: changed(tree, '/data/a.txt'), reference: same })
      await clock.advance(60_000)
      await backUp(fixture, { entries: tree.slice(2), reference: other })
      const states = await collect(catalog.versions({ client: 'web1', path: toPath('/data/a.txt') }))
      assert.deepEqual(
        states.map(({ backupId, dataImage }) => [backupId, dataImage]),
        [
          [other.image.backupId, other.image.backupId],
          [same.image.backupId, full.image.backupId],
        ],
      )
      assert.deepEqual(await collect(catalog.versions({ client: 'web1', path: toPath('/none') })), [])
      assert.deepEqual(
        await collect(catalog.versions({ client: 'web1', policy: 'x', path: toPath('/data') })),
        [],
      )
    },
  )
}
