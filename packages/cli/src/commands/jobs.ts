import type { CallOptions, Job, JobFilter, JobState } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
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
export interface JobsOptions extends CallOptions {
  readonly state?: JobState
  readonly policy?: string
  readonly client?: string
  /** The newest so many; 0 is all. @default 50 */
  readonly limit?: number
  /** Go on with every change. @default false */
  readonly follow?: boolean
}

/** `nb jobs`: the job list, newest first; with `follow` every change of them until the signal aborts. */
export async function jobsCommand(
  { jobs }: Pick<Ports, 'jobs'>,
  options: JobsOptions,
  output: Output,
): Promise<ExitCode> {
  const { follow = false, limit = 50, signal } = options
  const call = signal === undefined ? {} : { signal }
  const filter: JobFilter = {
    ...(options.state === undefined ? {} : { states: [options.state] }),
    ...(options.policy === undefined ? {} : { policy: options.policy }),
    ...(options.client === undefined ? {} : { client: options.client }),
    ...(limit === 0 || follow ? {} : { limit }),
  }
  if (follow) return followAll({ jobs }, filter, call, output)
  const rows: Job[] = []
  for await (const job of jobs.list(filter, call)) rows.push(job)
  if (rows.length === 0 && !output.json) output.note('no jobs')
  else await output.table(rows, columns(output.now()))
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

function columns(now: number): Column<Job>[] {
  return [
    { title: 'ID', value: (job) => job.id, align: 'right' },
    { title: 'TYPE', value: (job) => job.type },
    { title: 'STATE', value: (job) => job.state },
    { title: 'STATUS', value: (job) => job.status, align: 'right' },
    { title: 'POLICY', value: (job) => job.policy, shrinks: true },
    { title: 'SCHEDULE', value: (job) => job.schedule, shrinks: true },
    { title: 'CLIENT', value: (job) => job.client, shrinks: true },
    { title: 'FILES', value: (job) => job.progress && formatCount(job.progress.files), align: 'right' },
    { title: 'SIZE', value: (job) => job.progress && formatBytes(job.progress.bytes), align: 'right' },
    { title: 'SUBMITTED', value: (job) => formatTime(job.submittedAt) },
    { title: 'ELAPSED', value: (job) => elapsed(job, now), align: 'right' },
  ]
}

function elapsed(job: Job, now: number): string | undefined {
  return job.activeAt === undefined ? undefined : formatDuration((job.endedAt ?? now) - job.activeAt)
}

function changeLine(job: Job, now: number): string {
  const parts = [
    formatTimeOfDay(now),
    `job ${job.id}`,
    `${job.type} of ${job.client}`,
    job.operation === undefined || job.state !== 'active' ? job.state : `active, ${job.operation}`,
    job.status === undefined ? '' : `status ${job.status}`,
    job.progress === undefined
      ? ''
      : `${formatCounted(job.progress.files, 'file')}, ${formatBytes(job.progress.bytes)}`,
  ]
  return printable(parts.filter((part) => part !== '').join('  '))
}
