/**
 * Policies and their schedules: what is due when, and the jobs that follow.
 *
 * The decisions are pure functions that serve alone, here a due-time calculator:
 *
 * ```ts
 * import { toPath, type Policy } from '@nb/contracts'
 * import { previewRuns } from '@nb/scheduler'
 *
 * const day = 86_400_000
 * const nights = [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({ weekday, startSeconds: 20 * 3600, durationSeconds: 8 * 3600 }))
 * const policy: Policy = {
 *   name: 'web', active: true, clients: ['web1'], selections: [toPath('/srv')], storage: { kind: 'any' },
 *   schedules: [
 *     { name: 'weekly', type: 'full', frequencyMs: 7 * day, windows: nights, retentionLevel: 3 },
 *     { name: 'daily', type: 'differential', frequencyMs: day, windows: nights, retentionLevel: 1 },
 *   ],
 * }
 * const from = Date.UTC(2026, 0, 1)
 * for (const run of previewRuns(policy, 'web1', new Map(), { from, to: from + 30 * day, timeZone: 'Europe/Vienna' })) {
 *   console.log(new Date(run.startsAt).toISOString(), run.schedule)
 * }
 * ```
 *
 * `createScheduler` keeps policies in a store, runs one task per policy and client, and asks for a job manager and a
 * catalog by their ports.
 *
 * @packageDocumentation
 */
export { createScheduler, type SchedulerComponents, type SchedulerOptions } from './scheduler.ts'
export { previewRuns, type PreviewOptions } from './preview.ts'
export { nextRun, type DueFacts, type LastBackups } from './due.ts'
export type { CalendarMidnight } from './calendar.ts'
export { isMeant, dayNumber, dateOf, type DayNumber } from './days.ts'
export { firstOpening, firstStart, openWindows, windowAt } from './windows.ts'
export type { Opening, OpenWindow, StartTimes, WindowOpening } from './windows.ts'
export { streamsOf, type ClientStream } from './streams.ts'
export type { ClientDirectory } from './discovery.ts'
export { checkPolicy } from './check-policy.ts'
export { unknownNames, type KnownNames } from './unknown-names.ts'
export { nextTryAt, type AttemptLimits } from './attempts.ts'

export {
  createPolicyDirectory,
  type PolicyDirectory,
  type PolicyDirectoryComponents,
  type PolicyDirectoryEvents,
  type PolicyDirectoryOptions,
  type PolicyDirectoryReport,
} from './policy-files/policy-directory.ts'
export { parsePolicy, readPolicy, type PolicyFileOptions } from './policy-files/read-policy.ts'
export { printPolicy, updatePolicyText, type PrintOptions } from './policy-files/print-policy.ts'
export { parseRetentionLevels, printRetentionLevels } from './policy-files/retention-file.ts'
export { describeProblem, describeProblems, type FileProblem } from './policy-files/file-problem.ts'
