import { type Catalog, type ImageRecord, type MediaServer, NbError, verifyJobRequest } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { type Site, driven, openSite, request, textsOf } from '../fixture.ts'

let requests = 0

/** A backup whose list the pretended media server needs no bytes of. */
async function backUpOnce({ manager, clock, world: { catalog } }: Site): Promise<ImageRecord> {
  const { jobId } = await manager.submit(request())
  const { backupId = '' } = await driven(clock, manager.wait({ jobId }))
  const image = (await catalog.getImage({ backupId })) as ImageRecord
  const readFileList: Catalog['readFileList'] = async ({ peer }) => {
    if (peer !== image.copies[0]?.mediaServer) throw new Error(`a list for ${peer}`)
    return { image, ticket: { address: 'none', token: 'none' } }
  }
  Object.assign(catalog, { readFileList })
  return image
}

async function verified(site: Site, image: ImageRecord) {
  const { jobId } = await site.manager.submit(verifyJobRequest(image, { requestId: `v${++requests}` }))
  return driven(site.clock, site.manager.wait({ jobId }))
}

t.test('a copy is verified, holds its storage unit meanwhile, and tells what is wrong with it', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  const image = await backUpOnce(site)
  const good = await verified(site, image)
  t.match(good, { status: 0, type: 'verify', client: image.client, policy: image.policy })
  t.match(
    await textsOf(site, good.id),
    /granted resource[^]*begin verify[^]*were read and compared[^]*status 0/,
  )
  t.strictSame(site.world.broker.inForce, [])
  for (const { storageUnit } of image.copies)
    for (const server of site.world.mediaServers.values())
      await server.removeImage({ storageUnit, backupId: image.backupId })
  const bad = await verified(site, image)
  t.match(bad, {
    status: 191,
    statusText: `1 fault in copy 1 of image ${image.backupId}: ${image.backupId} is not there`,
  })
  const lines = await collect(site.manager.log({ jobId: bad.id }))
  t.ok(lines.some(({ severity, text }) => severity === 'error' && text.includes('is not there')))
})

t.test('a file list that is damaged is what is told, whoever finds it, and with what helps', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  const image = await backUpOnce(site)
  const { backupId } = image
  const { catalog, mediaServers } = site.world
  const sound = { readFileList: catalog.readFileList.bind(catalog), getImage: catalog.getImage.bind(catalog) }
  const told = {
    status: 191,
    statusText: new RegExp(
      `^the file list of image ${backupId} is damaged in the catalog, .* nb import \\S+ ${backupId} makes .*: a byte is wrong$`,
    ),
  }
  const corrupt = new NbError('file-list-corrupt', 'a byte is wrong')
  Object.assign(catalog, { readFileList: () => Promise.reject(corrupt) })
  t.match(await verified(site, image), told, 'its head, by the catalog')
  Object.assign(catalog, sound)
  const broken = new NbError('channel-broken', 'the data connection broke: a byte is wrong')
  const breaks: MediaServer['verifyCopy'] = async function* () {
    yield { kind: 'progress', bytes: 1 }
    throw broken
  }
  for (const server of mediaServers.values()) Object.assign(server, { verifyCopy: breaks })
  t.match(await verified(site, image), { status: 23 }, 'a channel that broke for something else')
  const getImage: Catalog['getImage'] = async (input) => {
    const found = await sound.getImage(input)
    return found && { ...found, damaged: 'a byte is wrong' }
  }
  Object.assign(catalog, { getImage })
  const found = await verified(site, image)
  t.match(found, told, 'later, by the catalog: its channel breaks')
  const lines = await collect(site.manager.log({ jobId: found.id }))
  t.ok(lines.some(({ severity, text }) => severity === 'error' && text.includes('is damaged in the catalog')))
})

t.test('an incremental that is whole itself is told when what it needs is no more', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  const image = await backUpOnce(site)
  const { catalog } = site.world
  const present = catalog.getImage.bind(catalog)
  const needing: Catalog['getImage'] = async ({ backupId }) => {
    const found = await present({ backupId })
    return found && { ...found, neededImages: [found.backupId, 'web1_lost'] }
  }
  Object.assign(catalog, { getImage: needing })
  t.match(await verified(site, image), {
    status: 191,
    statusText: `image ${image.backupId} is whole itself, but needs web1_lost, which is no more: what has not changed since then can't be restored`,
  })
})

t.test('an image that is gone by then, or a need of another place, ends it with the reason', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  const image = await backUpOnce(site)
  const good = verifyJobRequest(image, { requestId: `v${++requests}` })
  const { need: _, ...noNeed } = { ...good, requestId: `v${++requests}` }
  const { jobId } = await site.manager.submit(noNeed)
  t.match(await driven(site.clock, site.manager.wait({ jobId })), {
    status: 20,
    statusText: /need must be to read/,
  })
  const wrong = await site.manager.submit({ ...good, requestId: `v${++requests}`, parameters: {} })
  t.match(await driven(site.clock, site.manager.wait(wrong)), {
    status: 20,
    statusText: /must have a backupId/,
  })
  await site.world.catalog.expireImage({ backupId: image.backupId })
  const gone = await site.manager.submit(good)
  t.match(await driven(site.clock, site.manager.wait(gone)), { status: 228, statusText: /is expired/ })
  t.throws(() => verifyJobRequest({ ...image, state: 'expired' }, { requestId: 'x' }), {
    code: 'state-conflict',
  })
  t.throws(() => verifyJobRequest(image, { requestId: 'x', copy: 7 }), { code: 'not-found' })
})
