/**
 * What it takes to prove an implementation of an `nb` port, ours or yours: one conformance suite per port, a
 * virtual clock, and faults that fail a test when they were planned and not met.
 *
 * ```ts
 * import { createVirtualClock } from '@nb/test-kit'
 *
 * const clock = createVirtualClock(Date.UTC(2026, 0, 1))
 * clock.setTimer(30 * 86_400_000, () => console.log('a month later:', new Date(clock.now()).toISOString()))
 * await clock.advance(31 * 86_400_000)
 * ```
 *
 * @packageDocumentation
 */
export { createVirtualClock, type VirtualClock, type VirtualClockOptions } from './virtual-clock.ts'
export { withFixture, type SuiteContext, type SuiteSetup } from './suite-context.ts'
export { dataChannelsSuite, type DataChannelsFixture } from './suites/data-channels.ts'
export { createFaultPlan, seededRandom, type FaultPlan, type PlannedFault } from './fault-plan.ts'
export { createPowerLossStorage, type PowerLossOptions, type PowerLossStorage } from './power-loss.ts'
export { mediaStoreSuite } from './suites/media-store.ts'
export type { MediaStoreFixture, MediaStoreLack } from './suites/media-store-fixture.ts'
export { createScriptedJobs, type ScriptedJobs } from './fakes/scripted-jobs.ts'
export { nightlyPolicy, schedulerSuite, type SchedulerFixture } from './suites/scheduler.ts'
export { collect } from './collect.ts'
export { numberSetting } from './number-setting.ts'
export { freePort } from './free-port.ts'
export { mediaManagerSuite, type MediaManagerFixture } from './suites/media-manager.ts'
export { catalogSuite } from './suites/catalog.ts'
export type { CatalogCheck, CatalogFixture } from './suites/catalog-fixture.ts'
export {
  backUp,
  newImage,
  recordsOf,
  type SampleBackup,
  type SampleBackupInput,
  type SampleEntry,
  type SampleList,
  sampleList,
  sendBytes,
  sendList,
  takeBytes,
} from './suites/catalog-images.ts'
export { aroundCalls, type CallHooks } from './fakes/around-calls.ts'
export {
  createFakeBroker,
  type FakeBroker,
  type FakeBrokerOptions,
  type FakeStorageUnit,
} from './fakes/fake-broker.ts'
export { createFakeCatalog, type FakeCatalog, type FakeCatalogOptions } from './fakes/fake-catalog.ts'
export {
  createFakeMediaServer,
  type FakeMediaServer,
  type FakeMediaServerOptions,
  type FakeSessionListener,
  type SessionFacts,
  type SessionScript,
} from './fakes/fake-media-server.ts'
export { createFakeWorld, type FakeWorld, type FakeWorldOptions } from './fakes/fake-world.ts'
export {
  placesOf,
  putChain,
  putStreams,
  restoreRequest,
  restoreServiceSuite,
  type RestoreServiceFixture,
  userRunRequest,
} from './suites/restore-service.ts'
export {
  createListedCatalog,
  type ListedCatalog,
  type ListedEntry,
  type ListedImage,
} from './fakes/listed-catalog.ts'
export {
  createVolumeStore,
  type StoredFragment,
  type VolumeStore,
  type VolumeStoreOptions,
} from './fakes/volume-store.ts'
export { createNotedJobs, type NotedJobs } from './fakes/noted-jobs.ts'
export { createNotedScheduler, type NotedScheduler } from './fakes/noted-scheduler.ts'
export {
  createScriptedMediaServer,
  type ReadPlan,
  type ScriptedMediaServer,
  type ScriptedSession,
} from './fakes/scripted-media-server.ts'
export { resourceBrokerSuite, type ResourceBrokerFixture } from './suites/resource-broker.ts'
export { driven } from './driven.ts'
export { sampleBackupRequest, sampleLine } from './suites/sample-jobs.ts'
export { jobLogSuite, type JobLogFixture } from './suites/job-log.ts'
export { jobManagerSuite, suiteScript, type JobManagerFixture } from './suites/job-manager.ts'
export { jobRegistrySuite, sampleRestoreSession, type JobRegistryFixture } from './suites/job-registry.ts'
export {
  mediaServerSuite,
  type ClientConduct,
  type MediaServerFixture,
  type MediaServerSupports,
} from './suites/media-server.ts'
export { mediaServerSpanningSuite } from './suites/media-server-spanning.ts'
export { clientAgentSuite, type ClientAgentFixture } from './suites/client-agent.ts'
export {
  tapeDriveSuite,
  type TapeDriveFixture,
  type TapeDriveLack,
  type TapeDriveSuiteOptions,
} from './suites/tape-drive.ts'
export { scsiTransportSuite } from './suites/scsi-transport.ts'
export type { ScsiTransportFixture, ScsiTransportQuirk } from './suites/scsi-transport-fixture.ts'
export { tapeMountsSuite, type TapeMountsFixture, type TapeMountsLack } from './suites/tape-mounts.ts'
export { tapeRobotSuite, type TapeRobotFixture, type TapeRobotLack } from './suites/tape-robot.ts'
export { deviceOperationsSuite, type DeviceOperationsFixture } from './suites/device-operations.ts'
export {
  enrolmentSuite,
  hostDirectorySuite,
  type IdentityFixture,
  type KeyToCertify,
} from './suites/enrolment.ts'
export { auditLogSuite, type AuditLogFixture } from './suites/audit-log.ts'
