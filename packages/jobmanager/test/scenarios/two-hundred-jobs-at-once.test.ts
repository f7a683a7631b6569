import assert from 'node:assert/strict'
import type { MediaServer } from '@nb/contracts'
import { aroundCalls, collect, createFakeWorld, createVirtualClock, driven, seededRandom } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { createJobManager, createJobStore } from '../../src/index.ts'
import { daily, documentedSteps, request } from '../fixture.ts'

const jobCount = 200

for (const seed of [20260801]) {
  t.test(`two hundred jobs at once, every call delayed by chance (seed ${seed})`, async (t) => {
    const random = seededRandom(seed)
    const clock = createVirtualClock()
    const jobStore = createJobStore({ store: new MemoryLevel(), clock })
    const failing = new Set<string>()
    const script = (jobId: string): { status: number; durationMs: number } => {
      const status = random() < 0.1 ? 84 : random() < 0.1 ? 1 : 0
      if (status > 1) failing.add(jobId)
      return { status, durationMs: 10_000 * (1 + Math.floor(random() * 3)) }
    }
    const units = [
      { name: 'disk1', mediaServer: 'media1', slots: 17 },
      { name: 'disk2', mediaServer: 'media2', slots: 8 },
    ]
    const world = createFakeWorld({ clock, log: jobStore, units, script })
    // Whole seconds, so that many calls end in the same moment and their order is by chance.
    const delay = async (): Promise<void> => {
      if (random() < 0.5) await clock.sleep(1000 * Math.floor(random() * 5))
    }
    const slow = <Port extends object>(port: Port): Port => aroundCalls(port, { before: delay, after: delay })
    const manager = createJobManager({
      broker: slow(world.broker),
      catalog: slow(world.catalog),
      mediaServers: new Map<string, MediaServer>(
        [...world.mediaServers].map(([name, server]) => [name, slow(server)]),
      ),
      jobStore,
      clock,
    })
    world.connect(slow({ ...bound(manager) }))
    await driven(clock, manager.start())
    let most = 0
    manager.on('job:step', () => (most = Math.max(most, world.broker.inForce.length)))
    const ids = await Promise.all(
      Array.from({ length: jobCount }, async (_, index) => {
        const client = `client${index % 7}`
        const { jobId } = await manager.submit(request({ client, limits: { maxJobsPerClient: 5 } }))
        return jobId
      }),
    )
    assert.deepEqual(
      [...ids].sort((a, b) => Number(a) - Number(b)),
      Array.from({ length: jobCount }, (_, index) => String(index + 1)),
    )
    const jobs = await driven(clock, Promise.all(ids.map((jobId) => manager.wait({ jobId }))), 86_400_000)
    for (const job of jobs) {
      assert.equal(job.status === 84, failing.has(job.id), `job ${job.id}`)
      const lines = await collect(manager.log({ jobId: job.id }))
      const steps = lines.flatMap(({ step, component }) => (step ? [`${step.number} ${component}`] : []))
      const expected = documentedSteps.filter((step) => job.status !== 84 || !step.startsWith('15'))
      assert.deepEqual(
        steps.filter((step) => !step.startsWith('11')),
        expected.filter((step) => !step.startsWith('11')),
      )
    }
    await driven(clock, manager.cleanImages())
    assert.deepEqual(world.broker.inForce, [])
    assert.equal(world.catalog.images.length, jobCount - failing.size)
    t.ok(most > 20, `${most} jobs were active at once`)
    t.ok(most <= 25, 'never more than there are slots')
    t.comment(`${failing.size} of ${jobCount} jobs failed, policy ${daily.name}`)
    await driven(clock, manager.stop())
  })
}

/** The manager's session port as an object of its own, for hooks around it. */
function bound(
  manager: ReturnType<typeof createJobManager>,
): Pick<ReturnType<typeof createJobManager>, 'requestMedia' | 'progress' | 'sessionEnded'> {
  return {
    requestMedia: (input) => manager.requestMedia(input),
    progress: (input) => manager.progress(input),
    sessionEnded: (input) => manager.sessionEnded(input),
  }
}
