import { type JobLog, NbError } from '@nb/contracts'
import { createWireTwin, type Ports, type WireTwin } from '@nb/remote'
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

type Served = Pick<Ports, 'jobs' | 'jobRegistry' | 'jobSessions' | 'jobLog'>
type Reach = (served: Served) => Promise<WireTwin<Served>>

const direct: Reach = async (ports) => ({ ports, close: async () => {} })

/** A job manager within reach, over a pretended world that survives its restarts. */
async function open(reach: Reach, script: (jobId: string) => SessionScript) {
  const clock: VirtualClock = createVirtualClock()
  const database = new MemoryLevel()
  let jobStore!: JobStore
  const log: JobLog = { append: (input) => jobStore.append(input) }
  const units = [{ name: 'disk1', mediaServer: 'media1', slots: 2 }]
  const world: FakeWorld = createFakeWorld({ clock, log, units, script })
  const begin = async () => {
    jobStore = createJobStore({ store: database, clock })
    const manager = createJobManager({ ...world, jobStore, clock })
    const { ports, close } = await reach({
      ...{ jobs: manager, jobRegistry: manager, jobSessions: manager, jobLog: jobStore },
    })
    world.connect(ports.jobSessions)
    await driven(clock, manager.start())
    const stop = async (): Promise<void> => {
      await driven(clock, manager.stop())
      await close()
      world.connect(undefined)
      await jobStore.stop()
    }
    const { jobs, jobRegistry: registry, jobSessions: sessions, jobLog } = ports
    return { jobs, registry, sessions, log: jobLog, stop }
  }
  let life = await begin()
  const restart = async () => {
    await life.stop()
    return (life = await begin())
  }
  return { ...life, world, clock, restart, end: () => life.stop() }
}

for (const [name, reach] of [
  ['in process', direct],
  ['over a wire', createWireTwin],
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
