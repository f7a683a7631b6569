import type { Store } from '@nb/contracts'
import { toPath } from '@nb/contracts'
import { backUp, collect, createPowerLossStorage, newImage } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { dump, openSite, type Site } from '../fixture.ts'

const tree = [{ path: '/data', kind: 'directory' as const }, { path: '/data/a' }]

async function busySite(): Promise<Site> {
  const site = await openSite(createPowerLossStorage().files)
  const full = await backUp(site, { entries: tree, expiresAt: 5 })
  await backUp(site, { entries: tree, reference: full })
  const ended = await backUp(site, { entries: tree, client: 'web/2', policy: 'a policy' })
  await site.catalog.expireImage({ backupId: ended.image.backupId })
  await site.catalog.createImage(newImage({ referenceId: full.image.backupId }))
  const { backupId } = await site.catalog.createImage(newImage({ client: '..' }))
  await site.catalog.discardImage({ backupId, reason: 'a test' })
  return site
}

t.test('an empty index is made anew, equal to the one that was', async (t) => {
  const site = await busySite()
  const before = await dump(site.store)
  const store: Store = new MemoryLevel<string, string>()
  const catalog = await site.restart(store)
  t.same(await dump(store), before)
  const entries = await collect(catalog.browse({ client: 'web1', path: toPath('/data') }))
  t.equal(entries.length, 1)
  await site.end()
})

t.test('an index that lacks a key, has one too many or holds nonsense is made anew', async (t) => {
  const site = await busySite()
  const { store } = site
  const before = await dump(store)
  t.ok(before.length > 15)
  for (const [key] of before) {
    await store.del(key)
    await site.restart()
    t.same(await dump(store), before, `without ${key}`)
    await store.put(key, '{ this is no record')
    await site.restart()
    t.same(await dump(store), before, `with nonsense for ${key}`)
  }
  await store.put('!keys!client/web1/5/5/5', 'web1_5')
  await site.restart()
  t.same(await dump(store), before)
  await site.end()
})

t.test('an image brought back from a copy, or taken away by hand, is seen at the next start', async (t) => {
  const site = await busySite()
  const [newest] = await collect(site.catalog.listImages({ client: 'web1' }))
  const { files, directory } = site
  const header = `${directory}/web1/${newest?.backupId}/header.json`
  await files.rename(header, '/catalog/elsewhere')
  await site.restart()
  t.match(site.events.at(-1), ['image:damaged', { backupId: newest?.backupId }])
  await files.rename('/catalog/elsewhere', header)
  const catalog = await site.restart()
  t.same(await catalog.getImage({ backupId: newest?.backupId ?? '' }), newest)

  const folder = `${directory}/web1/${newest?.backupId}`
  for (const name of await files.list(folder)) await files.remove(`${folder}/${name}`)
  await files.removeDirectory(folder)
  t.equal(await (await site.restart()).getImage({ backupId: newest?.backupId ?? '' }), undefined)
  await site.end()
})
