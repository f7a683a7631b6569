import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatTime } from '../units.ts'
import { forEach, given } from './each.ts'

/** Options of `nb suspend`. */
export interface SuspendOptions extends CallOptions {
  readonly jobIds: readonly string[]
  readonly reason?: string
}

/** `nb suspend ID...`: holds jobs until `nb resume`; an active backup ends its try at its last checkpoint. */
export async function suspendCommand(
  { jobs }: Pick<Ports, 'jobs'>,
  { jobIds, reason, ...call }: SuspendOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(jobIds, output, async (jobId) => {
    await jobs.suspend({ jobId, ...given('reason', reason) }, call)
    const job = await jobs.get({ jobId }, call)
    if (output.json) return output.value(job ?? { id: jobId })
    const state = job?.state === 'suspended' ? 'is suspended' : 'asked to suspend'
    const from =
      job?.checkpointAt === undefined ? '' : `; its last checkpoint is of ${formatTime(job.checkpointAt)}`
    return output.line(`job ${jobId}: ${state}${from}`)
  })
}
