import t from 'tap'
import { backup, restore, tapeHouse, volumeId } from '../tape-house.ts'

const shared = { multiplexing: 4 }

t.test('a backup that joins a multiplex group passes by one that wants a drive of its own', async (t) => {
  const { broker, textsOf, stop } = await tapeHouse({ drives: 1 })
  const told: unknown[] = []
  broker.on('request:passed-by', (event) => told.push(event))
  const first = await broker.acquire(backup('1', {}, shared))
  const urgent = broker.acquire(backup('2', { priority: 500 }))
  await broker.explain({ jobId: '2' })
  const joined = await broker.acquire(backup('3', {}, shared))

  t.same(joined.allocation.medium, first.allocation.medium, 'drive, volume and group are the same')
  t.same(told, [{ requestId: 'r-2', jobId: '2', byJobId: '3', because: 'joins a multiplex group', times: 1 }])
  t.match(
    textsOf('2').at(-1),
    /^job 3 of lower rank was served first from storage unit tape1, because it joins/,
  )
  t.match(textsOf('2').at(-1), /job 2 has been passed by 1 time$/)
  t.match(
    textsOf('3').find((text) => text.startsWith('served before')),
    'served before job 2 of higher rank from storage unit tape1, because it joins a multiplex group',
  )
  for await (const { request, passedBy } of broker.queue({})) t.same([request.jobId, passedBy], ['2', 1])

  for (const { leaseId } of [first, joined]) await broker.release({ leaseId })
  t.equal((await urgent).allocation.jobId, '2')
  await stop()
})

t.test('a backup whose volume is mounted passes by a restore that waits for another volume', async (t) => {
  const { broker, media, textsOf, stop } = await tapeHouse({ drives: 2, volumes: 2 })
  const writing = await broker.acquire(backup('1'))
  const { medium } = writing.allocation
  const used = medium.kind === 'tape' ? medium : undefined
  const [other, otherDrive] = [used?.volumeId === volumeId(1) ? 2 : 1, used?.drive === 'd1' ? 'd2' : 'd1']
  await media.recordMount({ volumeId: volumeId(other), drive: otherDrive })
  const waiting = broker.acquire(restore('2', other === 1 ? 2 : 1))
  await broker.explain({ jobId: '2' })
  await broker.acquire(backup('3'))
  t.match(
    textsOf('2').at(-1),
    new RegExp(`because it finds its volume mounted, while the other waits for volume ${used?.volumeId}`),
  )
  await broker.release({ leaseId: writing.leaseId })
  t.equal((await waiting).allocation.jobId, '2')
  await stop()
})

t.test('whoever waits for what only an operator can mend is not passed by', async (t) => {
  const { broker, media, stop } = await tapeHouse({ drives: 2 })
  const told: unknown[] = []
  broker.on('request:passed-by', (event) => told.push(event))
  await media.recordMount({ volumeId: volumeId(1), drive: 'd1' })
  await media.setDriveState({ name: 'd1', state: 'down', reason: 'cleaning' })
  const waiting = broker.acquire(restore('1', 1))
  t.match(await broker.explain({ jobId: '1' }), { blockers: [{ kind: 'drive', name: 'd1', reason: 2054 }] })
  await broker.acquire(backup('2'))
  t.same(told, [])
  await media.setDriveState({ name: 'd1', state: 'up' })
  t.equal((await waiting).allocation.jobId, '1')
  await stop()
})

t.test('whoever stands at the limit of its policy is not passed by', async (t) => {
  const { broker, stop } = await tapeHouse({ drives: 1 })
  const told: unknown[] = []
  broker.on('request:passed-by', (event) => told.push(event))
  const limits = { maxJobsPerPolicy: 1 }
  await broker.acquire(backup('1', { limits }, shared))
  const waiting = broker.acquire(backup('2', { limits, priority: 500 }))
  await broker.explain({ jobId: '2' })
  await broker.acquire(backup('3', { policy: 'weekly' }, shared))
  t.same(told, [])
  await stop()
  await t.rejects(waiting, { code: 'manager-stopping' })
})
