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
export { createOutput, type Output, type OutputComponents, type OutputStream } from './output.ts'
export { type Column, formatTable } from './table.ts'
export { formatBytes, formatCount, formatDuration, formatTime } from './units.ts'
export { parsePath } from './path-argument.ts'
export { parseTime } from './time-argument.ts'
export { progressLine } from './progress-bar.ts'
export { followJob, type FollowOptions, tellEnd } from './follow-job.ts'
export { tellFailure } from './failure.ts'
export { jobsCommand, type JobsOptions } from './commands/jobs.ts'
export { jobCommand, type JobOptions } from './commands/job.ts'
export { cancelCommand, type CancelOptions } from './commands/cancel.ts'
export { backupCommand, type BackupOptions } from './commands/backup.ts'
export { restoreCommand, type RestoreOptions } from './commands/restore.ts'
export { listCommand, type ListOptions } from './commands/list.ts'
export { imagesCommand, type ImagesOptions } from './commands/images.ts'
export { policiesCommand } from './commands/policies.ts'
export { whyCommand, type WhyOptions } from './commands/why.ts'
