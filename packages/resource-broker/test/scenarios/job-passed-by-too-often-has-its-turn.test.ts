import t from 'tap'
import type { ResourceBroker } from '@nb/contracts'
import { backup, restore, tapeHouse, volumeId } from '../tape-house.ts'

const shared = { multiplexing: 4 }

/** Passes job `urgent` by twice, and lets job 4 wait at its turn. */
async function passedByTwice(options = { maxPassedBy: 2 }) {
  const house = await tapeHouse({ drives: 1, streams: 8, options })
  const { broker } = house
  const group = [await broker.acquire(backup('1', {}, { multiplexing: 8 }))]
  const leaving = new AbortController()
  const urgent = broker.acquire(backup('urgent', { priority: 500 }), { signal: leaving.signal })
  await broker.explain({ jobId: 'urgent' })
  for (const jobId of ['2', '3']) group.push(await broker.acquire(backup(jobId, {}, { multiplexing: 8 })))
  const fourth = broker.acquire(backup('4', {}, { multiplexing: 8 }))
  fourth.catch(() => undefined)
  return { ...house, group, urgent, leaving, fourth }
}

t.test(
  'passed by as often as allowed, a job has its turn: the next of lower rank waits for it',
  async (t) => {
    const { broker, textsOf, group, urgent, fourth, stop } = await passedByTwice()
    const why = await broker.explain({ jobId: '4' })
    t.match(why, {
      waiting: true,
      blockers: [
        { kind: 'turn', name: 'tape1', storageUnit: 'tape1', reason: 2034, holders: [{ jobId: 'urgent' }] },
      ],
    })
    t.match(
      why.sentence,
      /waits since .* for its turn at storage unit tape1, which is kept for a job of higher rank/,
    )
    t.match(textsOf('urgent').at(-1), /passed by 2 times; it has its turn now/)
    for (const { leaseId } of group) await broker.release({ leaseId })
    const { leaseId, allocation } = await urgent
    t.equal(allocation.jobId, 'urgent')
    await broker.release({ leaseId })
    t.equal((await fourth).allocation.jobId, '4')
    await stop()
  },
)

t.test('when whoever had its turn goes away, the others go on at once', async (t) => {
  const { broker, urgent, leaving, fourth, stop } = await passedByTwice()
  await broker.explain({ jobId: '4' })
  leaving.abort()
  await t.rejects(urgent)
  t.equal((await fourth).allocation.jobId, '4')
  await stop()
})

t.test('a turn binds only those of lower rank', async (t) => {
  const { broker, urgent, fourth, stop } = await passedByTwice()
  await broker.explain({ jobId: '4' })
  const higher = await broker.acquire(backup('5', { priority: 900 }, { multiplexing: 8 }))
  t.equal(higher.allocation.jobId, '5')
  t.equal((await broker.explain({ jobId: '4' })).waiting, true)
  await broker.setPriority({ jobId: '4', priority: 901 })
  t.equal((await fourth).allocation.jobId, '4', 'raised above it, it joins')
  urgent.catch(() => undefined)
  await stop()
})

t.test('a turn ends when its job falls below those who kept it', async (t) => {
  const { broker, urgent, fourth, stop } = await passedByTwice()
  await broker.explain({ jobId: '4' })
  await broker.setPriority({ jobId: 'urgent', priority: 0 })
  const why = await broker.explain({ jobId: '4' })
  t.equal(why.waiting, true, 'of the same priority, the older still goes first')
  await broker.setPriority({ jobId: '4', priority: 1 })
  t.equal((await fourth).allocation.jobId, '4')
  urgent.catch(() => undefined)
  await stop()
})

t.test('nothing is kept for a job that only an operator can help', async (t) => {
  const { broker, media, urgent, fourth, stop } = await passedByTwice()
  await broker.explain({ jobId: '4' })
  await media.setStorageUnitState({ name: 'tape1', state: 'down', reason: 'service' })
  await broker.explain({ jobId: '4' })
  await media.putStorageUnit(tape2)
  const elsewhere = broker.acquire(backup('6', {}, { storage: { kind: 'unit', name: 'tape2' } }))
  t.equal((await waitsFor(broker, '6')).includes('turn'), false)
  for (const call of [urgent, fourth, elsewhere]) call.catch(() => undefined)
  await stop()
})

t.test('storage units that share its drives are kept too', async (t) => {
  const { broker, media, group, urgent, fourth, stop } = await passedByTwice()
  await broker.explain({ jobId: '4' })
  await media.putStorageUnit(tape2)
  for (const { leaseId } of group.slice(1)) await broker.release({ leaseId })
  const elsewhere = broker.acquire(backup('6', {}, { storage: { kind: 'unit', name: 'tape2' } }))
  t.ok((await waitsFor(broker, '6')).includes('turn'))
  await broker.release({ leaseId: group[0]?.leaseId ?? '' })
  t.equal((await urgent).allocation.jobId, 'urgent')
  for (const call of [fourth, elsewhere]) call.catch(() => undefined)
  await stop()
})

t.test('with 0 there are no turns', async (t) => {
  const { broker, urgent, fourth, stop } = await passedByTwice({ maxPassedBy: 0 })
  t.equal((await fourth).allocation.jobId, '4')
  for await (const { passedBy } of broker.queue({})) t.equal(passedBy, 3)
  urgent.catch(() => undefined)
  await stop()
})

t.test('a restore from a volume that backups keep joining is served in the end', async (t) => {
  const { broker, stop } = await tapeHouse({ drives: 2, streams: 2, options: { maxPassedBy: 3 } })
  let newest = await broker.acquire(backup('0', {}, { multiplexing: 2 }))
  const { medium } = newest.allocation
  const number = medium.kind === 'tape' && medium.volumeId === volumeId(1) ? 1 : 2
  let served = false
  const waiting = broker.acquire(restore('r', number)).then(() => (served = true))
  await broker.explain({ jobId: 'r' })
  let rounds = 0
  for (; !served && rounds < 50; rounds++) {
    // The next joins before the last one leaves, so that the volume is never idle.
    const next = broker.acquire(backup(`${rounds + 1}`, {}, shared))
    const why = await broker.explain({ jobId: `${rounds + 1}` })
    await broker.release({ leaseId: newest.leaseId })
    newest = await next
    if (why.waiting) await broker.explain({ jobId: 'r' })
  }
  await waiting
  t.ok(rounds <= 5, `${rounds} rounds`)
  await stop()
})

const tape2 = {
  name: 'tape2',
  type: 'tape',
  mediaServer: 'media1',
  density: 'hcart',
  robot: 'robot1',
  state: 'up',
  maxFragmentBytes: 2 ** 40,
  onDemandOnly: false,
  maxConcurrentDrives: 1,
} as const

async function waitsFor(broker: ResourceBroker, jobId: string): Promise<readonly string[]> {
  return (await broker.explain({ jobId })).blockers.map(({ kind }) => kind)
}
