import type { CallOptions, Job, JobAction, JobManager, JobState } from '@nb/contracts'
import { blockerTitle } from '../blocker-text.ts'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { printable } from '../table.ts'
import { formatDuration, formatTime, withLocalTimes } from '../units.ts'
import { wantedSteps } from '../wanted-text.ts'

/** Options of `nb why`. */
export interface WhyOptions extends CallOptions {
  readonly jobId: string
}

/**
 * `nb why ID`: what a job waits for, who holds it and what would free it; for one that waits for nobody, what comes next.
 * Rejects with `job-unknown`.
 */
export async function whyCommand(
  { jobs }: { readonly jobs: Pick<JobManager, 'explain' | 'get'> },
  { jobId, ...call }: WhyOptions,
  output: Output,
): Promise<ExitCode> {
  const explanation = await jobs.explain({ jobId }, call)
  if (output.json) {
    await output.value(explanation)
    return 0
  }
  await output.line(printable(withLocalTimes(explanation.sentence)))
  const job = await jobs.get({ jobId }, call)
  const now = output.now()
  if (explanation.waiting && explanation.since !== undefined)
    await output.line(`waiting for ${formatDuration(now - explanation.since)}`)
  for (const blocker of explanation.blockers) {
    await output.line('')
    await output.line(printable(blockerTitle(blocker)))
    await output.line(printable(`  goes on when ${withLocalTimes(blocker.goesOnWhen)}`))
    for (const { jobId: holder, since } of blocker.holders)
      await output.line(`  held by job ${printable(holder)} for ${formatDuration(now - since)}`)
    if (blocker.wanted !== undefined)
      for (const step of wantedSteps(blocker.wanted, explanation.jobId))
        await output.line(printable(`  ${step}`))
  }
  if (job !== undefined) for (const line of nextLines(job, now)) await output.line(line)
  return 0
}

/** What comes by itself, and what a person may do about a job that stands still. */
function nextLines(
  { id, state, attempt, retryAt, incompleteUntil, checkpointAt, actions }: Job,
  now: number,
): string[] {
  const comes = (at: number): string => `${formatTime(at)}, in ${formatDuration(at - now)}`
  return [
    ...(retryAt === undefined ? [] : [`attempt ${attempt} has failed; the next begins ${comes(retryAt)}`]),
    ...(incompleteUntil === undefined
      ? []
      : [`it becomes done unless it is resumed by ${comes(incompleteUntil)}`]),
    ...(checkpointAt === undefined || state === 'active'
      ? []
      : [`it would go on from its checkpoint of ${formatTime(checkpointAt)}`]),
    ...(state === 'suspended' || state === 'incomplete' || state === 'waiting-for-retry'
      ? actions.flatMap((action) => actionLines(action, id, state))
      : []),
  ]
}

function actionLines(action: JobAction, id: string, state: JobState): string[] {
  // A job at rest is in no queue, in which a priority would help it.
  if (action === 'set-priority') return []
  const line = `to ${actionWords[action]}: nb ${action} ${id}`
  return action === 'suspend' && state === 'waiting-for-retry'
    ? [`to try again at once: nb suspend ${id} && nb resume ${id}`, line]
    : [line]
}

const actionWords: Readonly<Record<Exclude<JobAction, 'set-priority'>, string>> = {
  cancel: 'end it',
  suspend: 'hold it',
  resume: 'let it go on',
  restart: 'ask for it again',
}
