/**
 * Simulated time: the real scheduler, job manager, resource broker and media manager on a virtual clock, with clients,
 * drives and media servers that take the time and the room that real ones would take. A month of a large site passes in
 * minutes, and the same seed gives the same month again, byte for byte.
 *
 * ```ts
 * import { toPath } from '@nb/contracts'
 * import { createSimulation } from '@nb/simulation'
 *
 * const nights = [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({ weekday, startSeconds: 20 * 3600, durationSeconds: 2 * 3600 }))
 * const simulation = createSimulation({
 *   clients: [1, 2, 3, 4].map((number) => ({
 *     name: `web${number}`, sizeBytes: 400e9, changePerDay: 0.03, readBytesPerSecond: 200e6,
 *   })),
 *   mediaServers: [{ name: 'media1', bytesPerSecond: 1e9 }],
 *   diskUnits: [{ name: 'disk1', mediaServer: 'media1', writeBytesPerSecond: 100e6, maxConcurrentJobs: 2 }],
 *   policies: [{
 *     name: 'web', active: true, clients: ['web1', 'web2', 'web3', 'web4'], selections: [toPath('/srv')],
 *     storage: { kind: 'any' },
 *     schedules: [{ name: 'daily', type: 'full', frequencyMs: 86_400_000, windows: nights, retentionLevel: 1 }],
 *   }],
 * })
 * await simulation.run(Date.UTC(2026, 0, 7, 12))
 * const { jobs, misses } = await simulation.results()
 * await simulation.stop()
 * console.log(jobs.length, 'jobs')
 * for (const { client, status, waitedFor } of misses) console.log(client, status, waitedFor?.kind) // 196 storage-unit-limit
 * ```
 *
 * `simulation.ports` are the components themselves: cancel a job, take a drive down, put another policy, and go on.
 *
 * @packageDocumentation
 */
export {
  createSimulation,
  type Simulation,
  type SimulatedPorts,
  type SimulationOptions,
} from './simulation.ts'
export type {
  PlannedFailure,
  RandomFailures,
  SimulatedClient,
  SimulatedDiskUnit,
  SimulatedDrive,
  SimulatedFailures,
  SimulatedMediaServer,
  SimulatedSite,
  SimulatedTapeUnit,
  SimulatedVolume,
} from './site.ts'
export type {
  DriveHours,
  MissKind,
  QueueLength,
  SimulatedJob,
  SimulationResults,
  Throughput,
  VolumeCounts,
  WaitedFor,
  WaitingTime,
  WindowMiss,
} from './results.ts'
export { fairRates, type SharedLink, type SharingFlow } from './fair-rates.ts'
export { FlowNetwork, type NetworkLink, type StartedFlow } from './flow-network.ts'
export type { Link } from './flow-table.ts'
export { backupBytes, type BackupSizeFacts } from './backup-size.ts'
export { createSimulatedCatalog } from './catalog.ts'
export { createSimulatedMediaServer } from './media-server.ts'
export type { MediaServerParts } from './session-work.ts'
export { SimulatedClients, type BackupPlan } from './clients.ts'
export { createDiskRoom, type DiskRoom } from './disk-room.ts'
export { Hardware, type DriveUse, type DriveUser, type HardwareParts } from './hardware.ts'
export { Shelf, type StoredPart } from './shelf.ts'
export { createMemoryStore, type MemoryStoreOptions } from './memory-store.ts'
export { TimeSeries, seriesStepMs } from './time-series.ts'
