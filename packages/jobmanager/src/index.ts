/**
 * The life of jobs: the jobs database behind the job list, and the job manager that owns every job from its
 * submission to its end and runs the backup flow.
 *
 * ```ts
 * import { systemClock, toPath } from '@nb/contracts'
 * import { createJobManager, createJobStore } from '@nb/jobmanager'
 * import { createFakeWorld } from '@nb/test-kit'
 * import { MemoryLevel } from 'memory-level'
 *
 * // A broker, a catalog and a media server; here pretended ones, in a server your own or those of nb.
 * const clock = systemClock()
 * const jobStore = createJobStore({ store: new MemoryLevel(), clock })
 * const world = createFakeWorld({ clock, log: jobStore })
 * const jobs = createJobManager({ ...world, jobStore, clock })
 * world.connect(jobs)
 * await jobStore.start()
 * await jobs.start()
 *
 * const { jobId } = await jobs.submit({
 *   requestId: 'example-1',
 *   type: 'backup',
 *   origin: 'immediate',
 *   client: 'web1',
 *   policy: { name: 'daily', active: true, clients: ['web1'], selections: [toPath('/srv')], storage: { kind: 'any' }, schedules: [] },
 *   schedule: { name: 'full', type: 'full', frequencyMs: 86_400_000, windows: [], retentionLevel: 1 },
 *   limits: {},
 *   lines: [],
 * })
 * const job = await jobs.wait({ jobId })
 * console.log(`job ${job.id} ended with ${job.status}`) // job 1 ended with 0
 * for await (const line of jobs.log({ jobId })) console.log(line.step?.number ?? '', line.component, line.text)
 * await jobs.stop()
 * await jobStore.stop()
 * ```
 *
 * The store comes first in a composition: every other component gets it as its `JobLog` and leaves its own lines.
 * `backup-flow.ts` reads from top to bottom like the published flow; `transitions.ts` and `recovery-plan.ts` are the
 * decisions behind it.
 *
 * @packageDocumentation
 */
export { createJobStore } from './level-job-store.ts'
export type {
  Created,
  JobStore,
  JobStoreComponents,
  JobStoreEvents,
  JobStoreOptions,
  KeptJob,
  NewJob,
} from './job-store.ts'
export { createJobManager } from './job-manager.ts'
export type { ImageCleanup, JobManagerService } from './job-manager.ts'
export type { JobManagerComponents, JobManagerOptions, MediaServers, VolumeRecords } from './components.ts'
export type { CleanupReport, RoomMade } from './housekeeping.ts'
export { giveUpStorageUnit, type LostStorageUnit } from './lost-storage-unit.ts'
export { createRoomMaker, type RoomMakerComponents, type RoomMakerOptions } from './room-maker.ts'
export type { JobWorker, JobWorkers, WorkContext, WorkResult } from './workers.ts'
export { createJobNotifier } from './notifier.ts'
export type { JobNotifier, JobNotifierComponents, JobNotifierOptions } from './notifier.ts'
export type { HookCall, HookEnd, HookRunner } from './run-hook.ts'
export type { StoragePlace } from './give-back.ts'
export type { NumberedLine } from './job-lines.ts'
export type { ChildEnd, ChildJob, Ending, Holding, JobPhase, JobRecord, JobSpec, Rest } from './job-record.ts'
export type { LiveFacts, ToldFacts } from './job-view.ts'
export type { ToldChange } from './told-change.ts'
export type { Row, Rows } from './rows.ts'
export type { JobChange, JobFacts } from './transitions.ts'
