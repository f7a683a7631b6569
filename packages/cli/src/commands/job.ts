import { type CallOptions, describeStatus, displayPath, type Job, statusCodes } from '@nb/contracts'
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
  /** Go on with the log until the job has ended. @default false */
  readonly follow?: boolean
}

/** `nb job ID`: the job's fields, then its detail log with the steps of the flow. Rejects with `job-unknown`. */
export async function jobCommand(
  { jobs }: Pick<Ports, 'jobs'>,
  { jobId, follow = false, ...call }: JobOptions,
  output: Output,
): Promise<ExitCode> {
  const job = await jobs.get({ jobId }, call)
  if (job === undefined) throw jobUnknown(jobId)
  if (output.json) await output.value(job)
  else await tellFields(job, output)
  if (follow) return tellEnd(await followJob(jobs, jobId, output, { ...call, lines: true }), output)
  for await (const line of jobs.log({ jobId }, call))
    await (output.json ? output.value(line) : output.line(logLine(line)))
  if (!output.json && job.status !== undefined && job.status > 0)
    for (const line of statusLines(job.status)) output.note(line)
  return 0
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
    ['media server', job.mediaServer],
    ['storage unit', job.storageUnit],
    ['image', job.backupId],
    ['priority', String(job.priority)],
    ['submitted', formatTime(job.submittedAt)],
    ['active since', activeAt === undefined ? undefined : formatTime(activeAt)],
    ['ended', job.endedAt === undefined ? undefined : formatTime(job.endedAt)],
    ['elapsed', activeAt === undefined ? undefined : formatDuration((job.endedAt ?? now) - activeAt)],
    ['files', progress && formatCount(progress.files)],
    ['size', progress && formatBytes(progress.bytes)],
    ['at', progress?.currentPath && job.state === 'active' ? displayPath(progress.currentPath) : undefined],
    ['waited, full buffer', progress?.waitedForFullBuffer?.toString()],
    ['waited, empty buffer', progress?.waitedForEmptyBuffer?.toString()],
    ['warnings', job.warnings > 0 ? String(job.warnings) : undefined],
  ]
}
