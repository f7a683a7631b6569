import {
  type CallOptions,
  describeStatus,
  displayPath,
  type Job,
  type JobAttempt,
  NbError,
  statusCodes,
} from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import { jobUnknown, statusLines } from '../failure.ts'
import { followJob, logLine, tellEnd } from '../follow-job.ts'
import type { Output } from '../output.ts'
import { printable } from '../table.ts'
import { formatBytes, formatCount, formatDuration, formatTime } from '../units.ts'

/** Options of `nb job`. */
export interface JobOptions extends CallOptions {
  readonly jobId: string
  /** Only the tries. @default false */
  readonly attempts?: boolean
  /** Only this try's part of the log, from 1. @default all of it */
  readonly attempt?: number
  /** Go on with the log until the job has ended. @default false */
  readonly follow?: boolean
}

/**
 * `nb job ID`: the job's fields, its tries where there are several, then its detail log with the steps of the flow.
 * Rejects with `job-unknown`.
 */
export async function jobCommand(
  { jobs }: Pick<Ports, 'jobs'>,
  { jobId, attempts = false, attempt, follow = false, ...call }: JobOptions,
  output: Output,
): Promise<ExitCode> {
  const job = await jobs.get({ jobId }, call)
  if (job === undefined) throw jobUnknown(jobId)
  if (attempts) {
    await tellAttempts({ jobs }, jobId, call, output)
    return 0
  }
  if (attempt !== undefined) return oneAttempt({ jobs }, job, attempt, call, output)
  if (output.json) await output.value(job)
  else await tellFields(job, output)
  if (!output.json && (job.attempt > 1 || standsStill.has(job.state))) {
    await tellAttempts({ jobs }, jobId, call, output)
    await output.line('')
  }
  if (follow) return tellEnd(await followJob(jobs, jobId, output, { ...call, lines: true }), output)
  for await (const line of jobs.log({ jobId }, call))
    await (output.json ? output.value(line) : output.line(logLine(line)))
  if (!output.json && job.status !== undefined && job.status > 0)
    for (const line of statusLines(job.status)) output.note(line)
  return 0
}

/** States of a job that has tries behind it and may have some before it. */
const standsStill: ReadonlySet<Job['state']> = new Set(['waiting-for-retry', 'suspended', 'incomplete'])

async function triesOf(
  { jobs }: Pick<Ports, 'jobs'>,
  jobId: string,
  call: CallOptions,
): Promise<JobAttempt[]> {
  const tries: JobAttempt[] = []
  for await (const one of jobs.attempts({ jobId }, call)) tries.push(one)
  return tries
}

async function tellAttempts(
  { jobs }: Pick<Ports, 'jobs'>,
  jobId: string,
  call: CallOptions,
  output: Output,
): Promise<void> {
  await output.table(await triesOf({ jobs }, jobId, call), [
    { title: 'ATTEMPT', value: (one) => one.number, align: 'right' },
    { title: 'QUEUED', spare: 3, value: (one) => formatTime(one.startedAt) },
    { title: 'ACTIVE', spare: 1, value: (one) => optionalTime(one.activeAt) },
    { title: 'ENDED', value: (one) => optionalTime(one.endedAt) },
    { title: 'STATUS', value: (one) => one.status, align: 'right' },
    { title: 'FILES', spare: 2, value: (one) => formatCount(one.files), align: 'right' },
    { title: 'SIZE', value: (one) => formatBytes(one.bytes), align: 'right' },
    { title: 'STORAGE UNIT', spare: 4, value: (one) => one.storageUnit, shrinks: true },
    { title: 'TEXT', value: (one) => one.statusText, shrinks: true },
  ])
}

async function oneAttempt(
  { jobs }: Pick<Ports, 'jobs'>,
  { id: jobId }: Job,
  number: number,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const tries = await triesOf({ jobs }, jobId, call)
  const found = tries.find((one) => one.number === number)
  if (found === undefined)
    throw new NbError(
      'not-found',
      `job ${jobId} has no attempt ${number}; nb job ${jobId} --attempts lists them`,
      {
        details: { jobId, attempt: number },
      },
    )
  if (output.json) await output.value(found)
  else {
    const end =
      found.endedAt === undefined
        ? 'goes on'
        : `ended ${formatTime(found.endedAt)}${found.status === undefined ? '' : ` with ${describeStatus(found.status)}`}`
    await output.line(`attempt ${number} of job ${jobId}, queued ${formatTime(found.startedAt)}, ${end}`)
  }
  for await (const line of jobs.log({ jobId, attempt: number }, call))
    await (output.json ? output.value(line) : output.line(logLine(line)))
  return 0
}

function optionalTime(time: number | undefined): string | undefined {
  return time === undefined ? undefined : formatTime(time)
}

async function tellFields(job: Job, output: Output): Promise<void> {
  const fields = fieldsOf(job, output.now()).filter(([, value]) => value !== undefined)
  const width = Math.max(...fields.map(([name]) => name.length))
  for (const [name, value] of fields) await output.line(`${name.padEnd(width)}  ${printable(value ?? '')}`)
  await output.line('')
}

/** Whether its text is more than what the status means. */
function tellsMore({ status, statusText }: Job): boolean {
  return status === undefined || statusText !== statusCodes[status]?.meaning
}

function fieldsOf(job: Job, now: number): (readonly [string, string | undefined])[] {
  const { progress, activeAt } = job
  return [
    ['job', job.id],
    ['part of job', job.parentId],
    [
      'parts',
      job.children === undefined ? undefined : `${job.children}; nb jobs --parent ${job.id} lists them`,
    ],
    ['type', `${job.type} (${job.origin})`],
    [
      'state',
      job.cancelRequested === true && job.state !== 'done' ? `${job.state}, cancel asked for` : job.state,
    ],
    ['operation', job.state === 'active' ? job.operation : undefined],
    ['status', job.status === undefined ? undefined : describeStatus(job.status)],
    ['status text', tellsMore(job) ? job.statusText : undefined],
    ['policy', job.policy],
    [
      'schedule',
      job.schedule === undefined ? undefined : `${job.schedule} (${job.scheduleType ?? 'by hand'})`,
    ],
    ['client', job.client],
    ['stream', job.stream],
    ['media server', job.mediaServer],
    ['storage unit', job.storageUnit],
    ['image', job.backupId],
    ['priority', String(job.priority)],
    ['attempt', job.attempt > 1 ? String(job.attempt) : undefined],
    ['next attempt', optionalTime(job.retryAt)],
    ['resumable until', optionalTime(job.incompleteUntil)],
    ['checkpoint', optionalTime(job.checkpointAt)],
    ['submitted', formatTime(job.submittedAt)],
    ['active since', optionalTime(activeAt)],
    ['ended', optionalTime(job.endedAt)],
    ['elapsed', activeAt === undefined ? undefined : formatDuration((job.endedAt ?? now) - activeAt)],
    ['files', progress && formatCount(progress.files)],
    ['size', progress && formatBytes(progress.bytes)],
    ['at', progress?.currentPath && job.state === 'active' ? displayPath(progress.currentPath) : undefined],
    ['waited, full buffer', progress?.waitedForFullBuffer?.toString()],
    ['waited, empty buffer', progress?.waitedForEmptyBuffer?.toString()],
    ['warnings', job.warnings > 0 ? String(job.warnings) : undefined],
    ['can be done', job.actions.length === 0 ? undefined : job.actions.join(', ')],
  ]
}
