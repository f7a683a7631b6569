/**
 * The vocabulary of `nb`: nouns, ports, events, errors and status codes. Every other package asks for the ports
 * of this one and for nothing else of ours, so any part can be replaced, embedded alone, or put on another host.
 *
 * ```ts
 * import { NbError, describeStatus, displayPath, pathFromBytes, statusCodes } from '@nb/contracts'
 *
 * const error = new NbError('source-missing', '/srv/data does not exist on client web1')
 * console.log(describeStatus(error.status)) // 71: none of the paths in the backup selections exist
 * console.log(statusCodes[error.status]?.remedy)
 *
 * // File names are bytes; a Path keeps every one of them and still is a string.
 * console.log(displayPath(pathFromBytes(Buffer.from([0x66, 0xff, 0x6f])))) // f\xffo
 * ```
 *
 * Ports are obligations: each method of a port takes one argument of plain data and {@link CallOptions}, and
 * answers with a promise or an async iterable, so that it survives a wire. Powers that can't (clock, files, the
 * media store) say that they are local.
 *
 * @packageDocumentation
 */
export { throwIfAborted, type CallOptions, type Json } from './call-options.ts'
export { counted, formatBytes } from './wording.ts'
export {
  durationForm,
  parseDuration,
  parseRetentionPeriod,
  printDuration,
  printRetentionPeriod,
  retentionPeriodForm,
} from './durations.ts'
export { displayPath, pathFromBytes, pathToBytes, toPath, type Path } from './path.ts'
export { describeStatus, statusCodes, type StatusCode } from './status-codes.ts'
export * from './errors.ts'
export { sleepOn, systemClock, type Clock } from './clock.ts'
export { lifecycle, type Lifecycle } from './lifecycle.ts'
export { SerialQueue } from './serial-queue.ts'
export { debugLogger, type Logger } from './logger.ts'
export { createEmitter, type Emitter, type EventMap, type Observable } from './events.ts'
export type { Store } from './store.ts'
export { checkStoreForm, enterStore, formWrite, readStoreForm } from './store-form.ts'
export { replaceFile, systemFiles, type Files, type FileStat, type OpenFile } from './files.ts'

export { defaultRetentionLevels, retentionPeriodMs } from './policy.ts'
export type {
  Compression,
  DayRule,
  DigestAlgorithm,
  Policy,
  RetentionLevel,
  RunCalendar,
  Schedule,
  ScheduleCopy,
  ScheduleType,
  Selection,
  StartWindow,
  StorageChoice,
  PolicyRemoval,
  StoredPolicy,
} from './policy.ts'
export type * from './roles.ts'
export type * from './enrolment.ts'
export * from './host-directory.ts'
export type * from './audit-log.ts'
export type * from './scheduler.ts'
export type * from './job.ts'
export type * from './job-limits.ts'
export type * from './job-manager.ts'
export { nameOfBlocker } from './blocker-name.ts'
export type * from './resources.ts'
export type * from './media-manager.ts'
export type * from './image.ts'
export type * from './catalog.ts'
export { readChannel } from './data-channel.ts'
export type {
  ChannelListener,
  ChannelTicket,
  DataChannel,
  DataChannels,
  ListenOptions,
} from './data-channel.ts'
export type * from './media-store.ts'
export type * from './scsi-transport.ts'
export type * from './tape-drive.ts'
export type * from './tape-encryption.ts'
export { isMissingVolume, type MountedVolume, type TapeMountRequest, type TapeMounts } from './tape-mounts.ts'
export type * from './device-operations.ts'
export { describePlace, type LibraryElement, type LibraryPlace, type TapeRobot } from './tape-robot.ts'
export type * from './media-server.ts'
export type * from './client-agent.ts'
export type * from './restore-service.ts'
export { backupSteps, restoreSteps, type ComponentName, type StepDescription } from './flow-steps.ts'
export * from './work-jobs.ts'
