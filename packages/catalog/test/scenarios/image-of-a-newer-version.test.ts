import { join } from 'node:path'
import { type ImageRecord, type Json, replaceFile, toPath } from '@nb/contracts'
import { backUp, collect, createPowerLossStorage, type SampleEntry } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { openSite, type Site } from '../fixture.ts'

const tree: SampleEntry[] = [{ path: '/data', kind: 'directory' }, { path: '/data/a' }, { path: '/data/b' }]
const names = ['header.json', 'files.nbf', 'files.idx'] as const

/** A site with one image, and what reads and changes the image's files. */
async function siteWithImage(t: Test) {
  const site = await openSite(createPowerLossStorage().files)
  t.teardown(() => site.end())
  const { image } = await backUp(site, { entries: tree })
  const { backupId } = image
  const pathOf = (name: string): string => join(site.directory, 'web1', backupId, name)
  const read = async (name: string): Promise<Buffer> =>
    Buffer.from((await site.files.readFile(pathOf(name))) ?? '')
  const content = async (): Promise<Buffer[]> => Promise.all(names.map(read))
  const change = async (name: string, to: (bytes: Buffer) => Buffer): Promise<void> =>
    replaceFile(site.files, pathOf(name), to(await read(name)))
  return { site, image, backupId, pathOf, content, change }
}

/** What the image's medium tells of it. */
const asTold = (image: ImageRecord): Json => JSON.parse(JSON.stringify(image)) as Json

/** As a newer version would begin a file list or a sparse index. */
const newer = (bytes: Buffer): Buffer => {
  bytes[8] = 2
  return bytes
}

const browse = ({ catalog }: Site): Promise<unknown> =>
  collect(catalog.browse({ client: 'web1', path: toPath('/data') }))

t.test('a list or an index that a newer version wrote is told as that, and left alone', async (t) => {
  for (const [name, part] of [
    ['files.nbf', 'file-list'],
    ['files.idx', 'sparse-index'],
  ] as const) {
    const { site, image, backupId, pathOf, content, change } = await siteWithImage(t)
    await change(name, newer)
    await site.restart()
    const before = await content()
    const refused = {
      code: 'version-unsupported',
      status: 43,
      message: `${pathOf(name)} is of a newer version`,
    }
    await t.rejects(browse(site), refused, name)
    await t.rejects(site.catalog.readFileList({ client: 'web1', backupId }), refused, name)
    await t.rejects(
      site.catalog.importImage({ image: asTold(image), jobId: '2', replaceDamaged: true }),
      name === 'files.nbf' ? refused : { code: 'already-exists' },
      'nor is it made again from its medium',
    )
    for (const repair of [false, true])
      t.match(
        await collect(site.catalog.check({ repair })),
        [{ backupId, part, path: pathOf(name), repair: 'none', consequence: /newer version/ }],
        'a check says so, and repairs nothing',
      )
    t.same(await content(), before, `${name}: nothing is written`)
    t.same(await site.catalog.getImage({ backupId }), image, 'and no damage is remembered')
    t.notOk(site.events.some(([event]) => event === 'image:damaged'))
  }
})

t.test('a newer list without an index gets none', async (t) => {
  const { site, backupId, pathOf, content, change } = await siteWithImage(t)
  await change('files.nbf', newer)
  await site.files.remove(pathOf('files.idx'))
  await site.restart()
  const before = await content()
  await t.rejects(browse(site), { code: 'version-unsupported' })
  t.match(await collect(site.catalog.check({ repair: true })), [{ backupId, repair: 'none' }])
  t.same(await content(), before)
})

t.test(
  'a header that a newer version wrote is named at the start, and its image is refused alone',
  async (t) => {
    const { site, image, backupId, pathOf, content, change } = await siteWithImage(t)
    const other = await backUp(site, { entries: tree })
    await change('header.json', (bytes) =>
      Buffer.from(bytes.toString().replace('nb-image/1', 'nb-image/2.0')),
    )
    await site.restart()
    const before = await content()
    t.match(site.events.at(-1), ['image:damaged', { backupId, code: 'version-unsupported' }])
    const refused = { code: 'version-unsupported', status: 43, message: pathOf('header.json') }
    await t.rejects(site.catalog.getImage({ backupId }), refused)
    await t.rejects(site.catalog.readFileList({ client: 'web1', backupId }), refused)
    await t.rejects(site.catalog.expireImage({ backupId, force: true }), refused)
    await t.rejects(
      site.catalog.importImage({ image: asTold(image), jobId: '2', replaceDamaged: true }),
      refused,
    )
    t.match(await collect(site.catalog.check({ repair: true })), [
      { backupId, part: 'header', repair: 'none', consequence: /newer version/ },
    ])
    t.same(await content(), before)
    t.same(await collect(site.catalog.listImages({})), [other.image], 'all others are used')
  },
)
