import t from 'tap'
import { type Catalog, type ImageRecord, type NewImage, NbError, toPath } from '@nb/contracts'
import { collect, createVirtualClock } from '@nb/test-kit'
import { createSimulatedCatalog } from '@nb/simulation'

function newImage(changes: Partial<NewImage> = {}): NewImage {
  return {
    jobId: '1',
    client: 'web1',
    policy: 'web',
    schedule: 'full',
    scheduleType: 'full',
    selections: [toPath('/srv')],
    retentionLevel: 1,
    ...changes,
  }
}

async function complete(catalog: Catalog, { backupId }: ImageRecord, bytes = 10): Promise<ImageRecord> {
  const fragment = { number: 1, streamOffset: 0, streamBytes: bytes, wholeMembers: true, blockBytes: 512 }
  return catalog.completeImage({
    backupId,
    completion: {
      status: 0,
      counts: { entries: 2, storedEntries: 2, bytes: 10, streamBytes: 10, warnings: 0 },
      fileList: { bytes: 0, batches: 0, entries: 2 },
      copies: [{ copy: 1, storageUnit: 'disk1', mediaServer: 'media1', fragments: [fragment] }],
    },
  })
}

async function refused(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'not refused'
  } catch (error) {
    return error instanceof NbError ? error.code : String(error)
  }
}

t.test('an image is seen when it is complete, newest first, and not when it is discarded', async (t) => {
  const clock = createVirtualClock()
  const catalog = createSimulatedCatalog(clock)
  const first = await catalog.createImage(newImage())
  const second = await catalog.createImage(newImage({ jobId: '2' }))
  t.not(first.backupId, second.backupId)
  t.same(await collect(catalog.listImages({ client: 'web1' })), [])
  await clock.advance(1000)
  t.equal((await complete(catalog, first)).completedAt, clock.now())
  t.equal(await refused(complete(catalog, second, 9)), 'image-inconsistent')
  await catalog.discardImage({ backupId: second.backupId, reason: 'a test' })
  t.equal(
    await refused(catalog.discardImage({ backupId: first.backupId, reason: 'a test' })),
    'state-conflict',
  )
  const ids = async (filter: Parameters<Catalog['listImages']>[0]) =>
    (await collect(catalog.listImages(filter))).map(({ backupId }) => backupId)
  t.same(await ids({}), [first.backupId])
  t.same(await ids({ states: ['discarded', 'complete'] }), [second.backupId, first.backupId])
  t.same(await ids({ schedule: 'other' }), [])
  await catalog.forgetImage({ backupId: second.backupId })
  t.equal(await catalog.getImage({ backupId: second.backupId }), undefined)
  t.equal(await refused(catalog.forgetImage({ backupId: first.backupId })), 'state-conflict')
  t.equal(await refused(collect(catalog.browse({ client: 'web1', path: toPath('/') }))), 'not-supported')
})

t.test('an image that is needed outlives its time, and goes with the last that needs it', async (t) => {
  const clock = createVirtualClock()
  const catalog = createSimulatedCatalog(clock)
  const expiresAt = clock.now() + 10_000
  const full = await complete(catalog, await catalog.createImage(newImage({ expiresAt })))
  const increment = await complete(
    catalog,
    await catalog.createImage(
      newImage({ scheduleType: 'differential', referenceId: full.backupId, expiresAt: expiresAt + 10_000 }),
    ),
  )
  t.same(increment.neededImages, [full.backupId])
  await clock.advance(10_000)
  t.same(await catalog.expireDue({}), { expired: [], held: [full.backupId] })
  t.equal(await refused(catalog.expireImage({ backupId: full.backupId })), 'image-needed')
  await clock.advance(10_000)
  t.same(await catalog.expireDue({}), { expired: [increment.backupId, full.backupId], held: [] })
  t.equal(await refused(catalog.expireImage({ backupId: 'never_1' })), 'image-unknown')
})
