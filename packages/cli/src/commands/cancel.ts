import type { CallOptions, Job } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { forEach, given } from './each.ts'

/** Options of `nb cancel`. */
export interface CancelOptions extends CallOptions {
  readonly jobIds: readonly string[]
  readonly reason?: string
}

/** `nb cancel ID...`: asks every job named to end with status 150; those for which that fails are told, and give 1. */
export async function cancelCommand(
  { jobs }: Pick<Ports, 'jobs'>,
  { jobIds, reason, ...call }: CancelOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(jobIds, output, async (jobId) => {
    await jobs.cancel({ jobId, ...given('reason', reason) }, call)
    await tellCancelled(await jobs.get({ jobId }, call), jobId, output)
  })
}

async function tellCancelled(job: Job | undefined, jobId: string, output: Output): Promise<void> {
  if (output.json) return output.value(job ?? { id: jobId })
  if (job?.state !== 'done') return output.line(`job ${jobId}: asked to end`)
  return output.line(`job ${jobId}: is done${job.status === undefined ? '' : ` with status ${job.status}`}`)
}
