import t from 'tap'
import { runningSite } from '../running-site.ts'
import { disk, tape, writeTo } from '../site.ts'

t.test('disk, tape and restores of one media server share its limit of jobs', async (t) => {
  const { media, give, refusal } = await runningSite(t)
  await media.putMediaServer({ name: 'media1', state: 'up', maxConcurrentJobs: 3 })
  await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 9 }))
  await media.putStorageUnit(tape('far1', { mediaServer: 'media2' }))
  await give('1')
  await give('2', { kind: 'read', storageUnit: 'tape1', volumeId: 'A00003' })
  await media.allocate({ allocationId: 'a3', jobId: '3', need: writeTo('disk1') })
  t.same(await refusal(writeTo('disk1')), [['media-server', 'media1', 2062]])
  t.match(await media.blockers({ need: writeTo('tape1') }), {
    possible: true,
    blockers: [
      {
        limit: 3,
        inUse: 3,
        holders: [{ jobId: '1' }, { jobId: '2' }, { jobId: '3' }],
        goesOnWhen: 'one of them ends',
      },
    ],
  })
  const changes = media.watch({})[Symbol.asyncIterator]()
  await media.release({ allocationId: 'a3' })
  const told = await changes.next()
  t.same(told.done !== true && [...told.value.storageUnits].sort(), ['disk1', 'tape1'])
  await give('4')
  await media.putMediaServer({ name: 'media1', state: 'up', maxConcurrentJobs: 1 })
  t.match(await media.blockers({ need: writeTo('tape1') }), {
    blockers: [{ goesOnWhen: 'fewer than 1 of them run' }],
  })
})

t.test('a media server that is down passes its storage units over, and tells when it comes up', async (t) => {
  const { media, told, give, refusal } = await runningSite(t)
  await media.putMediaServer({ name: 'media1', state: 'up' })
  await media.putMediaServer({ name: 'media1', state: 'down', stateReason: 'rack move' })
  await media.putStorageUnit(disk('disk2', { mediaServer: 'media2' }))
  await media.putGroup({ name: 'g', members: ['tape1', 'disk2'], selection: 'failover' })
  const need = { ...writeTo(''), storage: { kind: 'group', name: 'g' } } as const
  t.match(await media.allocate({ allocationId: 'a1', jobId: '1', need }), {
    allocation: { storageUnit: 'disk2' },
  })
  t.same(await refusal(), [['media-server', 'media1', 2027]])
  await media.putMediaServer({ name: 'media1', state: 'up' })
  t.same(told, ['media-server:state: media1 down (rack move)', 'media-server:state: media1 up'])
  await give('2')
})

t.test('a limit of 0 keeps a media server out of use', async (t) => {
  const { media } = await runningSite(t)
  await media.putMediaServer({ name: 'media1', state: 'up', maxConcurrentJobs: 0 })
  t.match(await media.blockers({ need: writeTo('tape1') }), {
    possible: true,
    blockers: [{ reason: 2062, goesOnWhen: /gets a limit above 0/ }],
  })
})

t.test('a load that was told long ago is no load', async (t) => {
  const { media, clock } = await runningSite(t, {}, { loadMaxAgeMs: 60_000 })
  for (const name of ['1', '2']) {
    await media.putMediaServer({ name: `m${name}`, state: 'up', maxConcurrentJobs: 100 })
    await media.putStorageUnit(disk(`disk${name}`, { mediaServer: `m${name}`, maxConcurrentJobs: 100 }))
  }
  await media.putGroup({ name: 'g', members: ['disk1', 'disk2'], selection: 'load-balanced' })
  await media.reportLoad({ name: 'm1', load: 0 })
  const need = { ...writeTo(''), storage: { kind: 'group', name: 'g' } } as const
  const chosen = async (id: string) => {
    const answer = await media.allocate({ allocationId: id, jobId: id, need })
    return answer.granted ? answer.allocation.storageUnit : undefined
  }
  t.same([await chosen('a1'), await chosen('a2')], ['disk1', 'disk1'], 'an idle one before a silent one')
  await clock.advance(60_001)
  t.equal(await chosen('a3'), 'disk2')
})
