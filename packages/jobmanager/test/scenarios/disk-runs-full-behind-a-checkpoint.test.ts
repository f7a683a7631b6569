import { collect } from '@nb/test-kit'
import t from 'tap'
import { daily, driven, openSite, request, textsOf } from '../fixture.ts'

const retry = { tries: 2, delayMs: 600_000 }
const twoDisks = ['disk1', 'disk2'].map((name) => ({ name, mediaServer: 'media1', slots: 1 }))
/** The first session takes a checkpoint and then finds no room. */
const full = (_: string, { nth }: { readonly nth: number }): object =>
  nth === 1 ? { checkpoints: 1, status: 129, statusText: 'disk1 is full', files: 10, bytes: 10_000 } : {}

t.test('the next try starts afresh where it may write elsewhere', async (t) => {
  const site = await openSite({ units: twoDisks, script: full })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(request({ retry }))
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  t.match(job, { status: 0, attempt: 2 })
  t.match(await textsOf(site, jobId), /the next try starts afresh, where there is room/)
  t.match(await collect(site.manager.attempts({ jobId })), [{ status: 129 }, { status: 0 }])
  const images = await collect(site.world.catalog.listImages({ states: ['in-progress', 'discarded'] }))
  t.strictSame(images, [], 'what the checkpoint had kept is gone')
})

t.test('where its storage unit is named, it goes on from the checkpoint once there is room', async (t) => {
  const site = await openSite({ units: twoDisks, script: full })
  t.teardown(() => site.stop())
  const policy = { ...daily, storage: { kind: 'unit', name: 'disk1' } as const }
  const { jobId } = await site.manager.submit(request({ policy, retry }))
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  t.match(job, { status: 0, attempt: 2, storageUnit: 'disk1' })
  t.match(await textsOf(site, jobId), /going on with image .* from checkpoint 1/)
})
