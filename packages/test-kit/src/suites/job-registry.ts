import assert from 'node:assert/strict'
import type { JobManager, JobRegistry, RegisteredJobRequest, RestoreSessionSpec } from '@nb/contracts'
import { statusCodes, toPath } from '@nb/contracts'
import { collect } from '../collect.ts'
import { driven } from '../driven.ts'
import type { FakeWorld } from '../fakes/fake-world.ts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import type { VirtualClock } from '../virtual-clock.ts'
import { sampleLine } from './sample-jobs.ts'

/** What the job registry suite works with: a job manager over a pretended world with unit `disk1` on `media1`. */
export interface JobRegistryFixture {
  readonly registry: JobRegistry
  readonly jobs: JobManager
  readonly world: FakeWorld
  readonly clock: VirtualClock
  /** Ends the implementation and starts it anew over the same database, without the owners of its jobs. */
  restart(): Promise<Pick<JobRegistryFixture, 'registry' | 'jobs'>>
}

function restore(requestId: string, changes: Partial<RegisteredJobRequest> = {}): RegisteredJobRequest {
  return {
    requestId,
    type: 'restore',
    origin: 'user',
    client: 'web1',
    lines: [sampleLine('asked')],
    ...changes,
  }
}

/** A restore session that reads `disk1`. */
export function sampleRestoreSession(jobId: string): RestoreSessionSpec {
  const ticket = { address: 'local:', token: 'none' }
  return {
    jobId,
    restoreId: `restore-${jobId}`,
    client: 'web1',
    need: { kind: 'read', storageUnit: 'disk1' },
    images: [],
    last: true,
    mediaPlan: ticket,
    clientPlan: ticket,
    target: { root: toPath('/tmp/restored'), ifExists: 'fail' },
  }
}

/** The obligations of {@link JobRegistry}, and of the job manager towards the sessions of registered jobs. */
export function jobRegistrySuite<Fixture extends JobRegistryFixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
): void {
  const test = (name: string, body: (fixture: Fixture) => Promise<void>): unknown =>
    withFixture(context, setup, name, body)

  test('a registered job is active at once; the same request id is the same job', async ({
    registry,
    jobs,
  }) => {
    const { jobId } = await registry.register(restore('r1', { backupId: 'web1_1', policy: 'daily' }))
    assert.deepEqual(await registry.register(restore('r1')), { jobId })
    const job = await jobs.get({ jobId })
    assert.equal(job?.state, 'active')
    assert.equal(job?.type, 'restore')
    assert.equal(job?.priority, 90_000)
    assert.equal(job?.backupId, 'web1_1')
    assert.equal(job?.status, undefined)
    const lines = await collect(jobs.log({ jobId }))
    assert.deepEqual(
      lines.map(({ component, step }) => [component, step?.number]),
      [
        ['scheduler', undefined],
        ['job-store', 3],
      ],
    )
    await registry.finish({ jobId, status: 0 })
  })

  test('facts are shown; estimates stay when later progress has none', async ({ registry, jobs }) => {
    const { jobId } = await registry.register(restore('r1'))
    await registry.update({ jobId, progress: { files: 0, bytes: 0, estimatedFiles: 9, estimatedBytes: 900 } })
    await registry.update({ jobId, storageUnit: 'disk1', mediaServer: 'media1', operation: 'reading' })
    await registry.update({ jobId, progress: { files: 2, bytes: 200 } })
    const job = await jobs.get({ jobId })
    assert.deepEqual(job?.progress, { files: 2, bytes: 200, estimatedFiles: 9, estimatedBytes: 900 })
    assert.equal(job?.storageUnit, 'disk1')
    assert.equal(job?.operation, 'reading')
    await registry.finish({ jobId, status: 0 })
  })

  test('finish ends it for good; the first status stays', async ({ registry, jobs, clock }) => {
    const { jobId } = await registry.register(restore('r1'))
    await driven(clock, registry.finish({ jobId, status: 5, statusText: 'nothing came back' }))
    await driven(clock, registry.finish({ jobId, status: 0 }))
    await registry.update({ jobId, storageUnit: 'late' })
    const job = await driven(clock, jobs.wait({ jobId }))
    assert.equal(job.status, 5)
    assert.equal(job.statusText, 'nothing came back')
    assert.equal(job.storageUnit, undefined)
    assert.equal(job.state, 'done')
  })

  test('finish without words tells what the status means', async ({ registry, jobs, clock }) => {
    const { jobId } = await registry.register(restore('r1'))
    await driven(clock, registry.finish({ jobId, status: 0 }))
    assert.equal((await driven(clock, jobs.wait({ jobId }))).statusText, statusCodes[0]?.meaning)
  })

  test('unknown jobs are answered with job-unknown', async ({ registry }) => {
    await assert.rejects(registry.update({ jobId: '77' }), { code: 'job-unknown', status: 805 })
    await assert.rejects(registry.finish({ jobId: '77', status: 0 }), { code: 'job-unknown' })
  })

  test('a session of it gets the very medium it asks for, and gives it back when it has ended', async ({
    registry,
    jobs,
    world,
    clock,
  }) => {
    const { jobId } = await registry.register(restore('r1'))
    const server = world.mediaServers.get('media1')
    assert.ok(server)
    const { sessionId } = await server.startRestore(sampleRestoreSession(jobId))
    await clock.advanceUntil(() => world.broker.inForce.length === 1, 3_600_000)
    assert.equal(world.broker.inForce[0]?.allocation.purpose, 'read')
    const report = await driven(clock, server.waitSession({ sessionId }))
    assert.equal(report.status, 0)
    await clock.advanceUntil(() => world.broker.inForce.length === 0, 3_600_000)
    assert.equal((await jobs.get({ jobId }))?.state, 'active', 'its end is its owner’s')
    await driven(clock, registry.finish({ jobId, status: 0 }))
    const steps = (await collect(jobs.log({ jobId }))).flatMap(({ step }) => (step ? [step.number] : []))
    for (const number of [3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]) {
      assert.ok(steps.includes(number), `step ${number} left its line`)
    }
    const ordered = [3, 7, 9, 11, 12, 13, 14, 15, 16].map((number) => steps.lastIndexOf(number))
    assert.deepEqual(
      ordered,
      [...ordered].sort((a, b) => a - b),
    )
  })

  test('finish gives back what its sessions still hold', async ({ registry, jobs, world, clock }) => {
    const { jobId } = await registry.register(restore('r1'))
    await world.mediaServers.get('media1')?.startRestore(sampleRestoreSession(jobId))
    await clock.advanceUntil(() => world.broker.inForce.length === 1, 3_600_000)
    world.mediaServers.get('media1')?.crash()
    await driven(clock, registry.finish({ jobId, status: 63 }))
    assert.deepEqual(world.broker.inForce, [])
    assert.equal((await jobs.get({ jobId }))?.status, 63)
  })

  test('a cancel is told to the owner and ends the sessions with 150', async ({
    registry,
    jobs,
    world,
    clock,
  }) => {
    const { jobId } = await registry.register(restore('r1'))
    const server = world.mediaServers.get('media1')
    assert.ok(server)
    const { sessionId } = await server.startRestore(sampleRestoreSession(jobId))
    await clock.advanceUntil(() => world.broker.inForce.length === 1, 3_600_000)
    await jobs.cancel({ jobId, reason: 'wrong files' })
    assert.equal((await jobs.get({ jobId }))?.cancelRequested, true)
    assert.equal((await driven(clock, server.waitSession({ sessionId }))).status, 150)
    await driven(clock, registry.finish({ jobId, status: 150 }))
    const job = await jobs.get({ jobId })
    assert.equal(job?.status, 150)
    assert.equal(job?.cancelRequested, undefined)
    assert.deepEqual(world.broker.inForce, [])
  })

  test('a job whose owner is gone after a restart ends with 63, its session and leases with it', async (fixture) => {
    const { registry, world, clock } = fixture
    const { jobId } = await registry.register(restore('r1'))
    await world.mediaServers.get('media1')?.startRestore(sampleRestoreSession(jobId))
    await clock.advanceUntil(() => world.broker.inForce.length === 1, 3_600_000)
    const { jobs } = await fixture.restart()
    const job = await driven(clock, jobs.wait({ jobId }))
    assert.equal(job.status, 63)
    assert.deepEqual(world.broker.inForce, [])
    assert.deepEqual(world.mediaServers.get('media1')?.live, [])
  })
}
