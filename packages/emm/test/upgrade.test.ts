import { collect, createVirtualClock } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { createMediaManager } from '../src/index.ts'
import { assigned, disk, drive, tape, volume, writeTo } from './site.ts'

/** A store as the version before wrote it: no note of a form, no images, no media servers. */
async function formOne() {
  const store = new MemoryLevel<string, string>()
  const put = async (table: string, key: string, value: unknown) =>
    store.sublevel<string, unknown>(table, { valueEncoding: 'json' }).put(key, value)
  await put('units', 'disk1', disk('disk1'))
  await put('units', 'tape1', tape('tape1'))
  for (const name of ['NetBackup', 'DataStore']) await put('pools', name, { name, scratch: false })
  await put('volumes', 'A00001', assigned('A00001', 3))
  await put('volumes', 'A00002', volume('A00002'))
  await put('drives', 'd1', drive('d1'))
  const medium = { kind: 'disk', maxFragmentBytes: 1024 ** 3 }
  const allocation = {
    allocationId: 'a1',
    jobId: '17',
    storageUnit: 'disk1',
    mediaServer: 'media1',
    purpose: 'write',
    medium,
    since: 5,
  }
  await put('allocations', 'a1', { allocation, need: writeTo('disk1') })
  await put('selections', 'unit:disk1', 4)
  return store
}

t.test('a store of the version before opens, keeps what it holds, and is upgraded once', async (t) => {
  const components = { store: await formOne(), clock: createVirtualClock() }
  for (const time of ['first', 'second']) {
    const media = createMediaManager(components)
    await media.start()
    t.same(
      (await collect(media.storageUnits({}))).map(({ name }) => name),
      ['disk1', 'tape1'],
      time,
    )
    t.match(await media.allocate({ allocationId: 'a1', jobId: '17', need: writeTo('disk1') }), {
      granted: true,
    })
    t.match(await media.allocate({ allocationId: 'a2', jobId: '18', need: writeTo('disk1') }), {
      granted: false,
    })
    await media.stop()
  }
  t.equal(await components.store.sublevel('form').get('form'), '2')
})

t.test(
  'a volume said to have images, but not which, is not unassigned when the first of its new ones goes',
  async (t) => {
    const components = { store: await formOne(), clock: createVirtualClock() }
    const media = createMediaManager(components)
    await media.start()
    await media.assignImage({ volumeId: 'A00001', backupId: 'c_1', retentionLevel: 3 })
    t.same(await collect(media.volumeImages({ volumeId: 'A00001' })), ['c_1'])
    t.same(await media.unassignImage({ backupId: 'c_1' }), { unassigned: [] })
    t.match(await collect(media.volumes({ volumeId: 'A00001' })), [{ assignedAt: 1000, retentionLevel: 3 }])
    // A person who knows better says that nothing is on it.
    await media.putVolume(volume('A00001'))
    await media.assignImage({ volumeId: 'A00001', backupId: 'c_1', retentionLevel: 3 })
    t.same(await media.unassignImage({ backupId: 'c_1' }), { unassigned: ['A00001'] })
    await media.stop()
  },
)

t.test('a store of a newer version is refused and left as it is', async (t) => {
  const components = { store: await formOne(), clock: createVirtualClock() }
  await components.store.sublevel('form').put('form', '3')
  await components.store.sublevel('volumes').put('A00003', '{"from":"the future"}')
  const before = await components.store.iterator().all()
  await t.rejects(createMediaManager(components).start(), {
    code: 'version-unsupported',
    message: /form 3/,
    details: { form: 3, known: 2 },
  })
  t.same(await components.store.iterator().all(), before)
})

t.test('an entry that this version can not read is refused by name', async (t) => {
  const components = { store: await formOne(), clock: createVirtualClock() }
  await components.store.sublevel('drives').put('d2', JSON.stringify({ ...drive('d2'), state: 'asleep' }))
  await t.rejects(createMediaManager(components).start(), {
    code: 'store-corrupt',
    details: { table: 'drives', key: 'd2' },
  })
})
