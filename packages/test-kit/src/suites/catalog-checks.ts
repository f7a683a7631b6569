import assert from 'node:assert/strict'
import { collect } from '../collect.ts'
import type { CatalogCheck } from './catalog-fixture.ts'
import { backUp } from './catalog-images.ts'

/** The obligations of `check`. */
export function checking(check: CatalogCheck): void {
  check(
    'a check finds nothing in a sound catalog, and a damaged list with what follows from it',
    async (fixture) => {
      const { catalog } = fixture
      assert.deepEqual(await collect(catalog.check({})), [])
      const full = await backUp(fixture, { entries: [{ path: '/data/a' }] })
      await backUp(fixture, { entries: [{ path: '/data/a' }], reference: full })
      await backUp(fixture, { entries: [{ path: '/data/a' }], client: 'web2' })
      assert.deepEqual(await collect(catalog.check({ repair: true })), [])
      const damaged = Buffer.from(full.list.bytes)
      damaged[damaged.length - 20] = (damaged[damaged.length - 20] ?? 0) ^ 1
      const { backupId } = full.image
      await fixture.replaceFileList(backupId, damaged)
      assert.deepEqual(await collect(catalog.check({ client: 'web2' })), [])
      const [found, ...others] = await collect(catalog.check({ client: 'web1', repair: true }))
      assert.deepEqual(others, [])
      assert.deepEqual([found?.backupId, found?.part, found?.repair], [backupId, 'file-list', 'none'])
      assert.match((await catalog.getImage({ backupId }))?.damaged ?? '', /damaged/)
      await fixture.replaceFileList(backupId, full.list.bytes)
      assert.deepEqual(
        (await collect(catalog.check({ repair: true }))).map(({ part, repair }) => [part, repair]),
        [['file-list', 'done']],
      )
      assert.deepEqual(await collect(catalog.check({})), [])
      assert.deepEqual(await catalog.getImage({ backupId }), full.image)
    },
  )
}
