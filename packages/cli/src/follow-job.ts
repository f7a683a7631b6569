import type { CallOptions, Job, JobLogLine, JobManager } from '@nb/contracts'
import type { ExitCode } from './exit-code.ts'
import { jobUnknown, statusLines } from './failure.ts'
import type { Output } from './output.ts'
import { progressLine } from './progress-bar.ts'
import { printable } from './table.ts'
import { formatTimeOfDay, withLocalTimes } from './units.ts'

/** What of a followed job is shown beside its progress. */
export interface FollowOptions extends CallOptions {
  /** Whether each line of its log is printed as it comes. @default false */
  readonly lines?: boolean
}

/** Shows a job until it has ended for good, and gives it. Rejects with `job-unknown`. */
export async function followJob(
  jobs: JobManager,
  jobId: string,
  output: Output,
  options: FollowOptions = {},
): Promise<Job> {
  // A watch of an unknown job would wait for ever.
  if ((await jobs.get({ jobId }, options)) === undefined) throw jobUnknown(jobId)
  for await (const event of jobs.watch({ jobId, lines: options.lines === true }, options)) {
    if (event.kind === 'line') {
      await (output.json ? output.value(event.line) : output.line(logLine(event.line)))
      continue
    }
    output.draw(progressLine(event.job, output.now()))
    if (event.job.state === 'done' && event.job.status !== undefined) {
      output.draw('')
      return event.job
    }
  }
  // The stream ended without the job's end: the job went on, or has been purged.
  return jobs.wait({ jobId }, options)
}

/** Tells how a job ended: its status, and the remedy when it is not a success. */
export async function tellEnd(job: Job, output: Output): Promise<ExitCode> {
  const status = job.status ?? 0
  if (output.json) await output.value(job)
  else {
    await output.line(`job ${job.id} ended with ${statusLines(status)[0]}`)
    if (job.statusText !== undefined && status > 0) output.note(printable(job.statusText))
  }
  if (status > 0) for (const line of statusLines(status)) output.note(line)
  // An import of which some images did not come back has not done what it was asked for.
  return status > 1 || (status === 1 && job.type === 'import') ? 1 : 0
}

/** A line of a job's log, with the step it tells of. */
export function logLine({ time, component, severity, step, text }: JobLogLine): string {
  const where = step === undefined ? '' : `${step.flow} ${step.number}`
  const told = withLocalTimes(text)
  const what = severity === 'info' ? told : `${severity}: ${told}`
  return printable(
    `${formatTimeOfDay(time)}  ${where.padEnd(10)}  ${component.padEnd(15)}  ${what}`,
  ).trimEnd()
}
