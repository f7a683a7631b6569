import assert from 'node:assert/strict'
import type { CatalogCheck } from './catalog-fixture.ts'
import { backUp, newImage } from './catalog-images.ts'
import { changed, ids, paths, rejects, tree } from './catalog-tree.ts'

/** The obligations of `expireImage` and `expireDue`. */
export function expiring(check: CatalogCheck): void {
  check('an image that others need is kept, unless forced', async (fixture) => {
    const { catalog } = fixture
    const full = await backUp(fixture, { entries: tree })
    const next = await backUp(fixture, { entries: changed(tree, '/data/a.txt'), reference: full })
    const { backupId } = full.image
    const error = await rejects(catalog.expireImage({ backupId }), 'image-needed')
    assert.ok(error.message.includes(next.image.backupId))
    assert.deepEqual(error.details['neededBy'], [next.image.backupId])
    await catalog.expireImage({ backupId, force: true })
    await catalog.expireImage({ backupId })
    assert.equal((await catalog.getImage({ backupId }))?.state, 'expired')
    assert.deepEqual(await ids(catalog), [next.image.backupId])
    await rejects(paths(catalog, '/data', 'web1', { backupId }), 'no-image-matches')
    await catalog.forgetImage({ backupId })
    assert.equal(await catalog.getImage({ backupId }), undefined)
  })
  check('the reference of a running incremental is kept', async (fixture) => {
    const { catalog } = fixture
    const { image } = await backUp(fixture, { entries: tree, expiresAt: 1 })
    const running = await catalog.createImage(newImage({ referenceId: image.backupId }))
    await rejects(catalog.expireImage({ backupId: image.backupId }), 'image-needed')
    assert.deepEqual(await catalog.expireDue({}), { expired: [], held: [image.backupId] })
    await catalog.discardImage({ backupId: running.backupId, reason: 'a test' })
    assert.deepEqual(await catalog.expireDue({}), { expired: [image.backupId], held: [] })
  })
  check('images end when their time has come and nothing kept needs them', async (fixture) => {
    const { catalog, clock } = fixture
    const start = clock.now()
    const full = await backUp(fixture, { entries: tree, expiresAt: start + 1000 })
    const first = await backUp(fixture, {
      entries: changed(tree, '/data/a.txt'),
      reference: full,
      expiresAt: start + 1000,
    })
    const second = await backUp(fixture, {
      entries: changed(tree, '/data/sub.txt'),
      reference: first,
      expiresAt: start + 5000,
    })
    const forever = await backUp(fixture, { entries: tree, client: 'web2' })
    const [one, two, three] = [full, first, second].map(({ image }) => image.backupId)
    await clock.advance(999)
    assert.deepEqual(await catalog.expireDue({}), { expired: [], held: [] })
    await clock.advance(1)
    assert.deepEqual(second.image.neededImages, [one])
    assert.deepEqual(await catalog.expireDue({}), { expired: [two], held: [one] })
    await clock.advance(4000)
    assert.deepEqual(await catalog.expireDue({}), { expired: [three, one], held: [] })
    assert.deepEqual(await ids(catalog), [forever.image.backupId])
    assert.deepEqual(await catalog.expireDue({}), { expired: [], held: [] })
  })
}
