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
    await (output.json
      ? output.value({ jobId, cancelRequested: true })
      : output.line(`job ${jobId}: asked to end`))
  }
  return 0
}
