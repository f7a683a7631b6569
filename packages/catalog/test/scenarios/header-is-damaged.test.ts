import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toPath } from '@nb/contracts'
import { backUp, collect, type SampleEntry } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t, { type Test } from 'tap'
import { openSite, type Site } from '../fixture.ts'

const tree: SampleEntry[] = [{ path: '/data', kind: 'directory' }, { path: '/data/a' }]

async function site(t: Test): Promise<Site> {
  const opened = await openSite()
  t.teardown(() => opened.end())
  return opened
}

function headerOf({ directory }: Site, backupId: string): string {
  return join(directory, 'web1', backupId, 'header.json')
}

t.test('a damaged header is told of and touched by nothing; the rest works', async (t) => {
  const opened = await site(t)
  const full = await backUp(opened, { entries: tree, expiresAt: 1 })
  const second = await backUp(opened, { entries: tree, reference: full })
  const third = await backUp(opened, { entries: tree })
  const header = headerOf(opened, second.image.backupId)
  const right = await readFile(header)
  await writeFile(header, right.subarray(0, 100))

  const catalog = await opened.restart()
  const { backupId } = second.image
  t.match(opened.events.at(-1), ['image:damaged', { backupId, code: 'store-corrupt', message: header }])
  t.same(
    (await collect(catalog.listImages({}))).map((image) => image.backupId),
    [third.image.backupId, full.image.backupId],
  )
  const damaged = { code: 'store-corrupt', status: 220, details: { backupId } }
  await t.rejects(catalog.getImage({ backupId }), damaged)
  await t.rejects(collect(catalog.browse({ client: 'web1', backupId, path: toPath('/data') })), damaged)
  await t.rejects(catalog.expireImage({ backupId }), damaged)
  await t.rejects(catalog.discardImage({ backupId, reason: 'a test' }), damaged)
  await t.rejects(catalog.forgetImage({ backupId }), damaged)
  // What it needs can't be known, so what it might need is kept.
  await t.rejects(catalog.expireImage({ backupId: full.image.backupId }), { code: 'image-needed' })
  t.same(await catalog.expireDue({}), { expired: [], held: [full.image.backupId] })
  t.same(await readFile(header), right.subarray(0, 100))
  const next = await backUp(opened, { entries: tree })
  t.not(next.image.backupId, backupId)

  await writeFile(header, right)
  const mended = await opened.restart()
  t.same(await mended.getImage({ backupId }), second.image)
  t.equal((await collect(mended.listImages({}))).length, 4)
})

t.test('a header of a newer version is left for a newer program', async (t) => {
  const opened = await site(t)
  const { image } = await backUp(opened, { entries: tree })
  const header = headerOf(opened, image.backupId)
  const newer = (await readFile(header, 'utf8')).replace('nb-image/1', 'nb-image/2')
  await writeFile(header, newer)
  const catalog = await opened.restart()
  const { backupId } = image
  t.match(opened.events.at(-1), ['image:damaged', { backupId, code: 'version-unsupported' }])
  await t.rejects(catalog.getImage({ backupId }), { code: 'version-unsupported', status: 43 })
  t.equal(await readFile(header, 'utf8'), newer)
})

t.test('a lost header is no leave to remove the rest of its image', async (t) => {
  const opened = await site(t)
  const { image } = await backUp(opened, { entries: tree })
  const { backupId } = image
  await rm(headerOf(opened, backupId))
  const catalog = await opened.restart()
  t.match(opened.events.at(-1), ['image:damaged', { backupId, code: 'store-corrupt' }])
  await t.rejects(catalog.getImage({ backupId }), { code: 'store-corrupt' })
  t.ok((await readFile(join(opened.directory, 'web1', backupId, 'files.nbf'))).length > 0)
})

t.test('what lies among the images and is none is left alone', async (t) => {
  const opened = await site(t)
  await backUp(opened, { entries: tree })
  const foreign = [join(opened.directory, 'README'), join(opened.directory, 'web1', 'notes.txt')]
  for (const path of foreign) await writeFile(path, 'mine')
  const catalog = await opened.restart(new MemoryLevel<string, string>())
  t.equal((await collect(catalog.listImages({}))).length, 1)
  for (const path of foreign) t.equal(await readFile(path, 'utf8'), 'mine')
})

t.test('a damaged sparse index is made anew from the list', async (t) => {
  const opened = await site(t)
  const { image } = await backUp(opened, { entries: tree })
  const index = join(opened.directory, 'web1', image.backupId, 'files.idx')
  const right = await readFile(index)
  for (const damage of [
    () => rm(index),
    () => truncate(index, 30),
    () => writeFile(index, 'something else, long enough to be one'),
  ]) {
    await damage()
    const catalog = await opened.restart()
    const found = await collect(catalog.browse({ client: 'web1', path: toPath('/data') }))
    t.equal(found.length, 1)
    t.same(await readFile(index), right)
  }
})

t.test('a file list that is damaged after all says so, and gives nothing wrong', async (t) => {
  const opened = await site(t)
  const { image, list } = await backUp(opened, { entries: tree })
  const path = join(opened.directory, 'web1', image.backupId, 'files.nbf')
  const flipped = Buffer.from(list.bytes)
  flipped[list.bytes.length - 20] = (flipped[list.bytes.length - 20] ?? 0) ^ 1
  const browse = (): Promise<unknown> =>
    collect(opened.catalog.browse({ client: 'web1', path: toPath('/data') }))
  for (const content of [flipped, list.bytes.subarray(0, -1), Buffer.alloc(0)]) {
    await writeFile(path, content)
    await t.rejects(browse(), { code: 'file-list-corrupt', status: 229 })
  }
  await rm(path)
  await t.rejects(browse(), { code: 'file-list-corrupt' })
})

t.test('a flipped digit in the record of the last id is refused, so that no id is given twice', async (t) => {
  const opened = await site(t)
  const only = await backUp(opened, { entries: tree, expiresAt: 1 })
  await opened.catalog.expireImage({ backupId: only.image.backupId })
  await opened.catalog.forgetImage({ backupId: only.image.backupId })
  const path = join(opened.directory, 'web1', 'sequence.json')
  const right = await readFile(path, 'utf8')
  const { lastSeconds } = JSON.parse(right) as { lastSeconds: number }
  await writeFile(path, right.replace(String(lastSeconds), String(lastSeconds - 1)))
  await opened.restart()
  await t.rejects(backUp(opened, { entries: tree }), { code: 'store-corrupt', details: { path } })
  // As it was written before it had a checksum.
  await writeFile(path, JSON.stringify({ format: 'nb-sequence/1', lastSeconds }))
  await opened.restart()
  const next = await backUp(opened, { entries: tree })
  t.ok(Number(next.image.backupId.split('_')[1]) > lastSeconds)
})
