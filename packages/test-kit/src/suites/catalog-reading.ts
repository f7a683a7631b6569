import assert from 'node:assert/strict'
import { type Catalog, toPath } from '@nb/contracts'
import { collect } from '../collect.ts'
import type { CatalogCheck } from './catalog-fixture.ts'
import { backUp, recordsOf, takeBytes } from './catalog-images.ts'
import { changed, directory, paths, rejects, tree } from './catalog-tree.ts'

/** The obligations of `readFileList`. */
export function reading(check: CatalogCheck): void {
  check('a list is read whole, byte for byte', async (fixture) => {
    const { catalog, channels } = fixture
    const full = await backUp(fixture, { entries: tree })
    const next = await backUp(fixture, { entries: changed(tree, '/data/a.txt'), reference: full })
    const { image, ticket } = await catalog.readFileList({ client: 'web1' })
    assert.deepEqual(image, next.image)
    assert.ok((await takeBytes(channels, ticket)).equals(next.list.bytes))
  })
  check('a list is read of paths and what is below them', async (fixture) => {
    const { catalog, channels } = fixture
    const full = await backUp(fixture, { entries: tree })
    const next = await backUp(fixture, { entries: changed(tree, '/data/a.txt'), reference: full })
    const wanted = async (...asked: string[]): Promise<string[]> => {
      const { ticket } = await catalog.readFileList({ client: 'web1', paths: asked.map(toPath) })
      const { images, records } = recordsOf(await takeBytes(channels, ticket))
      assert.deepEqual(images, next.list.images)
      for (const record of records)
        assert.deepEqual(
          record,
          next.list.records.find(({ path }) => path.equals(record.path)),
        )
      return records.map(({ path }) => path.toString())
    }
    assert.deepEqual(await wanted('/data/sub'), ['/data/sub', '/data/sub/deep.txt'])
    assert.deepEqual(await wanted('/data/sub.txt', '/data/sub/deep.txt', '/data/sub', '/data/sub'), [
      '/data/sub',
      '/data/sub/deep.txt',
      '/data/sub.txt',
    ])
    assert.equal((await wanted('/')).length, tree.length)
  })
  check('a big list waits for its reader, and a reader that goes away ends it', async (fixture) => {
    const { catalog, channels } = fixture
    const entries = Array.from({ length: 40_000 }, (_, number) => ({ path: `/data/file-${number}` }))
    const { list } = await backUp(fixture, { entries })
    const gone = await channels.connect({ ticket: (await catalog.readFileList({ client: 'web1' })).ticket })
    assert.ok(((await gone.read())?.length ?? 0) > 0)
    gone.abort('the reader is gone')
    const { ticket } = await catalog.readFileList({ client: 'web1' })
    assert.ok((await takeBytes(channels, ticket)).equals(list.bytes))
  })
  check(
    'a damaged list is remembered before its reader is told, until it is sound again',
    async (fixture) => {
      const entries = Array.from({ length: 20_000 }, (_, number) => ({ path: `/data/file-${number}` }))
      const { image, list } = await backUp(fixture, { entries: [directory('/data'), ...entries] })
      const { backupId } = image
      const damaged = Buffer.from(list.bytes)
      damaged[damaged.length - 20] = (damaged[damaged.length - 20] ?? 0) ^ 1
      await fixture.replaceFileList(backupId, damaged)
      const read = async (catalog: Catalog): Promise<Buffer> =>
        takeBytes(fixture.channels, (await catalog.readFileList({ client: 'web1' })).ticket)
      const error = await rejects(read(fixture.catalog), 'channel-broken')
      assert.ok(error.message.includes(backupId), error.message)
      const marked = await fixture.catalog.getImage({ backupId })
      assert.match(marked?.damaged ?? '', /file list .* is damaged/)
      assert.deepEqual({ ...marked, damaged: undefined }, { ...image, damaged: undefined })
      const catalog = await fixture.restart()
      assert.deepEqual(await collect(catalog.listImages({})), [marked])
      assert.deepEqual(
        await paths(catalog, '/data/file-0'),
        ['/data/file-0'],
        'what is whole is answered from',
      )
      await rejects(paths(catalog, '/data'), 'file-list-corrupt')

      await fixture.replaceFileList(backupId, list.bytes)
      assert.ok((await read(catalog)).equals(list.bytes))
      assert.deepEqual(await catalog.getImage({ backupId }), image)
    },
  )
  check('what can not be read is said before there is a ticket', async ({ catalog, channels }) => {
    await rejects(catalog.readFileList({ client: 'web1' }), 'no-image-matches')
    const { image } = await backUp({ catalog, channels }, { entries: tree })
    const lacking = [toPath('/data'), toPath('/none')]
    await rejects(catalog.readFileList({ client: 'web1', paths: lacking }), 'path-not-backed-up')
    await rejects(catalog.readFileList({ client: 'web1', paths: [] }), 'argument-invalid')
    await rejects(catalog.readFileList({ client: 'web2', backupId: image.backupId }), 'no-image-matches')
  })
}
