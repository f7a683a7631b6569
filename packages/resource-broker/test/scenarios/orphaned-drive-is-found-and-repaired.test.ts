import { collect } from '@nb/test-kit'
import t from 'tap'
import { backup, tapeHouse } from '../tape-house.ts'

t.test('a drive that is set aside for nobody is found, and given back when told to', async (t) => {
  const { broker, media, stop } = await tapeHouse({ drives: 1 })
  const { need } = backup('7')
  await media.allocate({ allocationId: 'left over', jobId: '7', need })
  const waiting = broker.acquire(backup('8'))
  t.match(await broker.explain({ jobId: '8' }), { blockers: [{ holders: [{ jobId: '7' }] }, {}] })

  const found = await broker.reconcile({ repair: false })
  t.match(found, {
    orphanedAllocations: [{ allocationId: 'left over', jobId: '7', medium: { drive: 'd1' } }],
    orphanedLeases: [],
    repaired: false,
  })
  t.equal((await broker.explain({ jobId: '8' })).waiting, true, 'looking changes nothing')

  t.match(await broker.reconcile({ repair: true }), { repaired: true })
  t.equal((await waiting).allocation.jobId, '8', 'and whoever waited for the drive has it')
  t.same((await broker.reconcile({ repair: false })).orphanedAllocations, [])
  await stop()
})

t.test('a lease whose drive the media manager does not know is found, and ended', async (t) => {
  const { broker, media, textsOf, stop } = await tapeHouse({ drives: 1 })
  const { leaseId, allocation } = await broker.acquire(backup('7'))
  await media.release({ allocationId: allocation.allocationId })
  const found = await broker.reconcile({ repair: false })
  t.same(
    found.orphanedLeases.map((lease) => lease.leaseId),
    [leaseId],
  )
  await broker.reconcile({ repair: true })
  t.same(await collect(broker.grants({})), [])
  t.match(textsOf('7').at(-1), /broker and media manager differed; de-allocated/)
  await t.rejects(broker.renew({ leaseId }), { code: 'lease-expired' })
  await stop()
})
