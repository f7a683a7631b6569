import assert from 'node:assert/strict'
import { type ImageFilter, type ImageRecord, toPath } from '@nb/contracts'
import { collect } from '../collect.ts'
import type { CatalogCheck } from './catalog-fixture.ts'
import { backUp, newImage } from './catalog-images.ts'
import { changed, rejects, tree } from './catalog-tree.ts'

/** The obligations of `listImages`. */
export function listing(check: CatalogCheck): void {
  check('images are listed newest first, by any of their conditions', async (fixture) => {
    const { catalog, clock } = fixture
    const made: ImageRecord[] = []
    for (const changes of [
      {},
      { client: 'web2' },
      { policy: 'weekly', schedule: 'other' },
      { scheduleType: 'cumulative' as const },
      { client: 'web2', policy: 'weekly' },
    ]) {
      made.unshift((await backUp(fixture, { entries: tree, ...changes })).image)
      await clock.advance(60_000)
    }
    const filters: ImageFilter[] = [
      {},
      { client: 'web1' },
      { client: 'web3' },
      { policy: 'weekly' },
      { client: 'web2', policy: 'weekly' },
      { schedule: 'other' },
      { scheduleTypes: ['cumulative', 'user-backup'] },
      { from: made[2]?.backupTime ?? 0 },
      { to: made[2]?.backupTime ?? 0 },
      { from: made[3]?.backupTime ?? 0, to: made[1]?.backupTime ?? 0, client: 'web1' },
      { policy: 'weekly', limit: 1 },
      { limit: 3 },
      { limit: 0 },
      { backupId: made[1]?.backupId ?? '' },
      { backupId: made[1]?.backupId ?? '', client: 'web2' },
      { states: ['expired'] },
      { states: [] },
    ]
    for (const filter of filters) {
      const expected = made.filter((image) => fits(image, filter)).slice(0, filter.limit ?? made.length)
      assert.deepEqual(await collect(catalog.listImages(filter)), expected, JSON.stringify(filter))
    }
  })
  check('a listing may be left early', async (fixture) => {
    for (let count = 0; count < 3; count++) await backUp(fixture, { entries: tree })
    for await (const image of fixture.catalog.listImages({})) {
      assert.equal(image.state, 'complete')
      break
    }
  })
  check('everything is as it was after a restart', async (fixture) => {
    const full = await backUp(fixture, { entries: tree, expiresAt: fixture.clock.now() + 1 })
    await backUp(fixture, { entries: changed(tree, '/data/a.txt'), reference: full })
    await backUp(fixture, { entries: tree, client: 'web2' })
    await fixture.catalog.createImage(newImage())
    const all: ImageFilter = { states: ['in-progress', 'complete', 'expired', 'discarded'] }
    const images = await collect(fixture.catalog.listImages(all))
    const entries = await collect(
      fixture.catalog.browse({ client: 'web1', path: toPath('/'), recursive: true }),
    )
    const catalog = await fixture.restart()
    assert.deepEqual(await collect(catalog.listImages(all)), images)
    const after = await collect(catalog.browse({ client: 'web1', path: toPath('/'), recursive: true }))
    assert.deepEqual(after, entries)
    await rejects(catalog.expireImage({ backupId: full.image.backupId }), 'image-needed')
  })
}

function fits(image: ImageRecord, filter: ImageFilter): boolean {
  const { backupId, client, policy, schedule, scheduleTypes, states = ['complete'], from, to } = filter
  return (
    [undefined, image.backupId].includes(backupId) &&
    [undefined, image.client].includes(client) &&
    [undefined, image.policy].includes(policy) &&
    [undefined, image.schedule].includes(schedule) &&
    (scheduleTypes === undefined || scheduleTypes.includes(image.scheduleType)) &&
    states.includes(image.state) &&
    image.backupTime >= (from ?? 0) &&
    image.backupTime <= (to ?? Infinity)
  )
}
