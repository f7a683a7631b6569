import { join } from 'node:path'
import { type Files, toPath } from '@nb/contracts'
import { backUp, collect, createPowerLossStorage, type SampleEntry, takeBytes } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { readListFacts } from '../../src/list-facts.ts'
import { openSite, replaceList, type Site } from '../fixture.ts'

const tree: SampleEntry[] = [{ path: '/data', kind: 'directory' }, { path: '/data/a' }, { path: '/data/b' }]

async function site(t: Test, files: Files = createPowerLossStorage().files): Promise<Site> {
  const opened = await openSite(files)
  t.teardown(() => opened.end())
  return opened
}

function damagedEvents({ events }: Site): unknown[] {
  return events.filter(([name]) => name === 'image:damaged').map(([, payload]) => payload)
}

const flip = (bytes: Buffer): Buffer => {
  const flipped = Buffer.from(bytes)
  flipped[bytes.length - 20] = (flipped[bytes.length - 20] ?? 0) ^ 1
  return flipped
}

t.test('whoever finds a list damaged, the record says so from then on, and it is told once', async (t) => {
  const readers: Record<string, (site: Site) => Promise<unknown>> = {
    browse: ({ catalog }) => collect(catalog.browse({ client: 'web1', path: toPath('/data') })),
    versions: ({ catalog }) => collect(catalog.versions({ client: 'web1', path: toPath('/data/a') })),
    'a part of the list': ({ catalog }) =>
      catalog.readFileList({ client: 'web1', paths: [toPath('/data/a')] }),
  }
  for (const [name, read] of Object.entries(readers)) {
    const opened = await site(t)
    const { image, list } = await backUp(opened, { entries: tree })
    const { backupId } = image
    await replaceList(opened, backupId, flip(list.bytes))
    for (let time = 0; time < 2; time++)
      await t.rejects(read(opened), { code: 'file-list-corrupt', status: 229, message: backupId }, name)
    const { damaged, ...rest } = (await opened.catalog.getImage({ backupId })) ?? {}
    t.match(damaged, /^the file list .*files\.nbf is damaged: /, name)
    t.same(rest, image, 'nothing else of the record is touched')
    t.match(damagedEvents(opened), [{ backupId, code: 'file-list-corrupt', message: damaged }])
    t.equal(damagedEvents(opened).length, 1)
  }
})

t.test('a list that is gone, of another image, or shorter than its image says is damaged', async (t) => {
  const damages: Record<
    string,
    (site: Site, backupId: string, shorter: Buffer, other: Buffer) => Promise<void>
  > = {
    gone: ({ files, directory }, backupId) => files.remove(join(directory, 'web1', backupId, 'files.nbf')),
    'of another image': (opened, backupId, _, other) => replaceList(opened, backupId, other),
    shorter: async (opened, backupId, shorter) => {
      await replaceList(opened, backupId, shorter)
      await opened.files.remove(join(opened.directory, 'web1', backupId, 'files.idx'))
    },
  }
  for (const [name, damage] of Object.entries(damages)) {
    const opened = await site(t)
    const { list: other } = await backUp(opened, { entries: tree })
    const entries = Array.from({ length: 20_000 }, (_, number) => ({ path: `/data/file-${number}` }))
    const big = name === 'shorter' ? entries : tree
    const { image, list } = await backUp(opened, { entries: big })
    const { backupId } = image
    // Whole batches, so that only the record knows that there were more.
    const path = join(opened.directory, 'web1', backupId, 'files.nbf')
    const { batches } = await readListFacts(opened.files, path)
    const shorter = list.bytes.subarray(0, batches.at(-1)?.offset)
    await damage(opened, backupId, shorter, other.bytes)
    const catalog = await opened.restart()
    await t.rejects(catalog.readFileList({ client: 'web1', backupId }), { code: 'file-list-corrupt' }, name)
    t.ok((await catalog.getImage({ backupId }))?.damaged, name)

    await replaceList(opened, backupId, list.bytes)
    const { ticket } = await catalog.readFileList({ client: 'web1', backupId })
    t.ok((await takeBytes(opened.channels, ticket)).equals(list.bytes), 'brought back it is read')
    t.same(await catalog.getImage({ backupId }), image, 'and is as it was')
  }
})

t.test('a record that can not be written does not hide the damage', async (t) => {
  let full = false
  const { files: system } = createPowerLossStorage()
  const files: Files = {
    ...system,
    rename: (from, to) =>
      full
        ? Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' }))
        : system.rename(from, to),
  }
  const opened = await site(t, files)
  const { image, list } = await backUp(opened, { entries: tree })
  const { backupId } = image
  await replaceList(opened, backupId, flip(list.bytes))
  const browse = (): Promise<unknown> =>
    collect(opened.catalog.browse({ client: 'web1', path: toPath('/data') }))
  full = true
  await t.rejects(browse(), { code: 'file-list-corrupt' })
  t.same(await opened.catalog.getImage({ backupId }), image)
  t.equal(damagedEvents(opened).length, 1, 'it is told all the same')
  full = false
  await t.rejects(browse(), { code: 'file-list-corrupt' })
  t.ok((await opened.catalog.getImage({ backupId }))?.damaged, 'the next read remembers it')
})
