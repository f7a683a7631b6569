import type { JobLogLine, MediaManagerEvents } from '@nb/contracts'
import { collect, createVirtualClock } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { createMediaManager } from '../src/index.ts'
import { disk, drive, tape, volume, writeTo } from './site.ts'

function parts() {
  const lines: (JobLogLine & { jobId: string })[] = []
  const log = {
    append: async (input: { jobId: string; lines: readonly JobLogLine[] }) =>
      void lines.push(...input.lines.map((line) => ({ jobId: input.jobId, ...line }))),
  }
  return { store: new MemoryLevel<string, string>(), clock: createVirtualClock(), log, lines }
}

t.test(
  'an allocation leaves step 5 of a backup, step 10 of a restore, and a line when given back',
  async (t) => {
    const { lines, ...components } = parts()
    const media = createMediaManager(components)
    await media.start()
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 2 }))
    await media.allocate({ allocationId: 'a1', jobId: '17', need: writeTo('disk1'), flow: 'backup' })
    const read = { kind: 'read', storageUnit: 'disk1' } as const
    await media.allocate({ allocationId: 'a2', jobId: '18', need: read, flow: 'restore' })
    await media.release({ allocationId: 'a1' })
    await media.stop()
    t.match(lines, [
      {
        jobId: '17',
        component: 'emm',
        step: { flow: 'backup', number: 5 },
        text: /allocated storage unit disk1/,
      },
      { jobId: '18', component: 'emm', step: { flow: 'restore', number: 10 } },
      { jobId: '17', component: 'emm', text: /de-allocated storage unit disk1/ },
    ])
    t.notOk('step' in (lines[2] ?? {}))
  },
)

t.test('a job log that can not be reached fails no allocation', async (t) => {
  const { lines: _lines, ...components } = parts()
  const log = { append: async () => Promise.reject(new Error('gone')) }
  const media = createMediaManager({ ...components, log })
  await media.start()
  await media.putStorageUnit(disk('disk1'))
  t.match(await media.allocate({ allocationId: 'a1', jobId: '1', need: writeTo('disk1') }), { granted: true })
  await media.stop()
})

t.test('events tell what happened, once', async (t) => {
  const { lines: _lines, ...components } = parts()
  const media = createMediaManager(components)
  const told: [string, unknown][] = []
  for (const name of ['storage-unit:state', 'allocation:made', 'allocation:released'] as const)
    media.on(name, (payload: MediaManagerEvents[typeof name]) => told.push([name, payload]))
  await media.start()
  await media.putStorageUnit(disk('disk1'))
  await media.setStorageUnitState({ name: 'disk1', state: 'down', reason: 'fsck' })
  await media.setStorageUnitState({ name: 'disk1', state: 'down', reason: 'still fsck' })
  await media.setStorageUnitState({ name: 'disk1', state: 'up' })
  await media.allocate({ allocationId: 'a1', jobId: '1', need: writeTo('disk1') })
  await media.allocate({ allocationId: 'a1', jobId: '1', need: writeTo('disk1') })
  await media.release({ allocationId: 'a1' })
  await media.release({ allocationId: 'a1' })
  await media.stop()
  t.match(told, [
    ['storage-unit:state', { name: 'disk1', state: 'down', reason: 'fsck' }],
    ['storage-unit:state', { name: 'disk1', state: 'up' }],
    ['allocation:made', { allocation: { allocationId: 'a1' } }],
    ['allocation:released', { allocationId: 'a1', jobId: '1' }],
  ])
  t.equal(told.length, 4)
})

t.test('a damaged store is refused with the entry that is damaged', async (t) => {
  const { lines: _lines, ...components } = parts()
  await components.store.sublevel('units').put('disk1', '{"name":"disk1"}')
  await t.rejects(createMediaManager(components).start(), {
    code: 'store-corrupt',
    details: { table: 'units', key: 'disk1' },
  })
  await components.store.sublevel('units').put('disk1', '{')
  await t.rejects(createMediaManager(components).start(), {
    code: 'store-corrupt',
    details: { table: 'units', key: 'disk1' },
  })
})

t.test('what the store did not take did not happen', async (t) => {
  const { lines: _lines, ...components } = parts()
  const media = createMediaManager(components)
  await media.start()
  await media.putStorageUnit(disk('disk1'))
  await components.store.close()
  const asked = media.allocate({ allocationId: 'a1', jobId: '1', need: writeTo('disk1') })
  await t.rejects(asked, { code: 'store-failed', retryable: true })
  t.same(await collect(media.allocations({})), [])
  await media.stop()
})

t.test('it answers only while it runs, and start and stop may be said twice', async (t) => {
  const { lines: _lines, ...components } = parts()
  const media = createMediaManager(components)
  await media.stop()
  await t.rejects(media.allocate({ allocationId: 'a1', jobId: '1', need: writeTo('disk1') }), {
    code: 'manager-stopping',
  })
  await Promise.all([media.start(), media.start()])
  t.same(
    (await collect(media.pools({}))).map(({ name }) => name),
    ['CatalogBackup', 'DataStore', 'NetBackup'],
  )
  const watching = collect(media.watch({}))
  await media.stop()
  await media.stop()
  t.same(await watching, [], 'a watch ends with the manager')
  await media.start()
  await media.putStorageUnit(disk('disk1'))
  await media.stop()
})

t.test('a drive given back is told to every unit that shares it', async (t) => {
  const { lines: _lines, ...components } = parts()
  const media = createMediaManager(components)
  await media.start()
  await media.putStorageUnit(tape('tape1'))
  await media.putStorageUnit(tape('tape2'))
  await media.putStorageUnit(disk('disk1'))
  await media.putVolume(volume('A00001'))
  await media.putDrive(drive('d1'))
  await media.allocate({ allocationId: 'a1', jobId: '1', need: writeTo('tape1') })
  const changes = media.watch({})[Symbol.asyncIterator]()
  await media.release({ allocationId: 'a1' })
  const told = await changes.next()
  t.same(told.done !== true && [...told.value.storageUnits].sort(), ['tape1', 'tape2'])
  await media.stop()
})
