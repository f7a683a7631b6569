/**
 * Storage units, groups, pools, volumes, drives and robots: what exists, in which state, allocated to whom.
 *
 * ```ts
 * import { systemClock } from '@nb/contracts'
 * import { createMediaManager } from '@nb/emm'
 * import { MemoryLevel } from 'memory-level'
 *
 * const media = createMediaManager({ store: new MemoryLevel(), clock: systemClock() })
 * await media.start()
 * await media.putStorageUnit({
 *   name: 'disk1',
 *   type: 'disk',
 *   mediaServer: 'media1',
 *   state: 'up',
 *   maxFragmentBytes: 512 * 1024 ** 3,
 *   onDemandOnly: false,
 *   maxConcurrentJobs: 1,
 * })
 * const need = {
 *   kind: 'write',
 *   storage: { kind: 'unit', name: 'disk1' },
 *   volumePool: 'NetBackup',
 *   retentionLevel: 1,
 * } as const
 * const first = await media.allocate({ allocationId: 'a1', jobId: '17', need })
 * const second = await media.allocate({ allocationId: 'a2', jobId: '18', need })
 * console.log(first.granted) // true
 * if (!second.granted) console.log(second.blockers[0]?.reason, second.blockers[0]?.goesOnWhen) // 2040 it ends
 * await media.stop()
 * ```
 *
 * The media manager is the one place that knows what there is and who holds it. It never waits: a request gets all
 * it asked for, durably, or every true reason why not. Waiting is the resource broker's part.
 *
 * @packageDocumentation
 */
export { createMediaManager, type MediaManagerComponents } from './media-manager.ts'
export {
  createDeviceDispatcher,
  type DeviceDispatcherComponents,
  type DevicesByServer,
} from './device-dispatcher.ts'
export type { ErrorPolicyOptions, MediaManagerOptions } from './options.ts'
export { judge, type ErrorPolicy, type Judgement, type Suspects } from './error-policy.ts'
export { driveControl } from './drive-control.ts'
export type { Held } from './held.ts'
export type { ImageOnVolume } from './image-table.ts'
export type { Rules } from './rules.ts'
export { decideAllocation, type Choice, type Decision } from './decide-allocation.ts'
export type { Denial } from './blockers.ts'
export { Inventory, type Change, type InventoryView, type SelectionKey, type Tables } from './inventory.ts'
