import assert from 'node:assert/strict'
import type { ImageRecord, Json } from '@nb/contracts'
import { collect } from '../collect.ts'
import type { CatalogCheck, CatalogFixture } from './catalog-fixture.ts'
import { backUp, type SampleBackup, sendList } from './catalog-images.ts'

const plain = (image: object): Json => JSON.parse(JSON.stringify(image)) as Json

/** Takes an image out of the catalog without a trace, as if it had been lost. */
async function lost(fixture: CatalogFixture): Promise<SampleBackup> {
  const made = await backUp(fixture, { entries: [{ path: '/data', kind: 'directory' }, { path: '/data/a' }] })
  const { backupId } = made.image
  await fixture.catalog.expireImage({ backupId })
  await fixture.catalog.forgetImage({ backupId })
  return made
}

/** Obligations of `Catalog` for images that come back from their media, and for their copies. */
export function importing(check: CatalogCheck): void {
  check('an image comes back as it was, but for the job and the time of its completion', async (fixture) => {
    const { catalog } = fixture
    const { image, list } = await lost(fixture)
    const { backupId } = image
    const begun = await catalog.importImage({ image: plain(image), jobId: 'import-1' })
    assert.deepEqual([begun.state, begun.backupId, begun.jobId], ['in-progress', backupId, 'import-1'])
    assert.deepEqual(await collect(catalog.listImages({})), [])
    await sendList(fixture, backupId, list)
    const back = await catalog.completeImage({ backupId, completion: list.completion })
    const lasting = ({ jobId: _, completedAt: __, ...rest }: ImageRecord): object => rest
    assert.deepEqual(lasting(back), lasting(image))
    const restarted = await fixture.restart()
    assert.deepEqual(await collect(restarted.listImages({})), [back])
  })
  check('an import that is given up leaves nothing, and can be made again', async (fixture) => {
    const { catalog } = fixture
    const { image } = await lost(fixture)
    const { backupId } = image
    await catalog.importImage({ image: plain(image), jobId: 'import-1' })
    await catalog.discardImage({ backupId, reason: 'a test' })
    assert.equal(await catalog.getImage({ backupId }), undefined, 'not even as discarded')
    await catalog.importImage({ image: plain(image), jobId: 'import-2' })
    const restarted = await fixture.restart()
    await restarted.discardImage({ backupId, reason: 'a test, after a restart' })
    assert.equal(await restarted.getImage({ backupId }), undefined)
  })
  check('what is there already, and what is no record, is refused', async (fixture) => {
    const { catalog } = fixture
    const { image } = await backUp(fixture, { entries: [{ path: '/data', kind: 'directory' }] })
    await assert.rejects(catalog.importImage({ image: plain(image), jobId: 'i' }), { code: 'already-exists' })
    assert.deepEqual(await catalog.getImage({ backupId: image.backupId }), image)
    for (const wrong of [
      null,
      'web1_1',
      {},
      { ...image, backupId: 'web1' },
      { ...image, backupId: 'web2_1' },
      { ...image, client: '../web1', backupId: 'x_1' },
      { ...image, selections: 'all' },
      { ...image, version: 2 },
    ])
      await assert.rejects(catalog.importImage({ image: plain(wrong as object), jobId: 'i' }), {
        code: 'argument-invalid',
      })
  })
  check('a copy is added once, durably, and the one that is read is chosen', async (fixture) => {
    const { catalog } = fixture
    const { image } = await backUp(fixture, { entries: [{ path: '/data', kind: 'directory' }] })
    const { backupId } = image
    const [first] = image.copies as readonly [ImageRecord['copies'][number]]
    const second = { ...first, copy: 2, storageUnit: 'disk2' }
    assert.deepEqual((await catalog.addCopy({ backupId, copy: second })).copies, [first, second])
    assert.deepEqual(
      (await catalog.addCopy({ backupId, copy: second })).copies,
      [first, second],
      'the same again',
    )
    const other = { ...second, storageUnit: 'disk3' }
    await assert.rejects(catalog.addCopy({ backupId, copy: other }), { code: 'already-exists' })
    const short = { ...second, copy: 3, fragments: [] }
    await assert.rejects(catalog.addCopy({ backupId, copy: short }), { code: 'image-inconsistent' })
    await assert.rejects(catalog.promoteCopy({ backupId, copy: 3 }), { code: 'not-found' })
    assert.deepEqual((await catalog.promoteCopy({ backupId, copy: 2 })).copies, [second, first])
    assert.deepEqual(
      (await catalog.promoteCopy({ backupId, copy: 2 })).copies,
      [second, first],
      'the same again',
    )
    const restarted = await fixture.restart()
    assert.deepEqual((await restarted.getImage({ backupId }))?.copies, [second, first])
    await restarted.expireImage({ backupId })
    await assert.rejects(restarted.addCopy({ backupId, copy: { ...second, copy: 4 } }), {
      code: 'state-conflict',
    })
    await assert.rejects(restarted.promoteCopy({ backupId, copy: 1 }), { code: 'state-conflict' })
  })
  check('a copy leaves an image that has others, never the last one', async (fixture) => {
    const { catalog } = fixture
    const { image } = await backUp(fixture, { entries: [{ path: '/data', kind: 'directory' }] })
    const { backupId } = image
    const [first] = image.copies as readonly [ImageRecord['copies'][number]]
    const second = { ...first, copy: 2, storageUnit: 'disk2' }
    await catalog.addCopy({ backupId, copy: second })
    assert.deepEqual((await catalog.removeCopy({ backupId, copy: 1 })).copies, [second])
    assert.deepEqual((await catalog.removeCopy({ backupId, copy: 1 })).copies, [second], 'the same again')
    await assert.rejects(catalog.removeCopy({ backupId, copy: 2 }), { code: 'state-conflict' })
    const restarted = await fixture.restart()
    assert.deepEqual((await restarted.getImage({ backupId }))?.copies, [second])
  })
  check('a copy whose own time has come is read no more, and told until it is gone', async (fixture) => {
    const { catalog, clock } = fixture
    const now = clock.now()
    const { image } = await backUp(fixture, {
      entries: [{ path: '/data', kind: 'directory' }],
      expiresAt: now + 5000,
    })
    const { backupId } = image
    const [first] = image.copies as readonly [ImageRecord['copies'][number]]
    const short = { ...first, copy: 2, storageUnit: 'disk2', expiresAt: now + 1000 }
    await catalog.addCopy({ backupId, copy: short })
    await catalog.promoteCopy({ backupId, copy: 2 })
    await clock.advance(999)
    assert.deepEqual(await catalog.expireDue({}), { expired: [], held: [] })
    await clock.advance(1)
    const told = { expired: [], held: [], copies: [{ backupId, copy: short }] }
    assert.deepEqual(await catalog.expireDue({}), told)
    assert.deepEqual((await catalog.getImage({ backupId }))?.copies, [first, short], 'the other is read')
    const restarted = await fixture.restart()
    assert.deepEqual(await restarted.expireDue({}), told, 'after a restart too')
    await restarted.removeCopy({ backupId, copy: 2 })
    assert.deepEqual(await restarted.expireDue({}), { expired: [], held: [] })
    await clock.advance(4000)
    assert.deepEqual(await restarted.expireDue({}), { expired: [backupId], held: [] })
  })
  check('a new image never gets the id of one that was brought back', async (fixture) => {
    const { catalog } = fixture
    const { image } = await lost(fixture)
    const [client, seconds] = image.backupId.split('_')
    const future = `${client}_${Number(seconds) + 100_000}`
    await catalog.importImage({ image: plain({ ...image, backupId: future }), jobId: 'i' })
    const next = await backUp(fixture, { entries: [{ path: '/data', kind: 'directory' }] })
    assert.ok(Number(next.image.backupId.split('_')[1]) > Number(seconds) + 100_000, next.image.backupId)
  })
}
