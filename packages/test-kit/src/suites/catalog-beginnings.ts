import assert from 'node:assert/strict'
import { toPath } from '@nb/contracts'
import { collect } from '../collect.ts'
import type { CatalogCheck } from './catalog-fixture.ts'
import { backUp, newImage, sampleList } from './catalog-images.ts'
import { ids, paths, rejects, tree } from './catalog-tree.ts'

/** Obligations of `Catalog` for images that begin, and for those that are given up. */
export function beginnings(check: CatalogCheck): void {
  check(
    'a new image is in progress, has its id, and is seen by nobody who does not ask for it',
    async (fixture) => {
      const { catalog, clock } = fixture
      const input = newImage({ expiresAt: clock.now() + 1000 })
      const image = await catalog.createImage(input)
      assert.equal(image.backupId, `web1_${Math.floor(clock.now() / 1000)}`)
      assert.deepEqual(image, {
        version: 1,
        backupId: image.backupId,
        state: 'in-progress',
        backupTime: clock.now(),
        neededImages: [],
        copies: [],
        ...input,
      })
      assert.deepEqual(await catalog.getImage({ backupId: image.backupId }), image)
      assert.deepEqual(await collect(catalog.listImages({})), [])
      assert.deepEqual(await collect(catalog.listImages({ states: ['in-progress'] })), [image])
      await rejects(collect(catalog.browse({ client: 'web1', path: toPath('/data') })), 'no-image-matches')
    },
  )
  check('two backups in one second have two ids and an order', async (fixture) => {
    const first = await backUp(fixture, { entries: tree })
    const second = await backUp(fixture, { entries: tree.slice(0, 2) })
    assert.notEqual(first.image.backupId, second.image.backupId)
    assert.deepEqual(await ids(fixture.catalog), [second.image.backupId, first.image.backupId])
    assert.deepEqual(await paths(fixture.catalog, '/data'), ['/data/a.txt'])
  })
  check(
    'an id is never given twice, also after the image is forgotten and the catalog restarted',
    async (fixture) => {
      const { backupId } = await fixture.catalog.createImage(newImage())
      await fixture.catalog.discardImage({ backupId, reason: 'a test' })
      await fixture.catalog.forgetImage({ backupId })
      assert.equal(await fixture.catalog.getImage({ backupId }), undefined)
      const again = await fixture.catalog.createImage(newImage())
      assert.notEqual(again.backupId, backupId)
      await fixture.catalog.discardImage({ backupId: again.backupId, reason: 'a test' })
      await fixture.catalog.forgetImage({ backupId: again.backupId })
      const third = await (await fixture.restart()).createImage(newImage())
      assert.equal(new Set([backupId, again.backupId, third.backupId]).size, 3)
    },
  )
  check('client names of any kind stay apart', async ({ catalog, channels }) => {
    const clients = ['../web1', 'web1', 'WEB1', 'web1_5', 'web 1', '.', 'wéb/1', '%2E']
    for (const client of clients) await backUp({ catalog, channels }, { client, entries: tree })
    for (const client of clients) {
      const images = await collect(catalog.listImages({ client }))
      assert.deepEqual(
        images.map((image) => image.client),
        [client],
      )
      assert.deepEqual(await paths(catalog, '/data/a.txt', client), ['/data/a.txt'])
    }
  })
  check('what is no image is refused', async ({ catalog }) => {
    await rejects(catalog.createImage(newImage({ client: '' })), 'argument-invalid')
    await rejects(catalog.createImage(newImage({ client: 'x'.repeat(300) })), 'argument-invalid')
    await rejects(catalog.createImage(newImage({ client: 'line\nbreak' })), 'argument-invalid')
    await rejects(catalog.createImage(newImage({ referenceId: 'web1_1' })), 'image-unknown')
    assert.equal(await catalog.getImage({ backupId: '../../etc' }), undefined)
    await rejects(catalog.appendFileList({ backupId: 'web1_1' }), 'image-unknown')
    await rejects(catalog.discardImage({ backupId: 'web1_1', reason: 'a test' }), 'image-unknown')
    await rejects(catalog.expireImage({ backupId: 'web1_1' }), 'image-unknown')
  })
  check('a discarded image is given up for good', async (fixture) => {
    const { catalog } = fixture
    const { backupId } = await catalog.createImage(newImage())
    const { ticket } = await catalog.appendFileList({ backupId })
    const channel = await fixture.channels.connect({ ticket })
    await catalog.discardImage({ backupId, reason: 'the client is gone' })
    await rejects(channel.read(), 'channel-broken')
    await catalog.discardImage({ backupId, reason: 'asked again' })
    assert.equal((await catalog.getImage({ backupId }))?.state, 'discarded')
    await rejects(catalog.appendFileList({ backupId }), 'state-conflict')
    const { completion } = sampleList(backupId, tree)
    await rejects(catalog.completeImage({ backupId, completion }), 'state-conflict')
    await rejects(catalog.expireImage({ backupId }), 'state-conflict')
    await catalog.forgetImage({ backupId })
    await catalog.forgetImage({ backupId })
    assert.equal(await catalog.getImage({ backupId }), undefined)
  })
}
