/**
 * A queue of resource requests: limits, fair order, leases, and why a job waits.
 *
 * ```ts
 * import { systemClock } from '@nb/contracts'
 * import { createMediaManager } from '@nb/emm'
 * import { createResourceBroker } from '@nb/resource-broker'
 * import { MemoryLevel } from 'memory-level'
 *
 * const clock = systemClock()
 * const media = createMediaManager({ store: new MemoryLevel(), clock })
 * const broker = createResourceBroker({ media, store: new MemoryLevel(), clock })
 * await media.start()
 * await broker.start()
 * await media.putStorageUnit({
 *   name: 'disk1',
 *   type: 'disk',
 *   mediaServer: 'media1',
 *   state: 'up',
 *   maxFragmentBytes: 512 * 1024 ** 3,
 *   onDemandOnly: false,
 *   maxConcurrentJobs: 1,
 * })
 *
 * const request = (jobId: string) =>
 *   broker.acquire({
 *     requestId: `job-${jobId}`,
 *     jobId,
 *     jobType: 'backup',
 *     priority: 0,
 *     policy: 'nightly',
 *     client: `web${jobId}`,
 *     limits: { maxJobsPerPolicy: 4 },
 *     need: {
 *       kind: 'write',
 *       storage: { kind: 'unit', name: 'disk1' },
 *       volumePool: 'NetBackup',
 *       retentionLevel: 1,
 *     },
 *   })
 * const first = await request('17')
 * const second = request('18') // waits
 * console.log((await broker.explain({ jobId: '18' })).sentence)
 * // job 18 waits since … for storage unit disk1: 1 of 1 jobs run there (job 17 since …); job 18 goes on when job 17 ends
 * await broker.release({ leaseId: first.leaseId })
 * console.log((await second).allocation.storageUnit) // disk1
 *
 * await broker.stop()
 * await media.stop()
 * ```
 *
 * The broker applies limits of policies and clients, serves higher priority first and then age, and asks the media
 * manager for real resources. Waiting requests are kept by what they wait for, so that a release looks at those it can
 * help and at nobody else. A grant is a lease: whoever holds it renews it, or it is taken back.
 *
 * @packageDocumentation
 */
export {
  createResourceBroker,
  type ResourceBrokerComponents,
  type ResourceBrokerOptions,
} from './resource-broker.ts'
export {
  limitBlockers,
  limitsOf,
  type Holder,
  type Limit,
  type LimitUsage,
  type RequestLimits,
} from './limits.ts'
export { compareRank, type Ranked } from './order.ts'
export { WakeIndex } from './wake-index.ts'
export type { Waiting } from './wake-nodes.ts'
export { IndexedHeap, type HeapItem } from './indexed-heap.ts'
export { notWaitingSentence, waitingSentence } from './sentence.ts'
