import { join } from 'node:path'
import { type CatalogFinding, replaceFile } from '@nb/contracts'
import { backUp, collect, type SampleBackup } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { openSite, type Site } from '../fixture.ts'

const entries = Array.from({ length: 3000 }, (_, number) => ({ path: `/data/file-${number}` }))

async function siteWithChain(t: Test): Promise<{ site: Site; full: SampleBackup; next: SampleBackup }> {
  const site = await openSite()
  t.teardown(() => site.end())
  const full = await backUp(site, { entries })
  const changed = entries.map((entry, at) => (at === 7 ? { ...entry, version: 2 } : entry))
  return { site, full, next: await backUp(site, { entries: changed, reference: full }) }
}

const fileOf = (site: Site, { image }: SampleBackup, name: string): string =>
  join(site.directory, 'web1', image.backupId, name)

async function findings(site: Site, repair = false): Promise<string[]> {
  const found = await collect(site.catalog.check(repair ? { repair } : {}))
  return found.map(
    ({ backupId, part, repair: mended }: CatalogFinding) => `${backupId ?? '-'} ${part} ${mended}`,
  )
}

async function damage(site: Site, path: string, at = -20): Promise<void> {
  const bytes = Buffer.from((await site.files.readFile(path)) ?? '')
  const place = at < 0 ? bytes.length + at : at
  bytes[place] = (bytes[place] ?? 0) ^ 1
  await replaceFile(site.files, path, bytes)
}

t.test('a sound catalog has no findings, also while a backup runs', async (t) => {
  const { site } = await siteWithChain(t)
  await site.catalog.createImage({
    jobId: '9',
    client: 'web2',
    policy: 'daily',
    schedule: 'full',
    scheduleType: 'full',
    selections: [],
    retentionLevel: 1,
  })
  t.same(await findings(site), [])
  t.same(await findings(site, true), [])
})

t.test('a sparse index that is damaged, foreign or missing is made again from its list', async (t) => {
  const { site, full, next } = await siteWithChain(t)
  const path = fileOf(site, full, 'files.idx')
  const sound = await site.files.readFile(path)
  await damage(site, path)
  await site.files.remove(fileOf(site, next, 'files.idx'))
  const both = [full, next].map(({ image }) => `${image.backupId} sparse-index`)
  t.same(
    (await findings(site)).sort(),
    both.map((one) => `${one} possible`),
  )
  t.same(
    (await findings(site, true)).sort(),
    both.map((one) => `${one} done`),
  )
  t.same(await findings(site), [])
  t.same(await site.files.readFile(path), sound)
})

t.test(
  'a list that is damaged has no second source; it is named, remembered, and forgotten when it is sound',
  async (t) => {
    const { site, full } = await siteWithChain(t)
    const path = fileOf(site, full, 'files.nbf')
    await damage(site, path)
    const [found] = await collect(site.catalog.check({ repair: true }))
    t.match(found, {
      backupId: full.image.backupId,
      part: 'file-list',
      repair: 'none',
      problem: /damaged/,
      path,
    })
    t.match(found?.consequence, /can not be browsed/)
    t.match(await site.catalog.getImage({ backupId: full.image.backupId }), { damaged: /damaged/ })
    await damage(site, path)
    t.same(await findings(site), [`${full.image.backupId} file-list possible`])
    t.same(await findings(site, true), [`${full.image.backupId} file-list done`])
    t.same(await findings(site), [])
    t.equal((await site.catalog.getImage({ backupId: full.image.backupId }))?.damaged, undefined)
  },
)

t.test('every byte of a header counts, and the index gives it back', async (t) => {
  const { site, full } = await siteWithChain(t)
  const path = fileOf(site, full, 'header.json')
  const sound = await site.files.readFile(path)
  await damage(site, path, 100)
  t.same(await findings(site), [`${full.image.backupId} header possible`])
  t.same(await findings(site, true), [`${full.image.backupId} header done`])
  t.same(await site.files.readFile(path), sound)
  await site.files.remove(path)
  t.same(await findings(site, true), [`${full.image.backupId} header done`])
  t.same(await site.files.readFile(path), sound)
})

t.test(
  'a header that could not be read at the start is named; brought back, it is taken in again',
  async (t) => {
    const { site, full } = await siteWithChain(t)
    const { backupId } = full.image
    const path = fileOf(site, full, 'header.json')
    const sound = Buffer.from((await site.files.readFile(path)) ?? '')
    await damage(site, path, 100)
    await site.restart()
    const named = await findings(site, true)
    t.ok(named.includes(`${backupId} header none`), named.join())
    await replaceFile(site.files, path, sound)
    t.ok((await findings(site, true)).includes(`${backupId} header done`))
    t.same(await findings(site), [])
    t.same(await site.catalog.getImage({ backupId }), full.image)
  },
)

t.test('an index that differs from the headers is made to say what they say', async (t) => {
  const { site, full, next } = await siteWithChain(t)
  const images = site.store.sublevel<string, object>('images', { valueEncoding: 'json' })
  const keys = site.store.sublevel<string, string>('keys', {})
  const { backupId } = full.image
  await images.del(backupId)
  const [key] = await keys.keys({ gte: 'all/', limit: 1 }).all()
  await keys.del(key ?? '')
  await images.put('web1_1', {
    image: { ...next.image, backupId: 'web1_1' },
    stamp: { sizeBytes: 1, modifiedAt: 1 },
  })
  await site.restart()
  t.same(await findings(site), [], 'the start has mended it')
  const record = await images.get(backupId)
  await images.put(backupId, { ...record, image: { ...full.image, policy: 'other' } })
  await images.put('web1_1', {
    image: { ...next.image, backupId: 'web1_1' },
    stamp: { sizeBytes: 1, modifiedAt: 1 },
  })
  await keys.put('all/0000', 'web1_1')
  const catalog = site.catalog
  t.same(await findings(site), [`${backupId} index possible`, 'web1_1 index possible', '- index possible'])
  t.same(await findings(site, true), [`${backupId} index done`, 'web1_1 index done', '- index done'])
  t.same(await findings(site), [])
  t.same(await collect(catalog.listImages({})), [next.image, full.image])
})

t.test('an image whose data was given up by force is named, with the one that needs it', async (t) => {
  const { site, full, next } = await siteWithChain(t)
  await site.catalog.expireImage({ backupId: full.image.backupId, force: true })
  const [found, ...others] = await collect(site.catalog.check({ repair: true }))
  t.same(others, [])
  t.match(found, { backupId: next.image.backupId, part: 'needed-images', repair: 'none' })
  t.ok(found?.problem.includes(full.image.backupId))
})

t.test('what is not of the catalog is told and left alone', async (t) => {
  const { site } = await siteWithChain(t)
  await site.files.makeDirectory(join(site.directory, 'web1', 'lost+found'))
  t.same(await findings(site, true), ['- foreign none'])
  t.ok(await site.files.stat(join(site.directory, 'web1', 'lost+found')))
})
