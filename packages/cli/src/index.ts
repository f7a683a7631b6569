/**
 * The command `nb`: jobs, backups, restores and the catalog of a running server, for people and scripts.
 *
 * ```sh
 * nb backup nightly --wait
 * nb list /home/ann --at 2026-03-01
 * nb restore /home/ann/thesis.txt --if-exists overwrite --wait
 * nb why 12
 * ```
 *
 * It is a thin user of the ports: each command is a function on the ports it needs, so that a program can use one on
 * whatever it has, here a port of its own:
 *
 * ```ts
 * import { createOutput, whyCommand } from '@nb/cli'
 *
 * const jobs = {
 *   explain: async ({ jobId }: { jobId: string }) => ({
 *     jobId, waiting: false, blockers: [], sentence: `job ${jobId} does not wait`,
 *   }),
 *   get: async () => undefined,
 * }
 * const { stdout, stderr } = process
 * const output = createOutput({ stdout, stderr, now: () => Date.now() }, { json: false })
 * process.exitCode = await whyCommand({ jobs }, { jobId: '12' }, output) // job 12 does not wait
 * ```
 *
 * With a server of this host the ports come from `connect` of `@nb/remote`.
 *
 * @packageDocumentation
 */
export { runNb, type NbComponents } from './run-nb.ts'
export { type ExitCode, UsageError } from './exit-code.ts'
export { outliveReaders } from './outlive-readers.ts'
export {
  createOutput,
  type Output,
  type OutputComponents,
  type OutputOptions,
  type OutputStream,
} from './output.ts'
export { type Column, formatTable } from './table.ts'
export { formatBytes, formatCount, formatDuration, formatTime } from './units.ts'
export { parsePath } from './path-argument.ts'
export { parseTime } from './time-argument.ts'
export { progressLine } from './progress-bar.ts'
export { followJob, type FollowOptions, tellEnd } from './follow-job.ts'
export { tellFailure } from './failure.ts'
export { formatPeriod, parsePeriod } from './period-argument.ts'
export { daysText, rhythmText, windowsText } from './schedule-text.ts'
export { type JobRow, treeOf } from './job-tree.ts'
export { jobsCommand, type JobsOptions } from './commands/jobs.ts'
export { jobCommand, type JobOptions } from './commands/job.ts'
export { cancelCommand, type CancelOptions } from './commands/cancel.ts'
export { suspendCommand, type SuspendOptions } from './commands/suspend.ts'
export { resumeCommand, type ResumeOptions } from './commands/resume.ts'
export { restartCommand, type RestartOptions } from './commands/restart.ts'
export { priorityCommand, type PriorityOptions } from './commands/priority.ts'
export { purgeCommand, type PurgeOptions } from './commands/purge.ts'
export { whyCommand, type WhyOptions } from './commands/why.ts'
export { requestsCommand, type PendingRequest } from './commands/requests.ts'
export { requestDenyCommand, type RequestDenyOptions } from './commands/request-deny.ts'
export { queueCommand, type QueueOptions } from './commands/queue.ts'
export { backupCommand, type BackupOptions } from './commands/backup.ts'
export { userBackupCommand, type UserBackupOptions } from './commands/user-backup.ts'
export { restoreCommand, type RestoreOptions } from './commands/restore.ts'
export { listCommand, type ListOptions } from './commands/list.ts'
export { findCommand, type FindOptions } from './commands/find.ts'
export { catalogCheckCommand, type CatalogCheckOptions } from './commands/catalog-check.ts'
export { imagesCommand, type ImagesOptions } from './commands/images.ts'
export { policiesCommand } from './commands/policies.ts'
export { policyShowCommand, type PolicyShowOptions } from './commands/policy-show.ts'
export { policyActivateCommand, type PolicyActivateOptions } from './commands/policy-activate.ts'
export { policyExportCommand, type PolicyExportOptions } from './commands/policy-export.ts'
export { policyImportCommand, type PolicyImportOptions } from './commands/policy-import.ts'
export type { PolicyFormat } from './policy-text.ts'
export { policyRemoveCommand, type PolicyRemoveOptions } from './commands/policy-remove.ts'
export { nextCommand, type NextOptions } from './commands/next.ts'
export { previewCommand, type PreviewOptions } from './commands/preview.ts'
export { retentionCommand, retentionSetCommand, type RetentionSetOptions } from './commands/retention.ts'
export { storageCommand } from './commands/storage.ts'
export { storageStateCommand, type UpOrDownOptions } from './commands/storage-state.ts'
export { storageSetCommand, type StorageSetOptions } from './commands/storage-set.ts'
export { groupSetCommand, type GroupSetOptions } from './commands/group-set.ts'
export { groupRemoveCommand, type GroupRemoveOptions } from './commands/group-remove.ts'
export { mediaServersCommand } from './commands/media-servers.ts'
export { mediaServerStateCommand } from './commands/media-server-state.ts'
export { mediaServerSetCommand, type MediaServerSetOptions } from './commands/media-server-set.ts'
export { robotsCommand } from './commands/robots.ts'
export { robotInventoryCommand, type RobotInventoryOptions } from './commands/robot-inventory.ts'
export { robotInjectCommand, type RobotInjectOptions } from './commands/robot-inject.ts'
export { robotStateCommand } from './commands/robot-state.ts'
export { poolsCommand } from './commands/pools.ts'
export { poolSetCommand, type PoolSetOptions } from './commands/pool-set.ts'
export { volumesCommand, type VolumesOptions } from './commands/volumes.ts'
export { volumeEjectCommand, type VolumeEjectOptions } from './commands/volume-eject.ts'
export { volumeLabelCommand, type VolumeLabelOptions } from './commands/volume-label.ts'
export { volumeImagesCommand, type VolumeImagesOptions } from './commands/volume-images.ts'
export { volumePoolCommand, type VolumePoolOptions } from './commands/volume-pool.ts'
export { volumeStateCommand, type VolumeStateOptions } from './commands/volume-state.ts'
export { drivesCommand } from './commands/drives.ts'
export { driveCleanedCommand, type DriveCleanedOptions } from './commands/drive-cleaned.ts'
export { driveStateCommand, type DriveStateOptions } from './commands/drive-state.ts'
export { errorsCommand, type ErrorsOptions } from './commands/errors.ts'
export { orphansCommand, type OrphansOptions } from './commands/orphans.ts'
export { statusCommand, type StatusOptions } from './commands/status.ts'
