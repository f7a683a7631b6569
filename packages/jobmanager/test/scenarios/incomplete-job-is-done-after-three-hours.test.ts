import t from 'tap'
import { driven, openSite, request, restartSite, textsOf, untilState } from '../fixture.ts'

const hour = 3_600_000
const failing = (_: string, { nth }: { readonly nth: number }): object =>
  nth === 1 ? { checkpoints: 1, status: 84, statusText: 'the disk is broken', files: 10 } : { files: 10 }

t.test(
  'a failed backup with a checkpoint is incomplete, and done with its status after three hours',
  async (t) => {
    let site = await openSite({ script: failing })
    const { jobId } = await site.manager.submit(request())
    const incomplete = await untilState(site, jobId, 'incomplete')
    t.equal(incomplete.incompleteUntil, site.clock.now() + 3 * hour)
    t.match(incomplete, { attempt: 1, actions: ['cancel', 'resume', 'set-priority'] })
    t.notOk(incomplete.status)
    t.strictSame(site.world.broker.inForce, [])
    t.match(
      (await site.manager.explain({ jobId })).sentence,
      /is incomplete until .*, when it is done with status 84, unless it is resumed/,
    )
    site = await restartSite(site)
    t.teardown(() => site.stop())
    await site.clock.advance(3 * hour - 60_000)
    t.match(await site.manager.get({ jobId }), { state: 'incomplete' })
    const job = await driven(site.clock, site.manager.wait({ jobId }))
    t.match(job, { status: 84, statusText: 'the disk is broken', endedAt: incomplete.incompleteUntil })
    t.strictSame(site.world.catalog.images, [], 'its image is given up')
    t.strictSame([...(site.world.mediaServers.get('media1')?.stored.get('disk1') ?? [])], [])
  },
)

t.test('resumed in time it goes on from its checkpoint', async (t) => {
  const site = await openSite({ script: failing })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(request())
  await untilState(site, jobId, 'incomplete')
  await site.clock.advance(2 * hour)
  await site.manager.resume({ jobId })
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0, attempt: 2 })
  t.match(await textsOf(site, jobId), /it can be resumed from checkpoint 1 until/)
})

t.test('a stop of the server leaves a backup with a checkpoint incomplete', async (t) => {
  let site = await openSite({
    script: (_, { nth }) => (nth === 1 ? { checkpoints: 1, durationMs: Infinity } : {}),
  })
  const { jobId } = await site.manager.submit(request())
  await site.clock.advance(5000)
  site = await restartSite(site)
  t.teardown(() => site.stop())
  t.match(await site.manager.get({ jobId }), { state: 'incomplete' })
  await site.manager.resume({ jobId })
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0 })
})

t.test('how long it may be incomplete is an option', async (t) => {
  const site = await openSite({ script: failing, manager: { incompleteMs: hour } })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(request())
  const { incompleteUntil } = await untilState(site, jobId, 'incomplete')
  t.equal(incompleteUntil, site.clock.now() + hour)
  for (const incompleteMs of [hour - 1, 72 * hour + 1])
    await t.rejects(openSite({ manager: { incompleteMs } }), TypeError)
})
