import t from 'tap'
import { backup, tapeHouse } from '../tape-house.ts'

t.test('a job whose priority is raised while it is queued goes next', async (t) => {
  const { broker, textsOf, stop } = await tapeHouse({ drives: 1 })
  const first = await broker.acquire(backup('1'))
  const served: string[] = []
  const calls = ['2', '3', '4'].map((jobId) =>
    broker.acquire(backup(jobId, { queuedAt: Number(jobId) })).then(async ({ leaseId }) => {
      served.push(jobId)
      await broker.release({ leaseId })
    }),
  )
  await broker.explain({ jobId: '4' })
  await broker.setPriority({ jobId: '4', priority: 10 })
  await broker.setPriority({ jobId: 'nobody', priority: 10 })
  const queued: unknown[] = []
  for await (const { request } of broker.queue({})) queued.push([request.jobId, request.priority])
  t.same(queued, [
    ['4', 10],
    ['2', 0],
    ['3', 0],
  ])
  t.ok(textsOf('4').includes('priority changed from 0 to 10 while queued'))
  await broker.release({ leaseId: first.leaseId })
  await Promise.all(calls)
  t.same(served, ['4', '2', '3'])
  for (const priority of [-1, 100_000, 1.5])
    await t.rejects(broker.setPriority({ jobId: '4', priority }), { code: 'argument-invalid' })
  await stop()
})

t.test('it keeps its place behind a limit: raising it does not lift the limit', async (t) => {
  const { broker, stop } = await tapeHouse({ drives: 2 })
  const limits = { maxJobsPerPolicy: 1 }
  const first = await broker.acquire(backup('1', { limits }))
  const calls = ['2', '3'].map((jobId) => broker.acquire(backup(jobId, { limits })))
  for (const call of calls) call.catch(() => undefined)
  await broker.setPriority({ jobId: '3', priority: 10 })
  t.match(await broker.explain({ jobId: '3' }), { waiting: true, blockers: [{ kind: 'policy-limit' }] })
  await broker.release({ leaseId: first.leaseId })
  t.equal((await calls[1])?.allocation.jobId, '3')
  t.equal((await broker.explain({ jobId: '2' })).waiting, true)
  await stop()
})
