/**
 * The command `nb`: jobs, backups, restores and the catalog of a running server, for people and scripts. It is a thin
 * user of the ports, and each of its commands is a function that a program can call on any ports:
 *
 * ```ts
 * import { createOutput, jobsCommand } from '@nb/cli'
 * import { connect } from '@nb/remote'
 *
 * const connection = await connect({ socketPath: 'var/nb/nb.sock' })
 * const output = createOutput(
 *   { stdout: process.stdout, stderr: process.stderr, now: () => Date.now() },
 *   { json: false },
 * )
 * process.exitCode = await jobsCommand(connection, { state: 'active' }, output)
 * connection.close()
 * ```
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
