import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'

/** Options of `nb cancel`. */
export interface CancelOptions extends CallOptions {
  readonly jobIds: readonly string[]
  readonly reason?: string
}

/** `nb cancel ID...`: asks jobs to end with status 150. Rejects with `job-unknown`. */
export async function cancelCommand(
  { jobs }: Pick<Ports, 'jobs'>,
  { jobIds, reason, ...call }: CancelOptions,
  output: Output,
): Promise<ExitCode> {
  for (const jobId of jobIds) {
    await jobs.cancel({ jobId, ...(reason === undefined ? {} : { reason }) }, call)
    const job = await jobs.get({ jobId }, call)
    if (output.json) await output.value(job ?? { id: jobId })
    else if (job?.state !== 'done') await output.line(`job ${jobId}: asked to end`)
    else
      await output.line(
        `job ${jobId}: is done${job.status === undefined ? '' : ` with status ${job.status}`}`,
      )
  }
  return 0
}
