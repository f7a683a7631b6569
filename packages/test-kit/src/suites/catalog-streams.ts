import assert from 'node:assert/strict'
import { type ImageRecord, toPath } from '@nb/contracts'
import { collect } from '../collect.ts'
import type { CatalogCheck } from './catalog-fixture.ts'
import {
  backUp,
  newImage,
  recordsOf,
  type SampleBackupInput,
  type SampleEntry,
  takeBytes,
} from './catalog-images.ts'
import { directory, paths, rejects, tree } from './catalog-tree.ts'

const streamSet = ['root', 'home', 'srv']

/** One backup of one stream of policy `daily`. */
function streamOf(stream: string, selection: string, entries: readonly SampleEntry[]): SampleBackupInput {
  return { stream, streamSet, selections: [toPath(selection)], entries: [directory(selection), ...entries] }
}

const rootStream = streamOf('root', '/', [
  directory('/etc'),
  { path: '/etc/hosts' },
  // Mount points of the other two.
  directory('/home'),
  directory('/srv'),
])

const homeStream = streamOf('home', '/home', [{ path: '/home/ann' }])

const srvStream = streamOf('srv', '/srv', [{ path: '/srv/www', sizeBytes: 7 }])

/** Obligations of `Catalog` for policies whose backups are several streams. */
export function streams(check: CatalogCheck): void {
  check('the newest images of all streams of a policy are one tree', async (fixture) => {
    const { catalog, clock } = fixture
    const made: ImageRecord[] = []
    for (const stream of [homeStream, rootStream, srvStream]) {
      made.push((await backUp(fixture, stream)).image)
      await clock.advance(60_000)
    }
    const [home, whole, srv] = made
    assert.deepEqual([whole?.stream, whole?.streamSet], ['root', streamSet])
    assert.deepEqual(await paths(catalog, '/'), ['/etc', '/home', '/srv'])
    assert.deepEqual(await paths(catalog, '/home'), ['/home/ann'])
    const all = await collect(catalog.browse({ client: 'web1', path: toPath('/'), recursive: true }))
    assert.deepEqual(
      all.map(({ path, backupId }) => [path, backupId]),
      [
        ['/etc', whole?.backupId],
        ['/etc/hosts', whole?.backupId],
        ['/home', home?.backupId],
        ['/home/ann', home?.backupId],
        ['/srv', srv?.backupId],
        ['/srv/www', srv?.backupId],
      ],
    )
    await rejects(paths(catalog, '/srv/none'), 'path-not-backed-up')
    const { image, ticket } = await catalog.readFileList({ client: 'web1' })
    assert.deepEqual(image, srv)
    const { images, records } = recordsOf(await takeBytes(fixture.channels, ticket))
    assert.deepEqual(
      records.map(({ path, imageIndex }) => [path.toString(), images[imageIndex]]),
      [['/', whole?.backupId], ...all.map(({ path, dataImage }) => [path, dataImage])],
    )
    // The sample gives every file one identity: what is one file in one list is not so in two.
    const identities = new Map(
      records.map(({ identity, imageIndex }) => [`${identity.device}:${identity.inode}`, imageIndex]),
    )
    assert.equal(identities.size, 3)
  })
  check(
    'the images of a tree are told by stream, for some paths only those they belong to',
    async (fixture) => {
      const { catalog } = fixture
      for (const stream of [srvStream, rootStream, homeStream]) await backUp(fixture, stream)
      const told = async (...asked: string[]): Promise<(string | undefined)[]> => {
        const query = { client: 'web1', ...(asked.length === 0 ? {} : { paths: asked.map(toPath) }) }
        return (await collect(catalog.treeImages(query))).map(({ stream }) => stream)
      }
      assert.deepEqual(await told(), ['home', 'root', 'srv'])
      assert.deepEqual(await told('/home/ann'), ['home'])
      assert.deepEqual(await told('/etc'), ['root'])
      assert.deepEqual(await told('/etc', '/srv/www'), ['root', 'srv'])
      assert.deepEqual(await told('/'), ['home', 'root', 'srv'])
      await rejects(told('/home/bob'), 'path-not-backed-up')
      await rejects(collect(catalog.treeImages({ client: 'web2' })), 'no-image-matches')
      await rejects(told('home'), 'argument-invalid')
      const { image } = await backUp(fixture, { entries: tree, policy: 'single' })
      assert.deepEqual(await collect(catalog.treeImages({ client: 'web1', policy: 'single' })), [image])
    },
  )
  check('images that are named are a tree, though newer ones have come', async (fixture) => {
    const { catalog } = fixture
    for (const stream of [rootStream, homeStream]) await backUp(fixture, stream)
    const query = { client: 'web1', paths: [toPath('/home'), toPath('/etc')] }
    const backupIds = (await collect(catalog.treeImages(query))).map(({ backupId }) => backupId)
    await backUp(fixture, streamOf('home', '/home', [{ path: '/home/bob' }]))
    assert.deepEqual(await paths(catalog, '/home'), ['/home/bob'])
    assert.deepEqual(await paths(catalog, '/home', 'web1', { backupIds }), ['/home/ann'])
    const { image } = await catalog.readFileList({ client: 'web1', backupIds })
    assert.equal(image.stream, 'home')
    for (const wrong of [{ backupIds: [] }, { backupIds, backupId: image.backupId }])
      await rejects(paths(catalog, '/home', 'web1', wrong), 'argument-invalid')
    await rejects(paths(catalog, '/', 'web1', { backupIds: [...backupIds, 'web1_1'] }), 'no-image-matches')
    await rejects(paths(catalog, '/', 'web2', { backupIds }), 'no-image-matches')
  })
  check('a date shows every stream as it was then', async (fixture) => {
    const { catalog, clock } = fixture
    const first = await backUp(fixture, homeStream)
    await clock.advance(60_000)
    const second = await backUp(fixture, rootStream)
    await clock.advance(60_000)
    await backUp(fixture, streamOf('home', '/home', []))
    assert.deepEqual(await paths(catalog, '/home'), [])
    assert.deepEqual(await paths(catalog, '/home', 'web1', { at: second.image.backupTime }), ['/home/ann'])
    await rejects(paths(catalog, '/etc', 'web1', { at: first.image.backupTime }), 'path-not-backed-up')
  })
  check(
    'what belongs to no stream any more, and older images without streams, are not in the tree',
    async (fixture) => {
      const { catalog, clock } = fixture
      await backUp(fixture, { entries: tree })
      await clock.advance(60_000)
      await backUp(fixture, { ...homeStream, stream: 'gone', streamSet: ['root', 'gone'] })
      await clock.advance(60_000)
      await backUp(fixture, rootStream)
      assert.deepEqual(await paths(catalog, '/'), ['/etc', '/home', '/srv'])
      assert.deepEqual(await paths(catalog, '/home'), [], 'the mount point is all that the stream has of it')
      await rejects(paths(catalog, '/data'), 'path-not-backed-up')
      await clock.advance(60_000)
      await backUp(fixture, { entries: tree })
      assert.deepEqual(await paths(catalog, '/'), ['/data'], 'a policy without streams again')
    },
  )
  check(
    'each stream has its own expiry, and an expired one leaves the tree to the one before',
    async (fixture) => {
      const { catalog, clock } = fixture
      const old = await backUp(fixture, homeStream)
      await backUp(fixture, rootStream)
      const next = await backUp(fixture, {
        ...streamOf('home', '/home', [{ path: '/home/ann' }, { path: '/home/bob' }]),
        reference: old,
        expiresAt: clock.now() + 1000,
      })
      assert.deepEqual(next.image.neededImages, [old.image.backupId])
      await rejects(catalog.expireImage({ backupId: old.image.backupId }), 'image-needed')
      assert.deepEqual(await paths(catalog, '/home'), ['/home/ann', '/home/bob'])
      await clock.advance(1000)
      assert.deepEqual(await catalog.expireDue({}), { expired: [next.image.backupId], held: [] })
      assert.deepEqual(await paths(catalog, '/home'), ['/home/ann'])
      await catalog.expireImage({ backupId: old.image.backupId })
      assert.deepEqual(await paths(catalog, '/home'), [])
    },
  )
  check('versions of a file come from all its images, also of a stream', async (fixture) => {
    const { catalog } = fixture
    const first = await backUp(fixture, homeStream)
    await backUp(fixture, rootStream)
    const second = await backUp(fixture, streamOf('home', '/home', [{ path: '/home/ann', version: 2 }]))
    const states = await collect(catalog.versions({ client: 'web1', path: toPath('/home/ann') }))
    assert.deepEqual(
      states.map(({ backupId }) => backupId),
      [second.image.backupId, first.image.backupId],
    )
  })
  check('images are listed by their stream, and a stream that is none is refused', async (fixture) => {
    const { image } = await backUp(fixture, homeStream)
    await backUp(fixture, rootStream)
    await backUp(fixture, { entries: tree })
    assert.deepEqual(await collect(fixture.catalog.listImages({ stream: 'home' })), [image])
    const catalog = await fixture.restart()
    assert.deepEqual(await collect(catalog.listImages({ stream: 'home' })), [image])
    for (const wrong of [
      { stream: '' },
      { stream: 'x'.repeat(5000) },
      { streamSet },
      { stream: 'other', streamSet },
      { stream: 'home', streamSet: ['home', 'home'] },
    ])
      await rejects(catalog.createImage(newImage(wrong)), 'argument-invalid', JSON.stringify(wrong))
  })
}
