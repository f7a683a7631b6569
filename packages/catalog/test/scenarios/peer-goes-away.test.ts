import {
  backUp,
  collect,
  createPowerLossStorage,
  newImage,
  sampleList,
  sendList,
  takeBytes,
} from '@nb/test-kit'
import type { Files } from '@nb/contracts'
import t from 'tap'
import { openSite, type Site } from '../fixture.ts'

const entries = Array.from({ length: 30_000 }, (_, number) => ({ path: `/data/${number}` }))

/** Files that know which of them are open. */
function tracking(inner: Files): { readonly files: Files; readonly open: Set<string> } {
  const open = new Set<string>()
  const files: Files = {
    ...inner,
    open: async (path, mode) => {
      const file = await inner.open(path, mode)
      open.add(path)
      return { ...file, close: () => file.close().finally(() => open.delete(path)) }
    },
  }
  return { files, open }
}

async function trackedSite(): Promise<{ readonly site: Site; readonly open: Set<string> }> {
  const { files, open } = tracking(createPowerLossStorage().files)
  return { site: await openSite(files), open }
}

async function turns(count = 50): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

t.test('a reader that goes away, never comes, or never lets go leaves nothing open', async (t) => {
  const { site, open } = await trackedSite()
  await backUp(site, { entries })
  const reading = (): ReturnType<typeof site.catalog.readFileList> =>
    site.catalog.readFileList({ client: 'web1' })
  const idle = site.clock.pendingTimers

  const gone = await site.channels.connect({ ticket: (await reading()).ticket })
  await gone.read()
  t.equal(open.size, 1)
  gone.abort('the reader is gone')
  await turns()
  t.equal(open.size, 0)

  await reading()
  t.equal(open.size, 1)
  await site.clock.advance(60_000)
  t.equal(open.size, 0)

  const silent = await site.channels.connect({ ticket: (await reading()).ticket })
  while ((await silent.read()) !== undefined);
  t.equal(open.size, 0)
  await site.clock.advance(60_000)
  t.equal(site.clock.pendingTimers, idle)
  await site.end()
})

t.test(
  'a sender that goes away leaves whole batches, and the image can be given up or sent anew',
  async (t) => {
    const { site, open } = await trackedSite()
    const { backupId } = await site.catalog.createImage(newImage())
    const list = sampleList(backupId, entries)
    const channel = await site.channels.connect({
      ticket: (await site.catalog.appendFileList({ backupId })).ticket,
    })
    await channel.write(list.bytes.subarray(0, 100_000))
    channel.abort('the client is gone')
    await turns()
    t.equal(open.size, 0)
    const left = await site.files.stat(`${site.directory}/web1/${backupId}/files.nbf`)
    t.ok(
      left !== undefined && left.sizeBytes > 60_000 && left.sizeBytes < 100_000,
      `${left?.sizeBytes} bytes stay`,
    )
    await sendList(site, backupId, list)
    await site.catalog.completeImage({ backupId, completion: list.completion })
    const { ticket } = await site.catalog.readFileList({ client: 'web1' })
    t.ok((await takeBytes(site.channels, ticket)).equals(list.bytes))
    await site.end()
  },
)

t.test('a sender that never comes leaves the image as it was', async (t) => {
  const { site } = await trackedSite()
  const { backupId } = await site.catalog.createImage(newImage())
  await site.catalog.appendFileList({ backupId })
  const { completion } = sampleList(backupId, entries)
  const sealing = t.rejects(site.catalog.sealFileList({ backupId, totals: completion.fileList }), {
    code: 'file-list-corrupt',
  })
  await site.clock.advance(60_000)
  await sealing
  await site.catalog.appendFileList({ backupId })
  await site.end()
})

t.test('sealing can be called off', async (t) => {
  const { site } = await trackedSite()
  const { backupId } = await site.catalog.createImage(newImage())
  await site.catalog.appendFileList({ backupId })
  const { completion } = sampleList(backupId, entries)
  const cancel = new AbortController()
  const sealing = site.catalog.sealFileList(
    { backupId, totals: completion.fileList },
    { signal: cancel.signal },
  )
  const rejected = t.rejects(sealing, { name: 'AbortError' })
  cancel.abort()
  await rejected
  await site.end()
})

t.test('stopping ends what is under way, and nothing works before the next start', async (t) => {
  const { site, open } = await trackedSite()
  await backUp(site, { entries })
  const { backupId } = await site.catalog.createImage(newImage())
  const sender = await site.channels.connect({
    ticket: (await site.catalog.appendFileList({ backupId })).ticket,
  })
  const reader = await site.channels.connect({
    ticket: (await site.catalog.readFileList({ client: 'web1' })).ticket,
  })
  await reader.read()
  await sender.write(sampleList(backupId, entries).bytes.subarray(0, 5000))
  await site.catalog.stop()
  await site.catalog.stop()
  t.equal(open.size, 0)
  await t.rejects(reader.read(), { code: 'channel-broken' })
  await t.rejects(sender.read(), { code: 'channel-broken' })
  await t.rejects(site.catalog.getImage({ backupId }), { code: 'state-conflict' })
  await t.rejects(collect(site.catalog.listImages({})), { code: 'state-conflict' })
  await site.catalog.start()
  await site.catalog.start()
  t.equal((await site.catalog.getImage({ backupId }))?.state, 'in-progress')
  await site.end()
})

t.test('each change is told once', async (t) => {
  const { site } = await trackedSite()
  const { image, list } = await backUp(site, { entries: [{ path: '/data' }] })
  const { backupId, jobId } = image
  await site.catalog.completeImage({ backupId, completion: list.completion })
  await site.catalog.expireImage({ backupId })
  await site.catalog.expireImage({ backupId })
  const other = await site.catalog.createImage(newImage({ expiresAt: 1 }))
  await site.catalog.discardImage({ backupId: other.backupId, reason: 'a test' })
  await site.catalog.discardImage({ backupId: other.backupId, reason: 'again' })
  t.same(site.events, [
    ['image:created', { backupId, jobId }],
    ['image:completed', { backupId, jobId }],
    ['image:expired', { backupId }],
    ['image:created', { backupId: other.backupId, jobId }],
    ['image:discarded', { backupId: other.backupId, jobId, reason: 'a test' }],
  ])
  await site.end()
})

t.test('a channel that is for one host opens for no other that has come by its ticket', async (t) => {
  const site = await openSite(createPowerLossStorage().files, { overTls: true })
  t.teardown(() => site.end())
  const { catalog, channels } = site
  const { list } = await backUp(site, { entries: [{ path: '/data' }] })
  const stolen = { code: 'ticket-invalid' }
  const reading = (peer: string): ReturnType<typeof catalog.readFileList> =>
    catalog.readFileList({ client: 'web1', peer })
  await t.rejects(channels.connect(await reading('web1')), stolen)
  t.ok((await takeBytes(channels, (await reading('near')).ticket)).equals(list.bytes))
  const appending = async (peer: string): ReturnType<typeof catalog.appendFileList> => {
    const { backupId } = await catalog.createImage(newImage({ policy: `for ${peer}` }))
    return catalog.appendFileList({ backupId, peer })
  }
  await t.rejects(channels.connect(await appending('media1')), stolen)
  ;(await channels.connect(await appending('near'))).abort('that is enough')
})
