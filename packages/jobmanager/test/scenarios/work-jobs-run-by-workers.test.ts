import { type WorkJobRequest, NbError } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import type { JobWorker } from '../../src/index.ts'
import { driven, openSite, restartSite, textsOf, untilState } from '../fixture.ts'

let requests = 0
const work = (changes: Partial<WorkJobRequest> = {}): WorkJobRequest => ({
  requestId: `work-${++requests}`,
  type: 'verify',
  origin: 'immediate',
  lines: [],
  ...changes,
})
const need = { kind: 'read', storageUnit: 'disk1' } as const

t.test('a type without a worker ends at once, and says that it is not supported yet', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  for (const type of ['catalog-backup', 'label', 'erase', 'inventory', 'clean'] as const) {
    const { jobId } = await site.manager.submit(work({ type, need, retry: { tries: 3, delayMs: 1000 } }))
    const job = await driven(site.clock, site.manager.wait({ jobId }))
    t.match(job, {
      status: 228,
      type,
      statusText: `${type} jobs are not supported yet`,
      attempt: 1,
      client: '-',
    })
  }
  t.strictSame(site.world.broker.inForce, [])
})

t.test('a worker gets its resources, tells its progress and ends the job', async (t) => {
  const verify: JobWorker = {
    run: async ({ say, progress, allocation, parameters, attempt }) => {
      await say(
        `verifying ${parameters['backupId'] as string} on ${allocation?.storageUnit ?? '-'}, try ${attempt}`,
      )
      progress({ files: 7, bytes: 70 })
      return { status: 1, statusText: 'one file differs' }
    },
  }
  const site = await openSite({ workers: { verify } })
  t.teardown(() => site.stop())
  const asked = work({ need, parameters: { backupId: 'web1_1' }, client: 'web1', priority: 5 })
  const { jobId } = await site.manager.submit(asked)
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  t.match(job, {
    status: 1,
    statusText: 'one file differs',
    warnings: 1,
    priority: 5,
    progress: { files: 7 },
  })
  t.match(
    await textsOf(site, jobId),
    /requesting resource[^]*granted resource[^]*verifying web1_1 on disk1, try 1[^]*done with status 1/,
  )
  t.strictSame(site.world.broker.inForce, [])
  const again = await site.manager.restart({ jobId })
  t.match(await driven(site.clock, site.manager.wait(again)), { status: 1, type: 'verify', client: 'web1' })
  await t.rejects(site.manager.finish({ jobId: (await site.manager.submit(work())).jobId, status: 0 }), {
    code: 'state-conflict',
  })
})

t.test('a worker that fails is tried again; one that is cancelled hears it', async (t) => {
  let tries = 0
  let heard: unknown
  const verify: JobWorker = {
    run: async () => {
      tries += 1
      if (tries === 1) throw new NbError('media-read-failed', 'a bad spot')
      return { status: 0 }
    },
  }
  const erase: JobWorker = {
    run: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          heard = signal.reason
          reject(signal.reason as Error)
        })
      }),
  }
  const site = await openSite({ workers: { verify, erase } })
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(work({ retry: { tries: 2, delayMs: 60_000 } }))
  await untilState(site, jobId, 'waiting-for-retry')
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0, attempt: 2 })
  t.match(await collect(site.manager.attempts({ jobId })), [
    { status: 85, statusText: 'a bad spot' },
    { status: 0 },
  ])
  const erasing = await site.manager.submit(work({ type: 'erase', retry: { tries: 2, delayMs: 60_000 } }))
  await untilState(site, erasing.jobId, 'active')
  await t.rejects(site.manager.suspend(erasing), {
    code: 'state-conflict',
    message: /is an active erase job, which can't be suspended/,
  })
  await site.manager.cancel({ ...erasing, reason: 'the wrong tape' })
  t.match(await driven(site.clock, site.manager.wait(erasing)), { status: 150, statusText: 'the wrong tape' })
  t.match(heard, { code: 'job-cancelled' })
})

t.test('a restart of the server ends the try of a worker with 63, and tries again', async (t) => {
  const verify: JobWorker = { run: () => new Promise(() => undefined) }
  let site = await openSite({ workers: { verify } })
  const { jobId } = await site.manager.submit(work({ retry: { tries: 2, delayMs: 60_000 } }))
  await untilState(site, jobId, 'active')
  site = await restartSite(site)
  t.teardown(() => site.stop())
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 803 }, 'a stop ends it with 803')
})

t.test('a clean-up of images is a job of its own', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.submit(work({ type: 'image-cleanup' }))
  t.match(await driven(site.clock, site.manager.wait({ jobId })), { status: 0, type: 'image-cleanup' })
  t.match(await textsOf(site, jobId), /expired 0, still needed 0/)
})

t.test('a wrong request is refused, naming the field', async (t) => {
  const site = await openSite()
  t.teardown(() => site.stop())
  await t.rejects(site.manager.submit(work({ priority: 100_000 })), {
    code: 'argument-invalid',
    details: { field: 'priority' },
  })
  await t.rejects(site.manager.submit(work({ retry: { tries: 0, delayMs: 0 } })), {
    code: 'argument-invalid',
    details: { field: 'retry.tries' },
  })
})
