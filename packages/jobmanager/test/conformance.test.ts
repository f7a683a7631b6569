import { type JobLog, type JobManager, type JobRegistry, type JobSessions, NbError } from '@nb/contracts'
import { createWireTwin } from '@nb/remote'
import {
  type FakeWorld,
  type SessionScript,
  type VirtualClock,
  collect,
  createFakeWorld,
  createVirtualClock,
  driven,
  jobLogSuite,
  jobManagerSuite,
  jobRegistrySuite,
  sampleBackupRequest,
  suiteScript,
} from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { type JobStore, createJobManager, createJobStore } from '../src/index.ts'

interface Reach {
  readonly jobs: JobManager
  readonly registry: JobRegistry
  readonly sessions: JobSessions
  readonly log: JobLog
  close(): Promise<void>
}

type Parts = Omit<Reach, 'close'>

const direct = (parts: Parts): Reach => ({ ...parts, close: async () => {} })

const throughWires = (parts: Parts): Reach => {
  const twins = {
    jobs: createWireTwin('jobs', parts.jobs),
    registry: createWireTwin('jobRegistry', parts.registry),
    sessions: createWireTwin('jobSessions', parts.sessions),
    log: createWireTwin('jobLog', parts.log),
  }
  return {
    jobs: twins.jobs.port,
    registry: twins.registry.port,
    sessions: twins.sessions.port,
    log: twins.log.port,
    close: async () => void (await Promise.all(Object.values(twins).map((twin) => twin.close()))),
  }
}

/** A job manager within reach, over a pretended world that survives its restarts. */
async function open(reach: (parts: Parts) => Reach, script: (jobId: string) => SessionScript) {
  const clock: VirtualClock = createVirtualClock()
  const database = new MemoryLevel()
  let jobStore!: JobStore
  const log: JobLog = { append: (input) => jobStore.append(input) }
  const units = [{ name: 'disk1', mediaServer: 'media1', slots: 2 }]
  const world: FakeWorld = createFakeWorld({ clock, log, units, script })
  let life!: Reach & { stop(): Promise<void> }
  const begin = async () => {
    jobStore = createJobStore({ store: database, clock })
    const manager = createJobManager({ ...world, jobStore, clock })
    const reached = reach({ jobs: manager, registry: manager, sessions: manager, log: jobStore })
    world.connect(reached.sessions)
    await driven(clock, manager.start())
    const stop = async (): Promise<void> => {
      await driven(clock, manager.stop())
      await reached.close()
      world.connect(undefined)
      await jobStore.stop()
    }
    life = { ...reached, stop }
    return life
  }
  await begin()
  const restart = async () => {
    await life.stop()
    return begin()
  }
  return { ...life, world, clock, restart, end: () => life.stop() }
}

for (const [name, reach] of [
  ['in process', direct],
  ['over a wire', throughWires],
] as const) {
  t.test(name, async (t) => {
    const context = { test: (title: string, run: () => Promise<void>) => t.test(title, run) }
    const teardown = (fixture: { end(): Promise<void> }): Promise<void> => fixture.end()
    jobManagerSuite(context, { setup: () => open(reach, suiteScript), teardown })
    jobRegistrySuite(context, { setup: () => open(reach, () => ({ durationMs: 60_000 })), teardown })
    jobLogSuite(context, {
      setup: async () => {
        const site = await open(reach, () => ({ durationMs: Infinity }))
        let made = 0
        const newJob = async (): Promise<string> => {
          const { jobId } = await site.jobs.submit(sampleBackupRequest(`r${++made}`))
          const { live } = site.world.mediaServers.get('media1') ?? { live: [] }
          if (live.length > 2) throw new NbError('internal', 'more sessions than slots')
          await site.clock.advance(1000)
          return jobId
        }
        return { ...site, newJob, lines: (jobId: string) => collect(site.jobs.log({ jobId })) }
      },
      teardown,
    })
  })
}
