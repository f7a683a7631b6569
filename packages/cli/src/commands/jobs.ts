import type { CallOptions, Job, JobFilter } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import { type JobRow, treeOf } from '../job-tree.ts'
import type { Output } from '../output.ts'
import { unlessPolicy } from '../unless-there.ts'
import { printable, type Column } from '../table.ts'
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatDuration,
  formatTime,
  formatTimeOfDay,
} from '../units.ts'

/** Options of `nb jobs`. */
export interface JobsOptions extends Omit<JobFilter, 'jobId'>, CallOptions {
  /** The newest so many; 0 is all. @default 50 */
  readonly limit?: number
  /** Go on with every change. @default false */
  readonly follow?: boolean
}

/**
 * `nb jobs`: the job list, newest first, the parts of a job below it; with `follow` every change of them until the signal
 * aborts.
 */
export async function jobsCommand(
  { jobs, scheduler }: Pick<Ports, 'jobs' | 'scheduler'>,
  { follow = false, limit = 50, signal, ...conditions }: JobsOptions,
  output: Output,
): Promise<ExitCode> {
  const call = signal === undefined ? {} : { signal }
  if (follow) return followAll({ jobs }, conditions, call, output)
  const filter: JobFilter = { ...conditions, ...(limit === 0 ? {} : { limit }) }
  const found: Job[] = []
  for await (const job of jobs.list(filter, call)) found.push(job)
  if (output.json) for (const job of found) await output.value(job)
  else if (found.length === 0)
    output.note(`no jobs${await unlessPolicy({ scheduler }, conditions.policy, call)}`)
  else await output.table(treeOf(found), columns(found, output.now()))
  return 0
}

async function followAll(
  { jobs }: Pick<Ports, 'jobs'>,
  filter: JobFilter,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  try {
    for await (const event of jobs.watch(filter, call)) {
      if (event.kind !== 'job') continue
      await (output.json ? output.value(event.job) : output.line(changeLine(event.job, output.now())))
    }
  } catch (error) {
    if (call.signal?.aborted !== true) throw error
  }
  return 0
}

/** The columns of a list; those that say nothing for any of its jobs are left out. */
function columns(found: readonly Job[], now: number): Column<JobRow>[] {
  const where = (says: (job: Job) => boolean, column: Column<JobRow>): Column<JobRow>[] =>
    found.some(says) ? [column] : []
  return [
    { title: 'ID', value: ({ job }) => job.id, align: 'right' },
    { title: 'TYPE', value: ({ job, branch }) => branch + job.type },
    { title: 'STATE', value: ({ job }) => job.state },
    { title: 'STATUS', value: ({ job }) => job.status, align: 'right' },
    { title: 'POLICY', value: ({ job }) => job.policy, shrinks: true },
    { title: 'SCHEDULE', spare: 2, value: ({ job }) => job.schedule, shrinks: true },
    { title: 'CLIENT', value: ({ job }) => job.client, shrinks: true },
    ...where((job) => job.stream !== undefined, {
      title: 'STREAM',
      value: ({ job }) => job.stream,
      shrinks: true,
    }),
    ...where((job) => job.attempt > 1, {
      title: 'ATTEMPT',
      value: ({ job }) => job.attempt,
      align: 'right',
    }),
    {
      title: 'FILES',
      spare: 1,
      value: ({ job }) => job.progress && formatCount(job.progress.files),
      align: 'right',
    },
    { title: 'SIZE', value: ({ job }) => job.progress && formatBytes(job.progress.bytes), align: 'right' },
    { title: 'SUBMITTED', spare: 3, value: ({ job }) => formatTime(job.submittedAt) },
    { title: 'ELAPSED', value: ({ job }) => elapsed(job, now), align: 'right' },
    ...where((job) => note(job) !== undefined, { title: 'NOTE', value: ({ job }) => note(job) }),
  ]
}

function elapsed(job: Job, now: number): string | undefined {
  return job.activeAt === undefined ? undefined : formatDuration((job.endedAt ?? now) - job.activeAt)
}

/** What a job that stands still waits for, or what is asked of one that runs. */
function note({
  state,
  cancelRequested,
  retryAt,
  incompleteUntil,
  checkpointAt,
  children,
}: Job): string | undefined {
  if (retryAt !== undefined) return `again at ${formatTimeOfDay(retryAt)}`
  if (incompleteUntil !== undefined) return `resumable until ${formatTimeOfDay(incompleteUntil)}`
  if (cancelRequested === true && state !== 'done') return 'cancel asked for'
  if (state === 'suspended' && checkpointAt !== undefined)
    return `checkpoint ${formatTimeOfDay(checkpointAt)}`
  return children === undefined ? undefined : `parent of ${formatCounted(children, 'job')}`
}

function changeLine(job: Job, now: number): string {
  const said = note(job)
  const parts = [
    formatTimeOfDay(now),
    `job ${job.id}`,
    `${job.type} of ${job.client}${job.stream === undefined ? '' : `, stream ${job.stream}`}`,
    job.operation === undefined || job.state !== 'active' ? job.state : `active, ${job.operation}`,
    job.attempt > 1 ? `attempt ${job.attempt}` : '',
    job.status === undefined ? '' : `status ${job.status}`,
    job.progress === undefined
      ? ''
      : `${formatCounted(job.progress.files, 'file')}, ${formatBytes(job.progress.bytes)}`,
    said ?? '',
  ]
  return printable(parts.filter((part) => part !== '').join('  '))
}
